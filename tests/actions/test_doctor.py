"""Who hears of what the doctor found, and which box of the settings a job's is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.doctor.make import ACCOUNT, BOX, BOX_SAYS, JOB, MACHINE, case, said
from tests.notify.servers import Posted, web_server, web_url
from zoffsite.actions.doctor import doctor_job, machine_of, made_when, tell_of
from zoffsite.config.settings import Receiver, Settings
from zoffsite.doctor.examine import examine
from zoffsite.history import past_runs
from zoffsite.model.alert import AlertKind
from zoffsite.model.checkup import Checkup
from zoffsite.model.errors import UnreachableError
from zoffsite.state import last_report


@pytest.fixture
def web() -> Iterator[tuple[int, Posted]]:
    with web_server() as server:
        yield server


def checkup(day: int, **changes: str) -> Checkup:
    sick = case(box=said(BOX_SAYS, **changes))
    return Checkup(job="home", when=sick.facts.now + timedelta(days=day), findings=examine(sick, ("reboot",)))


def test_what_counts_is_told_once_and_what_is_new_at_once(web: tuple[int, Posted], tmp_path: Path) -> None:
    port, posted = web
    receiver = Receiver(url=web_url(port), kinds=frozenset(AlertKind))
    job = replace(JOB, ledger=tmp_path / "ledger.sqlite")
    settings = Settings(
        file=tmp_path / "x.toml", state_dir=tmp_path, jobs={"home": job}, heard_by={"home": (receiver,)}
    )
    tell_of(settings, job, checkup(0, reboot="x"), "one")
    assert posted.empty(), "what the settings accept is no alert"
    tell_of(settings, job, checkup(1, secure_boot="0"), "two")
    tell_of(settings, job, checkup(1, secure_boot="0"), "three")
    tell_of(settings, job, checkup(1, secure_boot="0", observed="0"), "four")
    messages = [posted.get_nowait() for _ in range(posted.qsize())]
    assert [each["type"] for each in messages] == ["warning", "warning"]
    assert (
        "WARNING: Secure Boot is off (the box's own word). Without it, a changed kernel boots" in messages[0]["message"]
    )
    assert "the keeper last looked" in messages[1]["message"]
    assert last_report("home", tmp_path) is None, "the backup's own report is another"


def test_what_keeps_the_doctor_from_looking_is_told_and_remembered(web: tuple[int, Posted], tmp_path: Path) -> None:
    port, posted = web
    receiver = Receiver(url=web_url(port), kinds=frozenset(AlertKind))
    settings = Settings(
        file=tmp_path / "x.toml", state_dir=tmp_path, jobs={"home": JOB}, heard_by={"home": (receiver,)}
    )

    def look() -> Checkup:
        raise UnreachableError("reach", "nas", "nobody answers", "look at it", code="connection-refused")

    with pytest.raises(UnreachableError):
        doctor_job(settings, JOB, "home-doctor-x", "zoffsite doctor", look)
    message = posted.get_nowait()
    assert message["type"] == "failure"
    assert "nobody answers" in message["message"]
    (past,) = past_runs("home", tmp_path)
    assert (past.verb, past.state, past.how) == ("doctor", "failed", "zoffsite doctor")
    assert last_report("home", tmp_path) is None, "the backup's own report is another"


def test_what_the_doctor_found_is_remembered(tmp_path: Path) -> None:
    job = replace(JOB, ledger=tmp_path / "ledger.sqlite")
    settings = Settings(file=tmp_path / "x.toml", state_dir=tmp_path, jobs={"home": job})
    doctor_job(settings, job, "one", "a test", lambda: checkup(0, firewall=""))
    doctor_job(settings, job, "two", "a test", lambda: checkup(1, secure_boot="0"))
    assert [(each.run, each.state) for each in past_runs("home", tmp_path)] == [("one", "failed"), ("two", "ok")]
    assert "critical" in past_runs("home", tmp_path)[0].words


def test_a_jobs_box_is_the_one_with_its_address_and_its_user() -> None:
    assert machine_of(BOX, [MACHINE]) == (MACHINE, ACCOUNT)
    assert machine_of(replace(BOX, user="other"), [MACHINE]) == (MACHINE, None)
    assert machine_of(replace(BOX, port=2222), [MACHINE]) == (None, None)
    assert machine_of(BOX, []) == (None, None)


def test_a_key_that_is_kept_elsewhere_is_as_old_as_its_public_half(tmp_path: Path) -> None:
    key = tmp_path / "restore"
    assert made_when(key) is None
    key.with_name("restore.pub").touch()
    os.utime(key.with_name("restore.pub"), (1000, 1000))
    assert made_when(key) == datetime.fromtimestamp(1000, UTC)
    key.touch()
    os.utime(key, (900, 900))
    assert made_when(key) == datetime.fromtimestamp(900, UTC)
