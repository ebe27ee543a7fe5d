"""From what pydantic found to Problems: where the wrong value stands, in which words, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from zoffsite.config.locate import line_of
from zoffsite.config.mistakes import Problem, WrongValueError, did_you_mean
from zoffsite.config.schema import Tables
from zoffsite.config.sources import Loc, Variable

_TYPES = {
    "int_type": ("this must be a whole number", "write a number without quotes"),
    "int_parsing": ("this must be a whole number", "write a number without quotes"),
    "int_from_float": ("this must be a whole number", "write a number without a fraction"),
    "bool_type": ("this must be true or false", "write true or false, without quotes"),
    "bool_parsing": ("this must be true or false", "write true or false, without quotes"),
    "string_type": ("this must be a text", 'put it in quotes: "…"'),
    "path_type": ("this must be a path", 'put it in quotes: "…"'),
    "tuple_type": ("this must be a list", 'write it in brackets: ["…", "…"]'),
    "model_type": ("this must be a table", "write it as a [table] with keys of its own"),
    "model_attributes_type": ("this must be a table", "write it as a [table] with keys of its own"),
    "dict_type": ("this must hold tables with names", "write it as [table.NAME]"),
    "too_short": ("this list is empty", "name at least one"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where settings came from: the file with the lines of its keys, and the variables, strongest first."""

    file: str
    lines: dict[Loc, int]
    variables: Sequence[Variable]

    def problem(self, loc: Loc, message: str, remedy: str, *, absent: bool = False) -> Problem:
        """A mistake at `loc`: in the variable that set it, else in the file. What is absent is absent from the file."""
        variable = None if absent else self._variable(loc)
        if variable is not None:
            return Problem(file=variable.file, line=variable.line, key=variable.name, message=message, remedy=remedy)
        return Problem(file=self.file, line=line_of(self.lines, loc), key=dotted(loc), message=message, remedy=remedy)

    def _variable(self, loc: Loc) -> Variable | None:
        for variable in self.variables:
            if variable.loc == loc[: len(variable.loc)]:
                return variable
        return None


def dotted(loc: Loc) -> str:
    """`job.home.datasets[0]`, as a person would name it."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).removeprefix(".")


def explain(errors: Sequence[ErrorDetails], origin: Origin) -> list[Problem]:
    """One Problem for each error."""
    return [_explain(error, origin) for error in errors]


def _explain(error: ErrorDetails, origin: Origin) -> Problem:
    loc = tuple(part for part in error["loc"] if part != "[key]")
    if error["type"] == "missing":
        key = f"{loc[-1]} is missing"
        return origin.problem(loc, key, "add it; docs/reference/settings.md says what it is", absent=True)
    return origin.problem(loc, *_words(error, loc))


def _words(error: ErrorDetails, loc: Loc) -> tuple[str, str]:
    """What is wrong and what to do; the value itself is shown by our own checks only, never by pydantic."""
    kind, context = error["type"], error.get("ctx", {})
    cause = context.get("error")
    if isinstance(cause, WrongValueError):
        return cause.problem, cause.remedy
    if kind == "extra_forbidden":
        return "there is no such setting", did_you_mean(str(loc[-1]), known_keys(loc[:-1]))
    if kind == "enum":
        return "this is none of the choices", f"write one of {context['expected']}"
    if kind in ("greater_than_equal", "less_than_equal"):
        least = kind == "greater_than_equal"
        bound = context["ge"] if least else context["le"]
        return f"this is too {'small' if least else 'large'}", f"write {'at least' if least else 'at most'} {bound}"
    return _TYPES.get(kind, (error["msg"], "docs/reference/settings.md says what it takes"))


def known_keys(loc: Loc) -> Mapping[str, Any]:
    """The settings that the table at `loc` may hold."""
    table: type[BaseModel] = Tables
    parts = list(loc)
    while parts:
        part = parts.pop(0)
        field = table.model_fields.get(str(part))
        inner = _model_of(field.annotation) if field else None
        if inner is None:
            return {}
        if field and getattr(field.annotation, "__origin__", None) is dict and parts:
            parts.pop(0)  # the table's own name
        table = inner
    return table.model_fields


def _model_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in reversed(get_args(annotation)):
        if (model := _model_of(argument)) is not None:
            return model
    return None
