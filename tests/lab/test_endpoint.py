"""The endpoint's verbs on two machines with real ZFS: the source as root, the box as a delegated user."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from lab import Lab
from zoffsite.hosts.endpoint import PlainBox, Source
from zoffsite.hosts.limiter import Limiter
from zoffsite.hosts.runner import MIB
from zoffsite.hosts.ssh import SshRunner
from zoffsite.hosts.transfer import transfer
from zoffsite.hosts.transfers import transfers
from zoffsite.model.dataset import KeyStatus
from zoffsite.model.errors import SafetyError, ZoffsiteError
from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import SshHost
from zoffsite.model.plan import SendStep
from zoffsite.model.version import Snapshot, Version

ROOT = "vault/zoffsite"
KEEPALIVE = 2.0


@pytest.fixture(scope="module")
def pair(lab: Lab) -> Lab:
    """Both machines with something to send, once for all tests here: each uses a replica of its own."""
    lab.reset()
    lab.box.prepare_box(ROOT)
    lab.source.create_encrypted("tank/enc", recordsize="16K")
    lab.source.run(["zfs", "create", "tank/plain"])
    lab.source.run(
        "zfs create tank/enc/small; cd /tank; head -c 1M /dev/urandom | tee plain/file > enc/small/file; "
        "head -c 24M /dev/urandom > enc/file; zfs snapshot -r tank@one"
    )
    return lab


def host_of(lab: Lab, port: int, key: str, user: str) -> SshHost:
    return SshHost(
        host="127.0.0.1",
        port=port,
        user=user,
        host_key=" ".join(key.split()[:2]),
        identity_file=Path(lab.key_file),
        connect_timeout=30.0,
        keepalive=KEEPALIVE,
    )


@pytest.fixture(scope="module")
def source(pair: Lab) -> Iterator[Source]:
    runner = SshRunner(host_of(pair, pair.source.uplink_port, pair.source.host_key(), "root"))
    yield Source(runner)
    runner.close()


@pytest.fixture(scope="module")
def box_runner(pair: Lab) -> Iterator[SshRunner]:
    runner = SshRunner(host_of(pair, pair.box.uplink_port, pair.box.host_key(), "zoffsite"))
    yield runner
    runner.close()


@pytest.fixture
def box(box_runner: SshRunner) -> PlainBox:
    transfers.reset()
    return PlainBox(box_runner, ROOT)


def state_of(source: Source, dataset: str) -> DatasetState:
    return source.inventory([dataset]).datasets[dataset]


def step(to: Snapshot, base: Version | None = None) -> SendStep:
    return SendStep(to=to, base=base, estimated_bytes=0)


def send(source: Source, box: PlainBox, what: SendStep, replica: str, **more: object) -> int:
    options = {"limiter": Limiter(lambda: None, wait=transfers.stop_event.wait), "stall": 30.0} | more
    return transfer(source, box, what, f"{ROOT}/{replica}", **options)  # type: ignore[arg-type]


def replica_of(box: PlainBox, name: str) -> DatasetState | None:
    return box.inventory(f"{ROOT}/{name}").datasets.get(f"{ROOT}/{name}")


def test_a_root_that_the_source_does_not_have_is_named(source: Source) -> None:
    with pytest.raises(ZoffsiteError) as caught:
        source.inventory(["tank/enc", "tank/nothing"])
    assert caught.value.code == "dataset-missing"


def test_roots_inside_each_other_are_listed_once(source: Source) -> None:
    assert set(source.inventory(["tank/enc", "tank"]).datasets) >= {"tank", "tank/enc", "tank/plain"}


def test_a_missing_root_on_the_box_comes_with_the_commands_that_make_it(pair: Lab, box_runner: SshRunner) -> None:
    box = PlainBox(box_runner, "vault/new")
    with pytest.raises(ZoffsiteError) as caught:
        box.inventory("vault/new")
    assert caught.value.code == "box-root-missing"
    pair.box.run(caught.value.remedy.partition(": ")[2])
    assert "vault/new" in box.inventory("vault/new").datasets
    assert box.permissions() == ()


def test_a_replica_that_is_not_there_yet_gives_an_empty_listing(box: PlainBox) -> None:
    assert not box.inventory(f"{ROOT}/nothing").datasets


def test_full_then_incremental_from_a_snapshot_then_from_a_bookmark(pair: Lab, source: Source, box: PlainBox) -> None:
    one = state_of(source, "tank/enc/small").snapshots[0]
    assert send(source, box, step(one), "chain") > MIB

    pair.source.run("head -c 64K /dev/urandom > /tank/enc/small/second")
    source.snapshot(["tank/enc/small@two"])
    (two,) = source.snapshots(["tank/enc/small@two"])["tank/enc/small"]
    assert send(source, box, step(two, one), "chain") < MIB

    source.bookmark(two, "tank/enc/small#two")
    source.bookmark(two, "tank/enc/small#two")  # a second time is fine
    source.destroy_snapshots("tank/enc/small", ["two"])
    source.destroy_snapshots("tank/enc/small", ["two"])
    pair.source.run("head -c 64K /dev/urandom > /tank/enc/small/third")
    source.snapshot(["tank/enc/small@three"])
    (theirs,) = state_of(source, "tank/enc/small").bookmarks
    source.bookmark(theirs, "tank/enc/small#ours")
    source.destroy_bookmark(theirs.full_name)
    (bookmark,) = state_of(source, "tank/enc/small").bookmarks
    assert (bookmark.name, bookmark.guid) == ("ours", two.guid)
    (three,) = source.snapshots(["tank/enc/small@three"])["tank/enc/small"]
    send(source, box, step(three, bookmark), "chain")

    replica = replica_of(box, "chain")
    assert replica is not None
    assert [snapshot.guid for snapshot in replica.snapshots] == [one.guid, two.guid, three.guid]
    assert replica.dataset.keystatus is KeyStatus.UNAVAILABLE
    assert not replica.dataset.mounted
    box.destroy_snapshots(f"{ROOT}/chain", replica.snapshots[:2])
    source.destroy_bookmark("tank/enc/small#ours")
    source.destroy_bookmark("tank/enc/small#ours")
    source.destroy_snapshots("tank/enc/small", ["three"])


def test_an_unencrypted_stream_is_refused_and_the_box_never_hears_of_it(source: Source, box: PlainBox) -> None:
    plain = state_of(source, "tank/plain").snapshots[0]
    with (
        pytest.raises(SafetyError) as caught,
        patch.object(box, "open_receive", wraps=box.open_receive) as asked,
    ):
        send(source, box, step(plain), "plain")
    assert caught.value.code == "stream-not-raw"
    assert not asked.called
    assert replica_of(box, "plain") is None


def test_a_cut_line_is_noticed_within_three_keepalives(pair: Lab, source: Source, box: PlainBox) -> None:
    one = state_of(source, "tank/enc").snapshots[0]
    try:
        with pytest.raises(ZoffsiteError) as caught:
            send(source, box, step(one), "cut", on_bytes=once_over(8 * MIB, pair.box.cut_uplink))
        # Unnoticed it would be "stalled" instead, after a time far longer than three keepalives.
        assert (caught.value.code, caught.value.transient) == ("connection-lost", True)
    finally:
        pair.box.restore_uplink()


def once_over(size: int, act: Callable[[], object]) -> Callable[[int], None]:
    total = 0

    def count(piece: int) -> None:
        nonlocal total
        before, total = total, total + piece
        if before <= size < total:
            act()

    return count
