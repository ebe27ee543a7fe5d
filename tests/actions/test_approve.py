"""Saying yes to a changed key: the box's gate hears of it from the key for restores, before anything trusts it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.planning.make import REPLICA, SOURCE, job, snap, source
from zoffsite.actions import approve
from zoffsite.actions.memory import ledger_of
from zoffsite.model.errors import SafetyError
from zoffsite.model.job import Job

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
OLD, NEW = "0f" * 32, "a5" * 32


class Hosts:
    """A source whose key is NEW, and a box that may refuse to hear of it."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.trouble = trouble
        self.told: list[tuple[str, str]] = []

    def source_of(self, _: Job) -> object:
        return object()

    def restore_box_of(self, _: Job) -> Any:
        return SimpleNamespace(allow_key=self.hear)

    def hear(self, replica: str, key: str) -> None:
        if self.trouble:
            raise self.trouble
        self.told.append((replica, key))


@pytest.fixture
def gated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A job whose ledger trusts OLD."""
    state = source(snap(1))
    monkeypatch.setattr(approve, "look_at_source", lambda *_: SimpleNamespace(chosen=[state]))
    monkeypatch.setattr(approve, "peek_key", lambda *_: NEW)
    made = replace(job(ledger=tmp_path / "ledger.sqlite"), gated=True, restore_identity=tmp_path / "restore")
    trust(made, OLD, anew=True)
    return made


def trust(made: Job, key: str, *, anew: bool = False) -> str:
    return ledger_of(made).trust(REPLICA, SOURCE, source(snap(1)).dataset.guid, key, anew=anew)


def test_the_gate_hears_of_the_key_and_then_it_is_trusted(gated: Job) -> None:
    hosts = Hosts()
    assert approve.approve_keys(gated, [SOURCE], hosts, NOW) == {SOURCE: NEW}  # type: ignore[arg-type]
    assert hosts.told == [(REPLICA, NEW)]
    assert trust(gated, NEW) == NEW


def test_what_the_gate_does_not_let_in_is_not_trusted_either(gated: Job) -> None:
    refusal = SafetyError("allow a key of", REPLICA, "no", "look", code="gate-refused")
    with pytest.raises(SafetyError):
        approve.approve_keys(gated, [SOURCE], Hosts(refusal), NOW)  # type: ignore[arg-type]
    assert trust(gated, NEW) == OLD


@pytest.mark.parametrize("change", [{"gated": False}, {"restore_identity": None}])
def test_a_box_without_a_gate_or_a_key_for_restores_is_not_told(gated: Job, change: dict[str, Any]) -> None:
    hosts = Hosts(AssertionError("told"))
    changed = replace(gated, **change)
    approve.approve_keys(changed, [SOURCE], hosts, NOW)  # type: ignore[arg-type]
    assert trust(changed, NEW) == NEW
