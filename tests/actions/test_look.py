"""What a look at the source finds: here a `zfs` that has one dataset, and says of any other that it is not there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.hosts.test_endpoint import row
from tests.planning.make import JOB, NOON
from tests.zfs.answers import INCREMENTAL_SIZE, TOKEN_CONTENTS
from zoffsite.actions.chain import split
from zoffsite.actions.look import look_at_replica, look_at_source
from zoffsite.actions.memory import ledger_of
from zoffsite.hosts.connections import Connections
from zoffsite.model.errors import OperationError, SettingsError
from zoffsite.model.inventory import TokenContents, UnreadToken
from zoffsite.model.job import Disk, Job
from zoffsite.model.plan import JobPlan
from zoffsite.model.report import DatasetResult
from zoffsite.model.work import JobWork, SourceFacts

NOW = datetime.fromtimestamp(NOON, UTC)
HOME, GONE, TYPO = "tank/home", "tank/gone", "tank/hoem"

ZFS = """#!/bin/sh
missing=0
for each in "$@"; do
    case "$each" in tank/home|vault/*) ;; */*) echo "cannot open '$each': dataset does not exist" >&2; missing=1 ;; esac
done
case "$*" in
"send -n -v -P -t "*) cat "{folder}/$6"; cat "{folder}/$6.err" >&2; exit $(wc -l < "{folder}/$6.err") ;;
"list -H -o name "*) echo tank/home ;;
*) cat {folder}/rows ;;
esac
exit $missing
"""

SOUND = TOKEN_CONTENTS + INCREMENTAL_SIZE
TOKENS = {
    "good": (SOUND, ""),
    "forged": (SOUND.replace("tank/enc@s2", "tank/enc@s2\n\ttoguid = 0x1", 1), ""),
    "broken": ("", "cannot resume send: I/O error\n"),
}
NAMED = {name: f"1-{place}-b-c" for place, name in enumerate(TOKENS)}


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """Two datasets, of which one is there."""
    (tmp_path / "rows").write_text(row(HOME))
    (tmp_path / "zfs").write_text(ZFS.format(folder=tmp_path))
    (tmp_path / "zpool").write_text("#!/bin/sh\n")
    for program in ("zfs", "zpool"):
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return replace(JOB, datasets=(HOME, GONE), ledger=tmp_path / "ledger")


@pytest.fixture
def disk_job(job: Job, tmp_path: Path) -> Job:
    """A root with an interrupted receive of each of TOKENS."""
    rows = [row(f"vault/box/{name}", receive_resume_token=token) for name, token in NAMED.items()]
    (tmp_path / "rows").write_text("".join(rows))
    for name, (out, err) in TOKENS.items():
        (tmp_path / NAMED[name]).write_text(out)
        (tmp_path / f"{NAMED[name]}.err").write_text(err)
    return replace(job, box=Disk(pool="vault", guid=1, absent_after=timedelta(days=9)))


def remember(job: Job) -> None:
    ledger_of(job).trust("vault/box/tank:gone", GONE, 7, "aa", anew=True)


def look(job: Job, *only: str) -> SourceFacts:
    return look_at_source(job, Connections(), NOW, only)


def test_what_was_backed_up_and_is_gone_fails_by_name_and_the_others_go_on(job: Job) -> None:
    remember(job)
    facts = look(job)
    assert [state.dataset.name for state in facts.chosen] == [HOME]
    plan = JobPlan(job="home", to_snapshot=(), datasets=facts.vanished, prune=())
    (outcome,), rest = split(job, JobWork(plan=plan, datasets=(), vanished=facts.vanished))
    assert (outcome.source, outcome.replica, rest) == (GONE, "vault/box/tank:gone", [])
    assert (outcome.state, outcome.state.good) == (DatasetResult.CONFLICT, False)
    assert outcome.error is not None
    assert outcome.error.code == "vanished"


def test_a_run_of_another_dataset_says_nothing_of_it(job: Job) -> None:
    remember(job)
    assert look(job, HOME).vanished == ()


def test_what_was_never_backed_up_is_an_error_before_anything_runs(job: Job) -> None:
    remember(job)
    with pytest.raises(SettingsError) as caught:
        look(replace(job, datasets=(HOME, GONE, TYPO)))
    assert caught.value.code == "nothing-matched"
    assert TYPO in caught.value.problem
    assert GONE not in caught.value.problem


def test_a_token_that_cannot_be_read_concerns_its_own_dataset_only(disk_job: Job) -> None:
    tokens = look_at_replica(disk_job, Connections(), "vault/box").tokens
    good, forged, broken = (tokens[f"vault/box/{name}"] for name in TOKENS)
    assert isinstance(good, TokenContents)
    assert isinstance(forged, UnreadToken)
    assert (forged.code, forged.problem.partition(":")[0]) == ("malformed-answer", "toguid is there twice")
    assert isinstance(broken, UnreadToken)
    assert broken.code == "io-error"


def test_a_token_that_could_be_read_later_is_tried_again(disk_job: Job, tmp_path: Path) -> None:
    (tmp_path / f"{NAMED['broken']}.err").write_text("internal error: dataset is busy\n")
    with pytest.raises(OperationError) as caught:
        look_at_replica(disk_job, Connections(), "vault/box")
    assert caught.value.transient
