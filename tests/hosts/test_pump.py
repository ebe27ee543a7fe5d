"""The pump between real programs: the send here, the receive behind a real sshd."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from zoffsite.hosts.limiter import Limiter
from zoffsite.hosts.local import LocalRunner
from zoffsite.hosts.pump import pump
from zoffsite.hosts.runner import MIB, Completed, Process
from zoffsite.hosts.ssh import BoundedPacketizer, SshRunner
from zoffsite.hosts.transfers import transfers
from zoffsite.model.errors import OperationError, RunInterruptedError, SafetyError, TransferError, ZoffsiteError
from zoffsite.model.plan import Side
from zoffsite.stream.begin import ExpectedBegin, check_begin
from zoffsite.zfs.stderr import zfs_error

from .sshd import Sshd, running, wait_until
from .streams import FOREVER, GUID, begin, die, receiver, sender

pytestmark = pytest.mark.sshd
SIZE = 3 * MIB


def explain(side: Side, ended: Completed) -> ZoffsiteError:
    return zfs_error(f"{side}", "tank/a@s", ended.exit_code, ended.stderr, str(side))


def move(reader: Process, open_writer: Callable[[], Process], **changes: Any) -> int:
    options: dict[str, Any] = {
        "subject": "tank/a@s",
        "check_first": lambda record: check_begin(record, ExpectedBegin(toguid=GUID, fromguid=0)),
        "explain": explain,
        "limiter": Limiter(lambda: None, wait=transfers.stop_event.wait),
        "stall": 30.0,
    }
    return pump(reader, open_writer, **(options | changes))


@pytest.fixture
def here() -> LocalRunner:
    return LocalRunner()


def test_every_byte_arrives_and_is_counted(here: LocalRunner, box: SshRunner, marker: str) -> None:
    counts: list[int] = []
    told = receiver(marker, then="os.write(2, str(count).encode()); sys.exit(9)")
    with pytest.raises(ZoffsiteError, match=str(SIZE)):
        move(here.open(sender(SIZE, marker)), lambda: box.open(told), on_bytes=counts.append)
    assert sum(counts) == SIZE


def test_a_transfer_that_went_well_returns_its_bytes(here: LocalRunner, box: SshRunner, marker: str) -> None:
    assert move(here.open(sender(SIZE, marker)), lambda: box.open(receiver(marker))) == SIZE
    assert not running(marker)


def test_a_source_over_ssh_works_the_same(box: SshRunner, marker: str) -> None:
    assert move(box.open(sender(SIZE, marker)), lambda: box.open(receiver(marker))) == SIZE


@pytest.mark.parametrize(
    ("first", "code"),
    [
        (begin(raw=False), "stream-not-raw"),
        (begin(toguid=7), "stream-unexpected-guid"),
        (begin(fromguid=7), "stream-unexpected-guid"),
        (b"plaintext" * 40, "stream-malformed"),
    ],
)
def test_a_refused_stream_never_opens_the_receive(here: LocalRunner, marker: str, first: bytes, code: str) -> None:
    opened: list[None] = []

    def open_writer() -> Process:
        opened.append(None)
        return here.open(receiver(marker))

    with pytest.raises(SafetyError) as caught:
        move(here.open(sender(SIZE, marker, first=first[:312])), open_writer)
    assert caught.value.code == code
    assert not opened
    assert not running(marker)


def test_a_send_that_fails_at_once_is_explained_by_its_own_words(here: LocalRunner, marker: str) -> None:
    with pytest.raises(OperationError) as caught:
        move(
            here.open(["sh", "-c", "echo \"cannot open 'tank/a@s': dataset does not exist\" >&2; exit 1"]),
            lambda: here.open(receiver(marker)),
        )
    assert caught.value.code == "dataset-missing"


def with_payload(length: int) -> bytes:
    first = begin()
    return first[:4] + length.to_bytes(4, "little") + first[8:]


def test_the_first_record_is_checked_together_with_its_payload_and_both_travel(
    here: LocalRunner, box: SshRunner, marker: str
) -> None:
    seen: list[bytes] = []
    sending = sender(SIZE, marker, first=with_payload(1028))
    assert move(here.open(sending), lambda: box.open(receiver(marker)), check_first=seen.append) == SIZE
    assert seen == [with_payload(1028) + bytes(1028)]


def test_a_payload_larger_than_any_of_zfs_is_refused_before_it_is_read(here: LocalRunner, marker: str) -> None:
    sending = sender(SIZE, marker, first=with_payload(MIB + 1))
    with pytest.raises(SafetyError) as caught:
        move(here.open(sending), never, check_first=never)
    assert caught.value.code == "stream-malformed"
    assert not running(marker)


def test_a_send_that_ends_within_the_payload_is_a_failed_send(here: LocalRunner, marker: str) -> None:
    sending = sender(400, marker, first=with_payload(1028), then=die("warning: cannot send: Input/output error"))
    with pytest.raises(ZoffsiteError) as caught:
        move(here.open(sending), never)
    assert caught.value.code == "io-error"


def never(*_: object) -> Process:
    raise AssertionError("it went on")


def test_a_send_that_breaks_off_is_the_cause_whatever_the_receive_says(
    here: LocalRunner, box: SshRunner, marker: str
) -> None:
    words = "warning: cannot send 'tank/a@s': Input/output error"
    with pytest.raises(ZoffsiteError) as caught:
        move(
            here.open(sender(SIZE, marker, then=die(words))),
            lambda: box.open(receiver(marker, then=die("cannot receive: incomplete stream"))),
        )
    assert caught.value.code == "io-error"
    assert not running(marker)


def test_a_receive_that_breaks_off_is_the_cause_whatever_the_send_says(
    here: LocalRunner, box: SshRunner, marker: str
) -> None:
    with pytest.raises(ZoffsiteError) as caught:
        move(
            here.open(sender(1 << 30, marker)),
            lambda: box.open(receiver(marker, after=MIB, then=die("cannot receive: out of space"))),
        )
    assert caught.value.code == "no-space"
    assert not running(marker)


def test_a_receive_that_stops_reading_without_a_word_is_a_transient_error(
    here: LocalRunner, box: SshRunner, marker: str
) -> None:
    with pytest.raises(TransferError) as caught:
        move(here.open(sender(1 << 30, marker)), lambda: box.open(receiver(marker, after=MIB)))
    assert (caught.value.code, caught.value.transient) == ("receive-ended-early", True)


def test_a_send_that_goes_silent_is_cut(here: LocalRunner, box: SshRunner, marker: str) -> None:
    with pytest.raises(TransferError) as caught:
        move(here.open(sender(MIB, marker, then=FOREVER)), lambda: box.open(receiver(marker)), stall=0.4)
    assert (caught.value.code, caught.value.transient) == ("stalled", True)
    assert wait_until(lambda: not running(marker))


def test_a_send_that_never_begins_is_cut(here: LocalRunner, marker: str) -> None:
    with pytest.raises(TransferError) as caught:
        move(here.open(["sleep", "1000"]), lambda: here.open(receiver(marker)), stall=0.3)
    assert caught.value.code == "stalled"


def test_a_receive_that_takes_nothing_more_is_cut(here: LocalRunner, box: SshRunner, marker: str) -> None:
    stuck = receiver(marker, after=MIB, then=FOREVER)
    with pytest.raises(TransferError) as caught:
        move(here.open(sender(1 << 30, marker)), lambda: box.open(stuck), stall=0.4)
    assert caught.value.code == "stalled"
    end(marker)  # sshd lets a program that neither reads nor writes live on


def test_a_frozen_sshd_is_cut_and_its_connection_is_not_used_again(sshd: Sshd, here: LocalRunner, marker: str) -> None:
    before = set(sshd.sessions())
    box = SshRunner(sshd.client(connect_timeout=1.0))

    def ours(number: int) -> None:
        for pid in set(sshd.sessions()) - before:
            os.kill(pid, number)

    def freeze() -> None:
        ours(signal.SIGSTOP)

    try:
        with pytest.raises(TransferError) as caught:
            move(
                here.open(sender(1 << 30, marker)),
                lambda: box.open(receiver(marker)),
                stall=0.5,
                on_bytes=once_over(MIB, freeze),
            )
        assert caught.value.code == "stalled"
        assert box.run(["echo", "again"]).stdout == "again\n"
    finally:
        ours(signal.SIGCONT)
        box.close()
    assert wait_until(lambda: not running(marker))


def test_waiting_for_the_bandwidth_limit_is_no_stall(here: LocalRunner, marker: str) -> None:
    limiter = Limiter(lambda: MIB, wait=transfers.stop_event.wait)
    taken = once_over(MIB // 2, lambda: limiter.delay(MIB))  # by another transfer, for longer than `stall`
    sent = move(
        here.open(sender(MIB, marker)), lambda: here.open(receiver(marker)), stall=0.5, limiter=limiter, on_bytes=taken
    )
    assert sent == MIB


def test_a_connection_cut_in_the_middle_is_transient_and_leaves_nothing_running(
    sshd: Sshd, here: LocalRunner, box: SshRunner, marker: str
) -> None:
    with pytest.raises(ZoffsiteError) as caught:
        move(
            here.open(sender(1 << 30, marker)),
            lambda: box.open(receiver(marker)),
            on_bytes=once_over(4 * MIB, sshd.cut),
        )
    assert (caught.value.code, caught.value.transient) == ("connection-lost", True)
    assert wait_until(lambda: not running(marker))


def test_a_source_connection_cut_in_the_middle_is_not_taken_for_the_end_of_the_stream(
    sshd: Sshd, here: LocalRunner, box: SshRunner, marker: str
) -> None:
    with pytest.raises(ZoffsiteError) as caught:
        move(
            box.open(sender(1 << 30, marker)),
            lambda: here.open(receiver(marker)),
            on_bytes=once_over(4 * MIB, sshd.cut),
        )
    assert (caught.value.code, caught.value.transient) == ("connection-lost", True)
    assert wait_until(lambda: not running(marker))


def test_a_receive_that_floods_its_output_is_cut(here: LocalRunner, box: SshRunner, marker: str) -> None:
    flood = receiver(marker, after=MIB, then="while True: os.write(2, bytes(65536))")
    with pytest.raises(OperationError) as caught:
        move(here.open(sender(1 << 30, marker)), lambda: box.open(flood))
    assert caught.value.code == "oversized-answer"
    assert wait_until(lambda: not running(marker))


@pytest.mark.parametrize("where", ["read", "write", "limit"])
def test_stop_all_ends_a_transfer_at_once(here: LocalRunner, box: SshRunner, marker: str, where: str) -> None:
    sending = sender(2 * MIB if where == "read" else 1 << 30, marker, then=FOREVER)
    receiving = receiver(marker, after=MIB if where == "write" else -1, then=FOREVER)
    limiter = Limiter(lambda: 1 if where == "limit" else None, wait=transfers.stop_event.wait)
    outcome: list[BaseException] = []

    def work() -> None:
        try:
            move(here.open(sending), lambda: box.open(receiving), limiter=limiter)
        except BaseException as error:
            outcome.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    assert wait_until(lambda: len(running(marker)) >= 2 and blocked(worker))
    transfers.stop_all()
    worker.join(30)  # neither side would ever end by itself
    assert isinstance(outcome[0], RunInterruptedError)
    end(marker)


def test_nothing_new_begins_once_everything_was_stopped(here: LocalRunner, marker: str) -> None:
    transfers.stop_all()
    with pytest.raises(RunInterruptedError):
        move(here.open(sender(MIB, marker)), lambda: here.open(receiver(marker)))
    with pytest.raises(RunInterruptedError):
        here.run(["true"])
    assert not running(marker)


def test_an_exception_of_the_caller_ends_both_programs(here: LocalRunner, box: SshRunner, marker: str) -> None:
    def cancelled(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move(here.open(sender(1 << 30, marker)), lambda: box.open(receiver(marker)), on_bytes=cancelled)
    assert wait_until(lambda: not running(marker))


def test_several_transfers_share_one_connection(sshd: Sshd, here: LocalRunner, box: SshRunner, marker: str) -> None:
    before = sshd.connections
    sizes: list[int] = []

    def work() -> None:
        sizes.append(move(here.open(sender(SIZE, marker)), lambda: box.open(receiver(marker))))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert sizes == [SIZE] * 4
    assert sshd.connections == before + 1


def test_new_session_keys_hold_up_no_program_of_the_connection(
    here: LocalRunner, box: SshRunner, marker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedPacketizer, "REKEY_BYTES", 100_000)
    over = threading.Event()

    def ask_again_and_again() -> None:
        while not over.is_set():
            box.run(["true"])

    askers = [threading.Thread(target=ask_again_and_again) for _ in range(2)]
    for asker in askers:
        asker.start()
    try:
        assert move(here.open(sender(16 * MIB, marker)), lambda: box.open(receiver(marker))) == 16 * MIB
    finally:
        over.set()
        for asker in askers:
            asker.join(40)


def once_over(size: int, act: Callable[[], object]) -> Callable[[int], None]:
    total = 0
    done = False

    def count(size_of_piece: int) -> None:
        nonlocal total, done
        total += size_of_piece
        if total > size and not done:
            done = True
            act()

    return count


def blocked(worker: threading.Thread) -> bool:
    """True once the thread has used no CPU for a while: it waits for something."""
    frames = [id(sys._current_frames().get(worker.ident or 0))]
    time.sleep(0.2)
    frames.append(id(sys._current_frames().get(worker.ident or 0)))
    return frames[0] == frames[1]


def end(marker: str) -> None:
    for pid in running(marker):
        os.kill(pid, signal.SIGKILL)
