"""What can be typed behind `zoffsite restore`, before any host is asked."""

from __future__ import annotations

import io
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from tests.cli.test_commands import write_settings, zoffsite
from tests.planning.make import JOB
from tests.views.test_restore import DONE, PART, report
from zoffsite.actions.pick import Pick, Picked
from zoffsite.cli import pick as pick_cli
from zoffsite.cli import restore as restore_cli
from zoffsite.cli.restore import Asked, _draw_plan, _draw_report, moment_of
from zoffsite.model.drill import Speed
from zoffsite.model.evidence import Recovery
from zoffsite.model.notice import Notice
from zoffsite.model.property import Property
from zoffsite.model.restore import RestorePlan, RestoreReport
from zoffsite.planning.evidence import time_to_restore
from zoffsite.views.restore import restore_plan_json

__all__ = ["zoffsite"]  # a fixture

Zoffsite = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23", datetime(2026, 11, 23, 22, 59, 59, tzinfo=UTC)),
        ("2026-06-01", datetime(2026, 6, 1, 21, 59, 59, tzinfo=UTC)),
        ("2026-11-23T18:00", datetime(2026, 11, 23, 17, tzinfo=UTC)),
        ("2026-11-23 18:00:05", datetime(2026, 11, 23, 17, 0, 5, tzinfo=UTC)),
        ("2026-11-23T17:00:00Z", datetime(2026, 11, 23, 17, tzinfo=UTC)),
        ("latest", None),
        ("zoffsite-home-2026-11-23T03:00:00Z", None),
    ],
)
def test_a_date_is_the_end_of_that_day_and_a_time_is_local(in_berlin: None, text: str, moment: datetime | None) -> None:
    assert moment_of(text) == moment


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--key-file", "keys/home"), "not a whole path"),
        (("--key-file", "tank/home=keys/home"), "not a whole path"),
        (("--ask-key",), "no terminal"),
        (("--mount",), "no terminal"),
        (("--bandwidth", "5"), "--bandwidth 5"),
        (("--bandwidth", "5 Mbit/s"), "--bandwidth 5 Mbit/s"),
        (("--path", "letters", "--key-file", "/root/key"), "no whole path"),
    ],
)
def test_what_cannot_be_meant_is_said_before_any_host_is_asked(
    tmp_path: Path, zoffsite: Zoffsite, words: tuple[str, ...], said: str
) -> None:
    write_settings(tmp_path, 1, remote=False)
    done = zoffsite("restore", "tank/home", "--to", "tank/back", *words)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())


@pytest.mark.parametrize("path", ["/letters", "a/../b", "a//b", "", "a/"])
def test_a_path_is_one_within_the_dataset(tmp_path: Path, zoffsite: Zoffsite, path: str) -> None:
    write_settings(tmp_path, 1, remote=False)
    done = zoffsite("restore", "tank/home", "--to", "/root/to", "--path", path, "--key-file", "/root/key")
    assert (done.returncode, "no path within a dataset" in " ".join(done.stderr.split())) == (2, True)


def test_a_gate_gives_nothing_back_without_a_key_for_restores(tmp_path: Path, zoffsite: Zoffsite) -> None:
    write_settings(tmp_path, 1, remote=False)
    file = tmp_path / "zoffsite.toml"
    tunnel = 'root = "vault/zoffsite/home"\ntunnel = { endpoints = ["home.example.org"] }'
    file.write_text(file.read_text().replace('root = "vault/zoffsite/home"', tunnel))
    done = zoffsite("restore", "tank/home", "--to", "tank/back")
    assert done.returncode == 2
    assert "restore_identity_file" in done.stderr


def test_a_command_to_type_next_is_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    later = (Property(name="mountpoint", value=f"/srv/{'x' * 200}"),)
    outcome = replace(DONE, plan=replace(PART, properties_later=later), unlocked=True, mounted="/tank/back")
    _draw_report(Console(width=80), JOB, report(outcome))
    assert f"  zfs set mountpoint=/srv/{'x' * 200} 'tank/my home'\n" in capsys.readouterr().out


def drawn_plan(plan: RestorePlan) -> str:
    out = Console(record=True, width=100, file=io.StringIO())
    _draw_plan(out, JOB, plan)
    return out.export_text()


def test_the_plan_says_how_long_it_takes_how_that_is_known_and_whose_key_opens_each_dataset() -> None:
    own = replace(PART, dataset="tank/own", key_of="tank/own")
    plan = replace(report(DONE, replace(DONE, plan=own)).plan, time=Recovery(bytes=9, seconds=200.0, by="drills"))
    text = drawn_plan(plan)
    assert "opened by the key of tank " in text
    assert "opened by a key of its own" in text
    assert "about 3 min 20 s, by the rate of the last drills" in text
    shown = restore_plan_json(plan)
    assert (shown["estimated_seconds"], shown["estimated_by"]) == (200.0, "drills")
    assert shown["datasets"][1]["key_of"] == "tank/own"
    assert "nobody can tell how long" in drawn_plan(replace(plan, time=Recovery(bytes=9)))


ASKED = Asked(
    dataset="tank/my home",
    to="/tank/back",
    snapshot="latest",
    alone=False,
    key_files=("/root/key",),
    ask_key=False,
    mount=False,
    bandwidth=None,
    from_pool=None,
)
STRANGER = Notice(code="never-sent", subject="tank/my home", message="never sent", remedy="compare", alert=True)
DOES = report(DONE)
DOES = replace(DOES, plan=replace(DOES.plan, notices=(STRANGER,)))


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans without a host."""
    for cli in (restore_cli, pick_cli):
        monkeypatch.setattr(cli, "load", lambda: None)
        monkeypatch.setattr(cli, "job_of", lambda *_: JOB)
        monkeypatch.setattr(cli, "origin_of", lambda *_: nullcontext(JOB))
    monkeypatch.setattr(restore_cli, "plan_with_retries", lambda *_: DOES.plan)
    monkeypatch.setattr(pick_cli, "preview_pick", lambda *_: DOES.plan)


@pytest.mark.usefixtures("offline")
def test_the_plan_with_what_is_strange_about_it_is_drawn_before_the_first_byte_comes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before: list[str] = []

    def receive(*_: object) -> RestoreReport:
        before.append(capsys.readouterr().out)
        return DOES

    monkeypatch.setattr(restore_cli, "restore", receive)
    restore_cli.run_restore(None, ASKED, dry_run=False, as_json=False)
    for said in ("Restore of tank/my home", "about 1.0 KiB to come", "keys it will need", "never sent"):
        assert said in before[0]
    assert "Nothing was changed" not in before[0]
    after = capsys.readouterr().out
    assert "restored" in after
    assert "Restore of" not in after
    restore_cli.run_restore(None, ASKED, dry_run=False, as_json=True)
    assert before[1] == "", "JSON is one document"
    assert json.loads(capsys.readouterr().out)["notices"][0]["code"] == "never-sent"


@pytest.mark.usefixtures("offline")
def test_of_a_single_file_it_is_said_before_that_what_comes_is_strange(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before: list[str] = []

    def receive(_: object, pick: Pick, *__: object) -> Picked:
        before.append(capsys.readouterr().out)
        return Picked(pick=pick, snapshot="one", place="/tank/back/a", entries=1, bytes=1, received=1)

    monkeypatch.setattr(pick_cli, "pick_out", receive)
    pick_cli.run_pick(None, ASKED, "a", None, dry_run=False, as_json=False)
    assert "never sent" in before[0]


def test_a_bandwidth_that_was_asked_for_counts_where_it_is_the_slower() -> None:
    fast = Speed(rate=1000.0, by="drills")
    assert time_to_restore(5000, fast, None) == Recovery(bytes=5000, seconds=5.0, by="drills")
    assert time_to_restore(5000, fast, 2000) == Recovery(bytes=5000, seconds=5.0, by="drills")
    assert time_to_restore(5000, fast, 100) == Recovery(bytes=5000, seconds=50.0, by="bandwidth")
    assert time_to_restore(5000, None, 100) == Recovery(bytes=5000, seconds=50.0, by="bandwidth")
    assert time_to_restore(5000, None, None) == Recovery(bytes=5000)
