"""Reads variables: the environment, `.env`, the secrets directory. Names and places are reported, values never."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from zoffsite.config.mistakes import Problem, did_you_mean
from zoffsite.config.places import CONFIG_VARIABLE
from zoffsite.config.schema import DELIMITER, PREFIX, Tables
from zoffsite.config.sources import TABLES, Variable

SECRETS_VARIABLE = "ZOFFSITE_SECRETS_DIR"
ELSEWHERE = ("ZOFFSITE_LAB_", "ZOFFSITE_TEST_", "ZOFFSITE_BENCH_", "ZOFFSITE_DEMO_")
"""Variables of the lab and the scripts: no settings, so no business of this room."""

_LARGEST = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Variables:
    """What one place held, and what was wrong with it. `secrets_dir` is the directory that it points to, if it does."""

    found: tuple[Variable, ...] = ()
    secrets_dir: str | None = None
    problems: tuple[Problem, ...] = ()


def from_environment(environ: Mapping[str, str]) -> Variables:
    """Our variables of the environment."""
    return _sorted_out(Variable(name=name, value=value, file="environment") for name, value in environ.items())


def from_dotenv(path: Path) -> Variables:
    """Our variables in `path`; an absent file is none. Nothing is interpolated: a `$` in a password stays one."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Variables()
    except (OSError, UnicodeDecodeError):
        remedy = f"make it a text that this user may read: ls -l {path}"
        return Variables(problems=(_problem(path, None, ".env", "it cannot be read", remedy),))
    found, problems = list[Variable](), list[Problem]()
    if mode & 0o077:
        problems.append(_problem(path, None, ".env", "others may read the secrets in it", f"chmod 600 {path}"))
    seen = dict[str, int]()
    for binding in parse_stream(StringIO(text)):
        line = binding.original.line
        if binding.error or (binding.key is not None and binding.value is None):
            problems.append(_problem(path, line, ".env", "this line is not NAME=value", "quote a value with spaces"))
        elif binding.key is not None and binding.key in seen:
            again = f"it was given in line {seen[binding.key]} already"
            problems.append(_problem(path, line, binding.key, again, "keep one of the two"))
        elif binding.key is not None and binding.value is not None:
            seen[binding.key] = line
            found.append(Variable(name=binding.key, value=binding.value, file=str(path), line=line))
    ours = _sorted_out(found)
    return replace(ours, problems=(*problems, *ours.problems))


def everybodys_variables(directory: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """All of the environment and, weaker, of `.env` in that directory: those of Prefect, too, which are not ours."""
    written = dotenv_values(directory / ".env", interpolate=False)
    return {name: value for name, value in written.items() if value is not None} | dict(environ)


def from_secrets_dir(directory: Path) -> Variables:
    """Each file called like a variable of ours holds its value, as systemd credentials and container secrets do."""
    found, problems = list[Variable](), list[Problem]()
    try:
        files = sorted(file for file in directory.iterdir() if file.name.upper().startswith(PREFIX))
    except OSError as error:
        what = f"{directory} cannot be read ({error.strerror})"
        fault = _problem("environment", None, SECRETS_VARIABLE, what, "name a directory that this user may read")
        return Variables(problems=(fault,))
    for file in files:
        try:
            with file.open(encoding="utf-8") as stream:
                value = stream.read(_LARGEST).strip()
        except (OSError, UnicodeDecodeError):
            problems.append(_problem(file, None, file.name.upper(), "it cannot be read", f"ls -l {file}"))
        else:
            found.append(Variable(name=file.name.upper(), value=value, file=str(file)))
    ours = _sorted_out(found)
    return Variables(found=ours.found, problems=(*problems, *ours.problems))


def repeated(stronger: Variables, weaker: Variables) -> list[Problem]:
    """Variables that two files hold: one of them would be a secret nobody uses, and nobody would know which."""
    first = {variable.loc: variable.file for variable in stronger.found}
    return [
        _problem(again.file, again.line, again.name, f"{first[again.loc]} holds it too", "keep one of the two")
        for again in weaker.found
        if again.loc in first
    ]


def _sorted_out(variables: Iterable[Variable]) -> Variables:
    found, problems, secrets_dir = list[Variable](), list[Problem](), None
    for variable in variables:
        name = variable.name.upper()
        if not name.startswith(PREFIX) or name.startswith(ELSEWHERE):
            continue
        if name == SECRETS_VARIABLE:
            secrets_dir = variable.value or None
            continue
        if name == CONFIG_VARIABLE:
            if variable.file != "environment":
                what = "it says where this file is, so it cannot stand in it"
                problems.append(_problem(variable.file, variable.line, name, what, "set it in the environment"))
            continue
        fault = _fault(variable)
        if fault is None:
            found.append(variable)
        else:
            problems.append(_problem(variable.file, variable.line, variable.name, *fault))
    return Variables(found=tuple(found), secrets_dir=secrets_dir, problems=tuple(problems))


def _fault(variable: Variable) -> tuple[str, str] | None:
    """What is wrong with a variable's name, so far as can be told without the file."""
    head, *rest = variable.loc
    if head in TABLES:
        shape = f"{PREFIX}{str(head).upper()}{DELIMITER}NAME{DELIMITER}SETTING"
        return None if len(rest) >= 2 and all(rest) else ("it does not say which setting it is for", f"write {shape}")
    if head in Tables.model_fields and not rest:
        return None
    known = [f"{PREFIX}{field.upper()}" for field in Tables.model_fields if field not in TABLES]
    guess = did_you_mean(variable.name.upper(), [*known, CONFIG_VARIABLE, SECRETS_VARIABLE])
    return "there is no such setting", guess


def _problem(file: Path | str, line: int | None, key: str, message: str, remedy: str) -> Problem:
    return Problem(file=str(file), line=line, key=key, message=message, remedy=remedy)
