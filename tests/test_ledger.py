"""The ledger: real SQLite, real processes, real damage."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.planning.make import dataset, snap
from zoffsite.ledger import HABIT, Ledger
from zoffsite.ledger import schema as module
from zoffsite.model.errors import OperationError
from zoffsite.model.memory import Increment, Memory, OnBox, Remembered, SentSnapshot
from zoffsite.model.notice import Notice
from zoffsite.model.plan import SendStep
from zoffsite.model.proof import ProofOutcome, ProofResult, Proofs, Provable, StreamDigest
from zoffsite.model.property import Property

REPLICA = "vault/box/tank:home"
WHEN = datetime(2026, 11, 23, 3, 0, 0, 123456, tzinfo=UTC)
FULL = SentSnapshot(
    dataset="tank/home",
    dataset_guid=2**64 - 1,
    replica=REPLICA,
    name="one",
    guid=2**64 - 2,
    base_guid=None,
    written=5000,
    bytes=6000,
    seconds=1.5,
    when=WHEN,
    key="aa",
    encryptionroot="tank",
    createtxg=77,
)
NEXT = replace(FULL, name="two", guid=2**63, base_guid=2**64 - 2, written=70)
ALARM = Notice(code="mostly-freed", subject="tank/home", message="gone", remedy="look", alert=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ledger.sqlite"


def opened(path: Path) -> contextlib.closing[sqlite3.Connection]:
    """The file, for others than the ledger."""
    return contextlib.closing(sqlite3.connect(path, isolation_level=None))


@pytest.fixture
def ledger(path: Path) -> Ledger:
    return Ledger(path, "home")


def test_what_was_sent_is_remembered_with_guids_of_all_64_bits(ledger: Ledger) -> None:
    ledger.add(FULL)
    ledger.add(NEXT)
    remembered = ledger.recall().replicas[REPLICA]
    assert list(remembered.on_box) == [OnBox(name="one", guid=2**64 - 2), OnBox(name="two", guid=2**63)]
    assert remembered.increments == (70,)


def test_every_column_is_written_down(ledger: Ledger, path: Path) -> None:
    ledger.add(NEXT)
    with opened(path) as db:
        db.row_factory = sqlite3.Row
        row = dict(db.execute("SELECT * FROM sent").fetchone())
    assert row == {
        "id": 1,
        "job": "home",
        "dataset": "tank/home",
        "dataset_guid": str(2**64 - 1),
        "replica": REPLICA,
        "snapshot": "two",
        "guid": str(2**63),
        "base_guid": str(2**64 - 2),
        "written": 70,
        "bytes": 6000,
        "seconds": 1.5,
        "at": "2026-11-23T03:00:00.123456+00:00",
        "key": "aa",
        "gone": 0,
        "encryptionroot": "tank",
        "createtxg": 77,
    }


def test_whose_key_opened_it_when_it_was_last_sent_is_remembered(ledger: Ledger) -> None:
    ledger.add(FULL)
    ledger.add(replace(NEXT, encryptionroot="tank/home"))
    ledger.seen([(dataset("tank/home", encryptionroot=None), REPLICA, OnBox(name="three", guid=3))])
    assert ledger.recall().replicas[REPLICA].encryptionroot == "tank/home"


def test_what_was_proved_counts_until_it_differs_or_is_renamed(ledger: Ledger, path: Path) -> None:
    assert ledger.proofs() == Proofs()
    step = SendStep(to=snap(2), base=snap(1), estimated_bytes=0)
    each = Provable(dataset="tank/home", replica=REPLICA, ours=step, theirs=step, proved=None, newest=True)
    good = ProofOutcome(provable=each, state=ProofResult.PROVED, when=WHEN, bytes=7, seconds=1.5)
    ledger.add_proof(good)
    assert ledger.proofs() == Proofs(last={(REPLICA, 101, 102): WHEN}, began=WHEN)
    assert Ledger(path, "other").proofs() == Proofs()
    house, later = "vault/box/tank:house", WHEN + timedelta(days=1)
    ledger.renamed(Remembered(dataset="tank/home", replica=REPLICA), "tank/house", house)
    assert ledger.proofs().last == {(house, 101, 102): WHEN}
    ledger.add_proof(ProofOutcome(provable=replace(each, replica=house), state=ProofResult.DIFFERENT, when=later))
    assert ledger.proofs() == Proofs(differed={house: later}, began=WHEN)


def test_a_proof_says_nothing_of_what_was_sent_again_after_it(ledger: Ledger) -> None:
    step = SendStep(to=snap(2), base=snap(1), estimated_bytes=0)
    each = Provable(dataset="tank/home", replica=REPLICA, ours=step, theirs=step, proved=None, newest=True)
    ledger.add_proof(ProofOutcome(provable=each, state=ProofResult.PROVED, when=WHEN))
    ledger.add(replace(NEXT, guid=102, when=WHEN - timedelta(days=1)))
    assert ledger.proofs().last == {each.unit: WHEN}
    ledger.add(replace(NEXT, guid=102, when=WHEN + timedelta(days=1)))
    assert ledger.proofs().last == {}


def test_another_job_knows_nothing_of_it(ledger: Ledger, path: Path) -> None:
    ledger.add(FULL)
    ledger.trust(REPLICA, "tank/home", 7, "aa", anew=False)
    ledger.raise_alarms([ALARM])
    other = Ledger(path, "other")
    assert other.recall() == Memory()
    assert other.acknowledge("tank/home") == ()
    other.gone([(REPLICA, FULL.guid)])
    other.told([ALARM])
    assert list(ledger.recall().replicas[REPLICA].on_box) == [OnBox(name="one", guid=FULL.guid)]
    assert [alarm.told for alarm in ledger.alarms()["tank/home"]] == [False]


def test_only_the_last_increments_are_a_habit_newest_first_and_no_full_send(ledger: Ledger) -> None:
    ledger.add(FULL)
    for number in range(HABIT + 2):
        ledger.add(replace(NEXT, guid=1 + number, written=number))
    ledger.add(replace(NEXT, guid=999, replica="vault/box/other", written=12345))
    assert ledger.recall().replicas[REPLICA].increments == tuple(range(HABIT + 1, 1, -1))


def test_what_is_gone_is_not_missed_and_counts_again_when_it_is_seen_or_sent_again(ledger: Ledger) -> None:
    ledger.add(FULL)
    ledger.add(NEXT)
    ledger.gone([(REPLICA, FULL.guid), (REPLICA, NEXT.guid)])
    remembered = ledger.recall().replicas[REPLICA]
    assert (list(remembered.on_box), remembered.increments) == ([], (70,))
    ledger.seen([(dataset("tank/home"), REPLICA, OnBox(name="one", guid=FULL.guid))])
    ledger.add(NEXT)
    assert [each.guid for each in ledger.recall().replicas[REPLICA].on_box] == [FULL.guid, NEXT.guid]


def test_the_most_that_a_snapshot_can_be_is_known_only_with_all_that_it_was_built_of(ledger: Ledger) -> None:
    assert ledger.sizes([FULL.guid]) == {}
    ledger.add(FULL)
    ledger.add(NEXT)
    assert FULL.written is not None and NEXT.written is not None
    full, both = max(FULL.written, FULL.bytes), max(NEXT.written, NEXT.bytes)
    assert ledger.sizes([FULL.guid, NEXT.guid, 999]) == {FULL.guid: full, NEXT.guid: full + both}
    ledger.add(replace(NEXT, guid=7, replica="vault/box/increments-only"))
    ledger.seen([(dataset("tank/x"), "r/x", OnBox(name="one", guid=8))])
    ledger.add(replace(NEXT, guid=9, replica="r/x"))
    assert ledger.sizes([7, 8, 9]) == {}


def test_what_was_only_seen_is_remembered_without_being_a_habit(ledger: Ledger) -> None:
    one = OnBox(name="one", guid=1)
    ledger.seen([(dataset("tank/home"), REPLICA, one), (dataset("tank/x"), "r/x", one)])
    memory = ledger.recall()
    assert {name: list(each.on_box) for name, each in memory.replicas.items()} == {
        REPLICA: [OnBox(name="one", guid=1)],
        "r/x": [OnBox(name="one", guid=1)],
    }
    assert memory.replicas[REPLICA].increments == ()
    assert memory.replicas[REPLICA].encryptionroot == dataset("tank/home").encryptionroot == "tank/home"


def test_the_first_key_is_trusted_and_no_other_until_it_is_said_so(ledger: Ledger) -> None:
    assert ledger.trust(REPLICA, "tank/home", 7, "aa", anew=False) == "aa"
    assert ledger.trust(REPLICA, "tank/home", 8, "bb", anew=False) == "aa"
    remembered = ledger.recall().replicas[REPLICA]
    assert (remembered.key, remembered.dataset_guid) == ("aa", 7)
    assert ledger.trust(REPLICA, "tank/home", 8, "bb", anew=True) == "bb"
    remembered = ledger.recall().replicas[REPLICA]
    assert (remembered.key, remembered.dataset_guid) == ("bb", 8)


def test_an_alarm_stands_as_it_was_raised_until_it_is_acknowledged(ledger: Ledger) -> None:
    ledger.raise_alarms([ALARM, replace(ALARM, code="replica-lost", message="all of it")])
    ledger.told([ALARM])
    ledger.raise_alarms([replace(ALARM, message="and again")])
    standing = ledger.recall().alarms["tank/home"]
    assert {(each.code, each.message, each.told) for each in standing} == {
        ("mostly-freed", "gone", True),
        ("replica-lost", "all of it", False),
    }
    assert ledger.acknowledge("tank/home") == standing
    assert ledger.alarms() == {}


def test_reading_makes_no_file(ledger: Ledger, path: Path) -> None:
    assert ledger.recall() == Memory()
    assert ledger.alarms() == {}
    assert not path.parent.exists()


def test_nobody_else_may_read_it_nor_what_sqlite_keeps_beside_it(ledger: Ledger, path: Path) -> None:
    ledger.add(FULL)
    with opened(path) as reader:  # a reader keeps the other files alive
        reader.execute("SELECT 1 FROM sent").fetchone()
        ledger.add(NEXT)
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    assert modes == dict.fromkeys(("ledger.sqlite", "ledger.sqlite-shm", "ledger.sqlite-wal"), 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from tests.test_ledger import NEXT
from zoffsite.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]), "home")
sys.stdin.read()
for number in range(20):
    ledger.add(replace(NEXT, guid=int(sys.argv[2]) * 1000 + number))
    ledger.recall()
"""


def test_many_processes_begin_and_write_at_the_same_time(path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(number)], stdin=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for number in range(1, 5)
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.close()
    said = []
    for writer in writers:
        assert writer.stderr is not None
        said.append(writer.stderr.read().decode())
        writer.stderr.close()
    assert [writer.wait(60) for writer in writers] == [0] * 4, said
    assert len(Ledger(path, "home").recall().replicas[REPLICA].on_box) == 80
    assert [each.name for each in path.parent.iterdir()] == ["ledger.sqlite"]


def test_many_threads_write_at_the_same_time(ledger: Ledger) -> None:
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(lambda number: ledger.add(replace(NEXT, guid=number)), range(100)))
    assert len(ledger.recall().replicas[REPLICA].on_box) == 100


@pytest.mark.parametrize("damage", ["text", "middle", "content"])
def test_a_broken_ledger_is_one_clear_error_with_the_command_that_sets_it_aside(
    ledger: Ledger, path: Path, damage: str
) -> None:
    for number in range(200):
        ledger.add(replace(NEXT, guid=number, name="x" * 200))
    data = bytearray(path.read_bytes())
    if damage == "text":
        data[:] = b"this is no database" * 1000
    elif damage == "middle":
        data[4096:] = b"\xff" * (len(data) - 4096)
    else:
        with opened(path) as db:
            db.execute("UPDATE sent SET guid = 'many' || id")
        data = bytearray(path.read_bytes())
    path.write_bytes(data)
    with pytest.raises(OperationError) as caught:
        ledger.recall()
    assert caught.value.code == "ledger-unreadable"
    assert caught.value.remedy.endswith(f"mv {path} {path}.broken")
    path.rename(f"{path}.broken")
    ledger.add(FULL)
    assert len(ledger.recall().replicas[REPLICA].on_box) == 1


def test_a_ledger_of_a_newer_version_is_left_as_it_is(ledger: Ledger, path: Path) -> None:
    ledger.add(FULL)
    with opened(path) as db:
        db.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    for use in (ledger.recall, ledger.alarms, lambda: ledger.add(NEXT)):
        with pytest.raises(OperationError) as caught:
            use()
        assert caught.value.code == "ledger-newer"
    assert path.read_bytes() == before


def test_a_place_that_cannot_be_written_to_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OperationError) as caught:
        Ledger(tmp_path / "file" / "ledger.sqlite", "home").add(FULL)
    assert caught.value.code == "ledger-failed"


def test_a_ledger_of_an_older_version_is_brought_up_to_date_once_and_keeps_all(
    ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.add(FULL)
    newer = (*module.MIGRATIONS, ("ALTER TABLE sent ADD COLUMN digest TEXT", "UPDATE sent SET digest = 'none yet'"))
    monkeypatch.setattr(module, "MIGRATIONS", newer)
    assert len(ledger.recall().replicas[REPLICA].on_box) == 1
    ledger.add(NEXT)
    with opened(path) as db:
        assert db.execute("SELECT digest FROM sent ORDER BY id").fetchall() == [("none yet",), (None,)]
        assert db.execute("PRAGMA user_version").fetchone() == (len(newer),)


def test_a_migration_that_fails_changes_nothing(ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.add(FULL)
    broken = (*module.MIGRATIONS, ("ALTER TABLE sent ADD COLUMN digest TEXT", "this is no SQL"))
    with monkeypatch.context() as patch:
        patch.setattr(module, "MIGRATIONS", broken)
        with pytest.raises(OperationError):
            ledger.recall()
    assert len(ledger.recall().replicas[REPLICA].on_box) == 1
    with opened(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(broken) - 1,)


def test_the_increments_since_a_time_are_told_without_full_sends_and_other_jobs(ledger: Ledger, path: Path) -> None:
    assert ledger.increments(WHEN) == ()
    ledger.add(FULL)
    ledger.add(replace(NEXT, when=WHEN - timedelta(days=1)))
    ledger.add(replace(NEXT, guid=5, written=80, when=WHEN))
    Ledger(path, "other").add(replace(NEXT, guid=6))
    assert ledger.increments(WHEN) == (Increment(dataset="tank/home", written=80, when=WHEN),)
    assert [each.written for each in ledger.increments(WHEN - timedelta(days=1))] == [70, 80]


def test_the_properties_of_a_dataset_are_remembered_as_they_were_last_and_go_with_its_name(ledger: Ledger) -> None:
    ledger.add(FULL)
    assert ledger.recall().replicas[REPLICA].properties is None
    first = (Property(name="recordsize", value="1048576"),)
    ledger.describe([("tank/home", REPLICA, first, WHEN), ("tank/none", "vault/box/tank:none", (), WHEN)])
    known = ledger.recall().replicas[REPLICA]
    assert (known.properties, known.described) == (first, WHEN)
    assert ledger.recall().replicas["vault/box/tank:none"].properties == ()
    second = (Property(name="mountpoint", value='/a "b"', origin="tank"),)
    ledger.describe([("tank/home", REPLICA, second, WHEN)])
    ledger.renamed(ledger.recall().replicas[REPLICA], "tank/house", "vault/box/tank:house")
    assert ledger.recall().replicas["vault/box/tank:house"].properties == second


def test_challenges_are_kept_spent_one_by_one_and_dropped_with_what_they_are_of(ledger: Ledger) -> None:
    step = SendStep(to=snap(2), base=snap(1), estimated_bytes=0)
    each = Provable(dataset="tank/home", replica=REPLICA, ours=step, theirs=step, proved=None, newest=True)
    answers = [StreamDigest(digest=letter * 64, toguid=102, fromguid=101, bytes=7) for letter in "ab"]
    assert ledger.challenges() == {}
    for number, answer in enumerate(answers):
        ledger.keep_challenge(each, bytes([number]) * 32, answer)
    (first,) = ledger.challenges().values()
    assert (first.nonce, first.answer, first.left) == (bytes(32), answers[0], 2)
    assert ledger.spend_challenge(first)
    last = ledger.challenges()[each.unit]
    assert (last.answer, last.left) == (answers[1], 1)
    ledger.gone([(REPLICA, 101)])
    assert ledger.challenges() == {}


def test_a_challenge_is_spent_by_one_run_alone_also_where_its_number_was_given_again(ledger: Ledger) -> None:
    step = SendStep(to=snap(2), base=snap(1), estimated_bytes=0)
    each = Provable(dataset="tank/home", replica=REPLICA, ours=step, theirs=step, proved=None, newest=True)
    answer = StreamDigest(digest="a" * 64, toguid=102, fromguid=101, bytes=7)
    ledger.keep_challenge(each, bytes(32), answer)
    (planned,) = ledger.challenges().values()
    assert [ledger.spend_challenge(planned) for _ in range(2)] == [True, False]
    ledger.keep_challenge(each, bytes([1]) * 32, answer)
    (another,) = ledger.challenges().values()
    assert another.number == planned.number
    assert not ledger.spend_challenge(planned)
    assert ledger.challenges() == {each.unit: another}


def test_a_ledger_that_this_user_may_not_look_for_is_an_error_and_not_an_empty_one(tmp_path: Path) -> None:
    """A name that is too long stands for a directory of root's here, for root may look into any."""
    with pytest.raises(OperationError) as caught:
        Ledger(tmp_path / ("x" * 300) / "ledger.sqlite", "home").recall()
    assert caught.value.code == "ledger-failed"
