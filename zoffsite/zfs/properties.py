"""Read the properties of datasets that are not the default: zfs-get(8)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from zoffsite.model.property import (
    ACTING,
    DESCRIBING,
    LONGEST_OF_OTHERS,
    MOST_OF_OTHERS,
    Property,
    is_of_others,
)
from zoffsite.zfs.malformed import MalformedError, malformed_answer
from zoffsite.zfs.names import is_dataset

LONGEST_VALUE = 8192
"""Bytes of a property's value (ZAP_MAXVALUELEN)."""

_INHERITED = "inherited from "
_OWN_SOURCES = ("local", "received")
_KNOWN = frozenset((*DESCRIBING, *ACTING))
_USER = re.compile(r"[a-z0-9:+._-]{1,255}")
"""The name of a user property: zfsprops(7), ZAP_MAXNAMELEN."""


def parse_properties(text: str, host: str) -> Mapping[str, tuple[Property, ...]]:
    """What `argv.get_properties` asks for, by dataset. Raises OperationError "malformed-answer"."""
    found: dict[str, list[Property]] = {}
    for line in text.removesuffix("\n").split("\n") if text else ():
        with malformed_answer(host, line):
            dataset, each = _property(line)
            found.setdefault(dataset, []).append(each)
    return {dataset: tuple(each) for dataset, each in found.items()}


def parse_of_others(text: str) -> Mapping[str, tuple[Property, ...]]:
    """The user properties of others in what `argv.get_every_property` asks for, by dataset.

    Anybody may have set them, to anything, line feeds included, which zfs prints as they are: what is not one line is
    passed over, and so is what is too long, or too many.
    """
    found: dict[str, dict[str, Property]] = {}
    last = ("", "")
    for line in text.removesuffix("\n").split("\n"):
        dataset, name, source, value = [*line.split("\t", 3), "", "", ""][:4]
        origin = source.removeprefix(_INHERITED)
        if not is_dataset(dataset) or not (source in _OWN_SOURCES or (origin != source and is_dataset(origin))):
            found.get(last[0], {}).pop(last[1], None)  # the rest of a value
            continue
        last = (dataset, name)
        several = found.setdefault(dataset, {})
        if is_of_others(name) and _USER.fullmatch(name) and _can_be_kept(value) and len(several) < MOST_OF_OTHERS:
            several[name] = Property(name=name, value=value, origin="" if source in _OWN_SOURCES else origin)
    return {dataset: tuple(several.values()) for dataset, several in found.items() if several}


def _can_be_kept(value: str) -> bool:
    return value.isprintable() and len(value) <= LONGEST_OF_OTHERS


def _property(line: str) -> tuple[str, Property]:
    fields = line.split("\t")
    if len(fields) != 4:
        raise MalformedError(f"{len(fields)} columns instead of 4")
    dataset, name, source, value = fields
    if not is_dataset(dataset) or name not in _KNOWN or len(value) > LONGEST_VALUE or not value.isprintable():
        raise MalformedError("not a property of a dataset")
    return dataset, Property(name=name, value=value, origin=_origin(source))


def _origin(source: str) -> str:
    """Empty where it was set, or received, with the dataset itself."""
    if source in _OWN_SOURCES:
        return ""
    origin = source.removeprefix(_INHERITED)
    if not source.startswith(_INHERITED) or not is_dataset(origin):
        raise MalformedError("not where a property comes from")
    return origin
