"""Open what has come back: load its keys, let one key open what one opened before, mount it for reading."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from shlex import quote

from zoffsite.hosts.receiver import Receiver
from zoffsite.model.dataset import Dataset, KeyStatus, Kind
from zoffsite.model.errors import OperationError, SettingsError, ZoffsiteError
from zoffsite.model.report import ErrorReport
from zoffsite.model.restore import Restoration, RestoreOutcome
from zoffsite.planning.properties import place_of
from zoffsite.views.restore import mount_words

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Where keys come from, by the dataset (as it is called on the source) whose key it is; "" stands for all others.

    `files` are whole paths on the receiving machine; `ask` asks a person. Nothing is opened where both are empty.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    ask: Callable[[str], str] | None = field(default=None, repr=False)
    mount: bool = False

    @property
    def given(self) -> bool:
        """True when something is to be opened."""
        return bool(self.files) or self.ask is not None


def open_up(outcomes: Iterable[RestoreOutcome], to: str, keys: Keys, receiver: Receiver) -> Iterator[RestoreOutcome]:
    """The outcomes, parents first, with what became of keys and mounts. A person is asked once for each key.

    By what is so at `to` now: what an earlier restore has opened already stays as it is.
    """
    here = receiver.inventory(to).datasets if keys.given else {}
    opener = _Opener(keys, receiver)
    for outcome in outcomes:
        state = here.get(outcome.plan.target)
        if outcome.state.good and state is not None:
            yield opener.open(outcome, state.dataset)
        else:
            yield outcome


class _Opener:
    """What was opened so far, by whose key, and what a person has typed."""

    def __init__(self, keys: Keys, receiver: Receiver) -> None:
        self._keys = keys
        self._receiver = receiver
        self._typed: dict[str, str] = {}
        self._opened: dict[str, str] = {}

    def open(self, outcome: RestoreOutcome, here: Dataset) -> RestoreOutcome:
        """The outcome, with what became of it. Raises no ZoffsiteError: see its `error`."""
        part = outcome.plan
        try:
            if here.encryptionroot == here.name:
                self._unlock(part, here)
            outcome = replace(outcome, unlocked=True)
            self._opened[part.target] = part.key_of
            if self._keys.mount and part.kind is Kind.FILESYSTEM:
                where = self._receiver.mounted_at(part.target) if here.mounted else self._mount(part)
                outcome = replace(outcome, mounted=where)
        except ZoffsiteError as error:
            log.error("%s; %s", error, error.remedy)
            outcome = replace(outcome, error=ErrorReport.of(error))
        return outcome

    def _mount(self, part: Restoration) -> str:
        try:
            return self._receiver.mount_to_look(part.target, part.place_to_look)
        except OperationError as error:
            raise _not_mounted(part, error) from error

    def _unlock(self, part: Restoration, here: Dataset) -> None:
        """Load its key; where the dataset above came back with the same one, that opens it from now on."""
        if here.keystatus is KeyStatus.UNAVAILABLE:
            self._load(part)
        if self._opened.get(part.target.rpartition("/")[0]) == part.key_of:
            self._receiver.inherit_key(part.target)

    def _load(self, part: Restoration) -> None:
        path = self._keys.files.get(part.key_of) or self._keys.files.get("")
        if path is not None:
            self._receiver.load_key(part.target, path)
        elif self._keys.ask is not None:
            if part.key_of not in self._typed:
                self._typed[part.key_of] = self._keys.ask(part.key_of)
            self._receiver.load_typed_key(part.target, self._typed[part.key_of])
        else:
            raise no_key(part)


def _not_mounted(part: Restoration, error: OperationError) -> OperationError:
    """Most often what is above it is mounted read-only, and has no folder for it."""
    return OperationError(
        error.operation,
        error.subject,
        error.problem,
        f"mount it elsewhere: {mount_words(part.target, place_of(part))}",
        code=error.code,
    )


def no_key(part: Restoration) -> SettingsError:
    """Files were given for others only."""
    return SettingsError(
        "load the key of",
        part.target,
        f"no key was given that opens what {part.key_of} opened",
        f"--key-file {quote(part.key_of)}=/path/to/its/key",
        code="no-key",
    )
