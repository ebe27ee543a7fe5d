"""The places a setting can come from, as pydantic-settings sources that remember where each value stood.

From strong to weak: the environment, `.env` beside the file, the secrets directory, zoffsite.toml. All but the last are
variables, `ZOFFSITE_JOB__MY_HOME__PARALLEL`; a dash in a name is an underscore there, for a shell allows no dash.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource

from zoffsite.config.schema import DELIMITER, PREFIX

Loc = tuple[str | int, ...]
TABLES = ("box", "disk", "source", "job")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One variable: `file` is `environment`, the path of .env, or the path of its own file in the secrets directory."""

    name: str
    value: str
    file: str
    line: int | None = None

    @property
    def loc(self) -> Loc:
        """The setting that it overrides, as pydantic names it: ("job", "my-home", "parallel")."""
        head, *rest = self.name.lower().removeprefix(PREFIX.lower()).split(DELIMITER)
        if head in TABLES and rest:
            rest[0] = rest[0].replace("_", "-")
        return (head, *rest)


class VariablesSource(EnvSettingsSource):
    """Variables of one place as a source of pydantic-settings."""

    def __init__(self, settings_cls: type[BaseSettings], variables: Iterable[Variable]) -> None:
        self._variables = {variable.name.lower(): variable.value for variable in variables}
        super().__init__(settings_cls)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self._variables

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:  # noqa: ARG002 (theirs)
        """A list is written as JSON, or simply with commas; anything else is left for the checks to refuse."""
        try:
            return json.loads(value)
        except ValueError:
            return [part.strip() for part in str(value).split(",")]

    def __call__(self) -> dict[str, Any]:
        """The variables as nested tables, names with their dashes."""
        data = super().__call__()
        for table in TABLES:
            if isinstance(data.get(table), dict):
                data[table] = {name.replace("_", "-"): value for name, value in data[table].items()}
        return data
