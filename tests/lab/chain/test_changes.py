"""What has not changed is not asked again: how little a run costs, and that it still sees all that it must see.

OpenZFS 2.1 does not say when snapshots change, so all of it is listed; of the host that has 2.3 only what changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from zoffsite.hosts.endpoint import PlainBox
from zoffsite.hosts.ssh import SshRunner
from zoffsite.hosts.transfers import transfers
from zoffsite.model.inventory import DatasetState, Inventory
from zoffsite.model.job import SshHost
from zoffsite.model.listing import Listings

from .conftest import MakeStage
from .stage import Done, Stage
from .test_good_path import commands

pytestmark = pytest.mark.lab
TREE = "tank/same"
DOCS, SEA = f"{TREE}/docs", f"{TREE}/sea"


@pytest.fixture(scope="module")
def stage(make_stage: MakeStage) -> Stage:
    """Three datasets whose replicas have been seen twice, so that what they have need not be listed again."""
    made = make_stage("same", datasets=[TREE])
    made.source.run(f"zfs create {DOCS}; zfs create {SEA}")
    made.write("letter", "20K", DOCS)
    for _ in range(3):
        made.backup()
    return made


def test_a_run_with_nothing_to_do_costs_three_commands_on_two_connections(stage: Stage) -> None:
    before = logins(stage)
    done = run(stage)
    assert {each["state"] for each in done.json["datasets"]} == {"up-to-date"}
    assert all(each["verified"] for each in done.json["datasets"])
    assert asked(done, "root@") == ["zpool sync", "zfs list"]
    assert asked(done, "zoffsite@") == ["zfs list"]
    for guest, who in ((stage.source, "root@"), (stage.box, "zoffsite@")):
        listed = " ".join(commands(done.err, who)[-1])
        assert ("snapshots_changed" in listed) is (guest.version == "2.3")
    assert [late - early for late, early in zip(logins(stage), before, strict=True)] == [1, 1]


def test_a_run_with_one_increment_costs_twelve_commands_more_and_no_connection(stage: Stage) -> None:
    stage.write("letter", "20K", DOCS)
    before = logins(stage)
    done = run(stage)
    assert [stage.part(done.json, each)["state"] for each in (TREE, DOCS, SEA)] == ["up-to-date", "sent", "up-to-date"]
    assert asked(done, "root@") == [
        *("zpool sync", "zfs list"),
        *("zfs snapshot", "zfs list", "zfs version", "zfs get"),
        *("zfs hold", "zfs send", "zfs bookmark", "zfs release"),
        "zfs destroy",
    ]
    assert asked(done, "zoffsite@") == ["zfs list", "zfs version", "zfs receive", "zfs list"]
    assert [late - early for late, early in zip(logins(stage), before, strict=True)] == [1, 1]


def test_what_the_box_has_lost_in_between_is_an_alarm(stage: Stage) -> None:
    for _ in range(2):
        stage.backup()
    oldest = stage.names(stage.box, stage.replica(DOCS))[0]
    stage.box.run(["zfs", "destroy", f"{stage.replica(DOCS)}@{oldest}"])
    report = stage.backup()
    lost = [each for part in report["datasets"] for each in part["notices"]] + report["notices"]
    assert "snapshots-lost" in json.dumps(lost)


CHANGES = {
    "nothing": "true",
    "gained": "zfs snapshot {ds}@gained",
    "lost": "zfs destroy {ds}@two",
    "renamed": "zfs rename {ds}@two {ds}@second",
    "replaced": "zfs destroy {ds}@three && zfs snapshot {ds}@three",
    "rolled back": "zfs rollback -r {ds}@one",
    "made anew": "zfs destroy -r {ds} && zfs create {ds}",
    "another in its place": "zfs rename {ds} {ds}-old && zfs create {ds} && zfs snapshot {ds}@one",
    "promoted": "zfs promote vault/changes/clone",
    "received": "zfs send -i @two {ds}@three | zfs receive vault/changes/copy",
    "imported again": "zpool export vault && zpool import -d /dev/vdb1 vault && zfs destroy {ds}@two",
}

MADE = """
zfs create -p vault/changes/ds && for s in one two three; do zfs snapshot -r vault/changes@$s; done
zfs send -R vault/changes/ds@two | zfs receive vault/changes/copy
zfs clone vault/changes/copy@one vault/changes/clone && zfs snapshot vault/changes/clone@own
second=$(date +%s); while [ $(date +%s) = $second ]; do sleep 0.1; done
"""
"""In another second than what then happens: that is what `settled` stands for."""


@pytest.fixture
def box(stage: Stage) -> Iterator[PlainBox]:
    guest = stage.box
    host = SshHost(
        host="127.0.0.1",
        port=guest.uplink_port,
        user="root",
        host_key=guest.host_key(),
        identity_file=Path(stage.lab.key_file),
        connect_timeout=30.0,
        keepalive=10.0,
    )
    transfers.reset()
    guest.run(MADE)
    runner = SshRunner(host)
    yield PlainBox(runner, "vault/changes")
    runner.close()
    guest.run(["zfs", "destroy", "-R", "vault/changes"])


@pytest.mark.parametrize("what", CHANGES)
def test_what_is_not_asked_again_is_as_it_was(stage: Stage, box: PlainBox, what: str) -> None:
    _, known = box.inventory_since(None)
    assert known is not None
    stage.box.run(CHANGES[what].format(ds="vault/changes/ds"))
    seen, _ = box.inventory_since(settled(known))
    assert still(seen) == still(box.inventory("vault/changes"))


def still(seen: Inventory) -> dict[str, DatasetState]:
    """Without what moves by itself between two looks, as the pool frees what an earlier test has destroyed."""
    return {
        name: replace(state, dataset=replace(state.dataset, used=0, available=0))
        for name, state in seen.datasets.items()
    }


def settled(known: Listings) -> Listings:
    """As if the time of change had been first seen long ago."""
    return replace(known, datasets={name: replace(each, since=0.0) for name, each in known.datasets.items()})


def run(stage: Stage) -> Done:
    return stage.zoffsite("--verbose", "backup", "--direct", "--json")


def asked(done: Done, host: str) -> list[str]:
    return [" ".join(words[:2]) for words in commands(done.err, host)]


def logins(stage: Stage) -> list[int]:
    """How many connections each guest's sshd has taken so far; the lab's own are kept open."""
    rows = [guest.run("grep ^Tcp: /proc/net/snmp").splitlines() for guest in (stage.source, stage.box)]
    return [int(values.split()[names.split().index("PassiveOpens")]) for names, values in rows]
