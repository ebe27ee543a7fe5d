"""Killed at any instant, a run leaves nothing that the next one does not finish by itself.

ZOFFSITE_KILL_SEED repeats a choice of random points; each run of the test makes its own, and prints it.
"""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Callable
from functools import partial

import pytest

from .breaking import Witness, between, killed_at, under_way
from .conftest import MakeStage
from .stage import Stage, await_true, processes

pytestmark = [pytest.mark.lab, pytest.mark.long]
KEEP = 2
MOST = 60
"""Kinds of commands that no run has."""


@pytest.fixture(scope="module")
def stage(make_stage: MakeStage) -> Stage:
    """A filesystem and a zvol, so small that most of the time goes into what is around the bytes."""
    made = make_stage("kill", datasets=["tank/kill"], retries=5, keep_source="last = 1", keep_box=f"last = {KEEP}")
    made.source.run(f"zfs create -V 16M -o volblocksize=16K {disk(made)}; udevadm settle")
    quick_box(made)
    return made


def disk(stage: Stage) -> str:
    return f"{stage.tree}/disk"


def quick_box(stage: Stage) -> None:
    """Bytes reach the box's disk each second, not every five."""
    stage.box.run("echo 1 > /sys/module/zfs/parameters/zfs_txg_timeout")


def write(stage: Stage, size: int) -> None:
    """New bytes in both datasets, at a place of their own."""
    at = random.randrange(200)
    stage.source.run(
        f"head -c {size} /dev/urandom > /{stage.tree}/file-{at}; "
        f"head -c {size} /dev/urandom | dd of=/dev/zvol/{disk(stage)} bs=16K seek={at} conv=fsync,notrunc status=none"
    )


def finished(stage: Stage, witness: Witness, back: str) -> None:
    """ONE run is enough, it needs no hand, and what comes back is what was written: filesystem and zvol."""
    report = stage.backup()
    assert {part["source"] for part in report["datasets"] if part["verified"]} == {stage.tree, disk(stage)}
    witness.look("in the end")
    stage.source.run(["zfs", "mount", stage.restore(stage.tree, back, stage.tree)])
    stage.restore(disk(stage), f"{back}-disk", stage.tree)
    here, there = (stage.source.run(f"cd /{name} && sha256sum file-*") for name in (stage.tree, f"tank/{back}"))
    assert here == there != ""
    disks = f"/dev/zvol/{disk(stage)} /dev/zvol/tank/{back}-disk"
    sums = stage.source.run(f"udevadm settle; sha256sum {disks}").split()
    assert sums[0] == sums[2]


# -- every way to break a run off; each gets a source of random points


def by_kill_between_commands(stage: Stage, chance: random.Random) -> None:
    commands = iter(range(chance.randint(0, 25)))
    killed_at(stage, lambda _: next(commands, None) is None)


def by_kill(stage: Stage, chance: random.Random) -> None:
    with under_way(stage, some(chance)):
        pass


def by_kill_of_the_send(stage: Stage, chance: random.Random) -> None:
    with under_way(stage, some(chance)) as run:
        stage.source.kill("zfs send")
        run.wait()


def by_kill_of_the_receive(stage: Stage, chance: random.Random) -> None:
    with under_way(stage, some(chance)) as run:
        stage.box.kill("zfs receive")
        run.wait()


def by_silence_of_the_box(stage: Stage, chance: random.Random) -> None:
    silence = between(stage.box.cut_uplink, stage.box.restore_uplink)
    with under_way(stage, some(chance)) as run, silence:
        run.wait()
    await_true(lambda: not processes(stage.box), "the box lets go")


def by_silence_of_the_source(stage: Stage, chance: random.Random) -> None:
    silence = between(stage.source.cut_uplink, stage.source.restore_uplink)
    with under_way(stage, some(chance)) as run, silence:
        run.wait()


def by_power_cut(stage: Stage, chance: random.Random) -> None:
    with under_way(stage, some(chance)) as run, between(stage.box.power_off, stage.box.power_on):
        run.wait()
    quick_box(stage)


def by_a_full_pool(stage: Stage, chance: random.Random) -> None:
    with under_way(stage, some(chance)) as run, between(stage.box.fill_pool, stage.box.empty_pool):
        run.wait()


def by_quota(stage: Stage, chance: random.Random) -> None:
    def reach() -> None:
        """More arrives between the two commands, and no quota may be below what is used: so it may take a few times."""
        once = f"zfs set quota=$(zfs get -Hpo value used {stage.root}) {stage.root}"
        stage.box.run(f"for time in 1 2 3 4 5 6 7 8 9; do {once} && exit; done; exit 1")

    lifted = partial(stage.box.run, f"zfs set quota=none {stage.root}")
    with under_way(stage, some(chance)) as run, between(reach, lifted):
        run.wait()


def some(chance: random.Random) -> int:
    return chance.randint(0, 400_000)


WAYS: tuple[Callable[[Stage, random.Random], None], ...] = (
    by_kill_between_commands,
    by_kill,
    by_kill_of_the_send,
    by_kill_of_the_receive,
    by_silence_of_the_box,
    by_silence_of_the_source,
    by_power_cut,
    by_a_full_pool,
    by_quota,
)


def test_broken_off_at_random_points_in_every_way_the_next_run_finishes_and_what_comes_back_is_the_same(
    stage: Stage,
) -> None:
    seed = os.environ.get("ZOFFSITE_KILL_SEED") or secrets.token_hex(4)
    print(f"to repeat these points: ZOFFSITE_KILL_SEED={seed}")
    chance = random.Random(seed)
    ways = chance.sample(WAYS, len(WAYS))
    witness = Witness(stage, (stage.tree, disk(stage)), KEEP)
    write(stage, 3_000_000)
    for way in ways[:4]:  # the first full send, again and again
        way(stage, chance)
        witness.look(way.__name__)
    finished(stage, witness, "kill-full")
    for number, way in enumerate(ways[4:]):  # increments, one on top of the other, and pruning
        if number % 2 == 0:
            write(stage, 600_000)
        way(stage, chance)
        witness.look(way.__name__)
    finished(stage, witness, "kill-more")


def test_killed_before_and_after_each_of_its_commands_the_next_run_finishes(stage: Stage) -> None:
    """Each run has everything to do: a snapshot, a send on top of what the last one left, a bookmark, and pruning.

    It is killed at the first of its commands at which none was killed before, until there are no such any more.
    """
    stage.configure(exclude=[disk(stage)], snapshots='send = "latest"')
    witness = Witness(stage, (stage.tree,), KEEP)
    at: list[str] = []

    def killed() -> bool:
        write(stage, 20_000)
        command = killed_at(stage, lambda label: label not in at)
        witness.look(f"killed at {command}")
        at.extend([command] if command else [])
        return command is not None

    while killed():
        assert len(at) < MOST, at
    print("\n".join(at))
    here, there = f"root zfs {{}} {stage.tree}", f"zoffsite zfs {{}} {stage.replica()}"
    steps = (here.format("snapshot"), here.format("bookmark"), here.format("destroy"), there.format("destroy"))
    for step in (*steps, "root zfs send -w", "zoffsite zfs receive -s", "zoffsite zfs list"):
        assert any(label.startswith(step) for label in at), step
