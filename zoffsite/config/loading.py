"""Reads all settings and finds all mistakes in them at once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

from zoffsite.config.convert import to_machines, to_settings
from zoffsite.config.crosschecks import Parsed, cross_check
from zoffsite.config.explain import Origin, explain
from zoffsite.config.machines import Machine
from zoffsite.config.mistakes import Problem, did_you_mean
from zoffsite.config.pairing import fill_host_keys
from zoffsite.config.places import find_config, state_dir
from zoffsite.config.schema import Tables
from zoffsite.config.settings import Settings
from zoffsite.config.shown import Shown, shown
from zoffsite.config.sources import TABLES, Loc, Variable, VariablesSource
from zoffsite.config.tomlfile import TomlFile, read_toml
from zoffsite.config.variables import Variables, from_dotenv, from_environment, from_secrets_dir, repeated
from zoffsite.model.errors import SettingsError

Data = dict[str, Any]


def load(path: Path | None = None, *, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings, or SettingsError (no-config, bad-settings)."""
    file = find_config(path, environ)
    settings, found, _ = _read(file, os.environ if environ is None else environ)
    if settings is None:
        raise _bad_settings(file, found)
    return settings


def problems(path: Path | None = None, *, environ: Mapping[str, str] | None = None) -> list[Problem]:
    """Every mistake, or an empty list; SettingsError (no-config) when there is no file to check."""
    return _read(find_config(path, environ), os.environ if environ is None else environ)[1]


def load_machines(path: Path | None = None) -> tuple[Path, tuple[Machine, ...]]:
    """The settings file, and the boxes with a tunnel that it has, paired or not; SettingsError as for `load`."""
    file = find_config(path)
    _, found, boxes = _read(file, os.environ)
    if boxes is None:
        raise _bad_settings(file, found)
    return file, boxes


def secret_files(file: Path, *, environ: Mapping[str, str] | None = None) -> tuple[Path, ...]:
    """The files of the secrets directory that hold variables of ours; none where there is no such directory."""
    directory = _secrets_dir(file.parent, os.environ if environ is None else environ)
    found = from_secrets_dir(directory).found if directory else ()
    return tuple(Path(variable.file) for variable in found)


def show(path: Path | None = None) -> tuple[Path, tuple[Shown, ...]]:
    """The settings file, and every setting with its value and origin; SettingsError as for `load`."""
    file = find_config(path)
    settings, found, _ = _read(file, os.environ)
    if settings is None:
        raise _bad_settings(file, found)
    _, merged, origin, _ = _gathered(file, os.environ)
    found_there = _validate(merged).model_copy(update={"state_dir": settings.state_dir})
    return file, tuple(shown(found_there, merged, origin))


def _bad_settings(file: Path, found: Sequence[Problem]) -> SettingsError:
    count = "one mistake" if len(found) == 1 else f"{len(found)} mistakes"
    lines = "".join(f"\n  {problem}" for problem in found)
    problem = f"{count}, so nothing was run:{lines}"
    return SettingsError("read settings", str(file), problem, "zoffsite config check", code="bad-settings")


def _read(file: Path, environ: Mapping[str, str]) -> tuple[Settings | None, list[Problem], tuple[Machine, ...] | None]:
    """The settings, what is wrong with them, and the machines, which need not be paired yet."""
    toml, merged, origin, found = _gathered(file, environ)
    if not toml.lines and toml.problems:  # nothing could be read, so that nothing more can be said
        return None, found, None
    unpaired = fill_host_keys(merged["box"], file) if isinstance(merged.get("box"), dict) else []
    try:
        tables = _validate(merged)
    except ValidationError as error:
        found += explain(error.errors(include_url=False), origin)
        tables = _sound(merged, error)
    parsed = Parsed(
        boxes=tables.box,
        disks=tables.disk,
        sources=tables.source,
        jobs=tables.job,
        named={kind: frozenset(_names(merged, kind)) for kind in TABLES},
        written={name: frozenset(merged["job"][name]) for name in tables.job},
        key_files=_key_files(merged),
        directory=file.parent,
    )
    found += [origin.problem(*finding) for finding in cross_check(parsed)]
    boxes = None if found else tuple(to_machines(parsed))
    found = sorted(
        [*found, *unpaired], key=lambda problem: (problem.file != str(file), problem.file, problem.line or 0)
    )
    if found:
        return None, found, boxes
    return to_settings(parsed, file, tables.state_dir or state_dir(file, environ), tables.notify_urls), [], boxes


def _gathered(file: Path, environ: Mapping[str, str]) -> tuple[TomlFile, Data, Origin, list[Problem]]:
    """What the file and the variables say, as one tree, with the origin of each part; and what cannot be read."""
    places, found = _variables(file.parent, environ)
    toml = read_toml(file)
    found += toml.problems
    used = [] if not toml.lines and toml.problems else [_with_a_table(place, toml.data, found) for place in places]
    variables = [variable for place in used for variable in place]
    origin = Origin(file=str(file), lines=toml.lines, variables=variables)
    return toml, _merged(toml.data, used), origin, found


def _variables(directory: Path, environ: Mapping[str, str]) -> tuple[list[Variables], list[Problem]]:
    """The variables of each place, the strongest place first."""
    environment, dotenv = from_environment(environ), from_dotenv(directory / ".env")
    secrets_dir = _secrets_dir(directory, environ)
    secrets = from_secrets_dir(secrets_dir) if secrets_dir else Variables()
    places = [environment, dotenv, secrets]
    return places, [*(fault for place in places for fault in place.problems), *repeated(dotenv, secrets)]


def _secrets_dir(directory: Path, environ: Mapping[str, str]) -> Path | None:
    named = from_environment(environ).secrets_dir or from_dotenv(directory / ".env").secrets_dir
    return directory / Path(named).expanduser() if named else None


def _with_a_table(place: Variables, data: Data, found: list[Problem]) -> list[Variable]:
    """The variables that change a table of the file. One that would make a new table is a slip of the pen: `found`."""
    used = []
    for variable in place.found:
        kind = str(variable.loc[0])
        if kind not in TABLES or variable.loc[1] in _names(data, kind):
            used.append(variable)
            continue
        found.append(
            Problem(
                file=variable.file,
                line=variable.line,
                key=variable.name,
                message=f'there is no {kind} "{variable.loc[1]}" in the file that it could change',
                remedy=did_you_mean(str(variable.loc[1]), _names(data, kind)),
            )
        )
    return used


def _names(data: Data, kind: str) -> list[str]:
    tables = data.get(kind)
    return list(tables) if isinstance(tables, dict) else []


def _key_files(merged: Data) -> dict[Loc, Path]:
    """The private keys that are named, be the rest of their tables right or wrong."""
    tables = [(kind, name, merged[kind][name]) for kind in ("box", "source") for name in _names(merged, kind)]
    return {
        (kind, name, "identity_file"): Path(table["identity_file"])
        for kind, name, table in tables
        if isinstance(table, dict) and isinstance(table.get("identity_file"), str)
    }


def _merged(data: Data, places: Sequence[Sequence[Variable]]) -> Data:
    """One tree of settings: the file's, changed by the variables, the weakest place first."""
    merged = deepcopy(data)
    for place in reversed(places):
        _lay_over(merged, VariablesSource(Tables, place)())
    return merged


def _lay_over(below: Data, above: Data) -> None:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            _lay_over(below[key], value)
        else:
            below[key] = value


def _validate(merged: Data) -> Tables:
    """The tables of `merged`, which is the only source: everything else has been read into it, with its origin."""

    class Read(Tables):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *_: PydanticBaseSettingsSource, **__: PydanticBaseSettingsSource
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (InitSettingsSource(settings_cls, init_kwargs=merged),)

    return Read()


def _sound(merged: Data, first: ValidationError) -> Tables:
    """The tables of `merged` less what is wrong, so that the rest can still be checked against each other.

    A wrong value costs its place in a list, else its own key, or the table within the job's, so that one with a default
    takes no more with it; where that is not enough, for nothing can stand in for it, it costs the job, box or source.
    """
    rest, error = deepcopy(merged), first
    for depth in (4, 3, 2, 1):
        for item in error.errors(include_url=False):
            loc = item["loc"]
            in_list = depth == 4 and any(isinstance(part, int) for part in loc)
            _drop(rest, loc if in_list else loc[: min(depth, 3) if loc[0] in TABLES else 1])
        try:
            return _validate(rest)
        except ValidationError as again:
            error = again
    return _validate({})


def _drop(data: Data, loc: Loc) -> None:
    *around, last = loc
    inner: Any = data
    for part in around:
        inner = inner.get(part) if isinstance(inner, dict) else None
    if isinstance(inner, dict):
        inner.pop(last, None)
    elif isinstance(inner, list) and isinstance(last, int):
        inner[last] = f"?{last}"  # a pattern like no other, so that those after it keep their places
