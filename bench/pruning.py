"""The row in which every tool destroys the same snapshots on the box: all of each replica but the newest.

The source has only the newest, as after a pruning of its own: bzfs destroys what the source does not have, we what our
retention does not keep. Debian's syncoid destroys nothing, and zfs-autobackup one snapshot after the other, which would
take half an hour. Before each run the box's pool is wound back to a checkpoint, zpool-checkpoint(8).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping

from bench.ground import Ground, name_of
from bench.tools import OURS, Tool, bzfs, zoffsite

REWIND = """\
set -e
if [ "$(zpool get -Ho value checkpoint vault)" != - ]; then
    zpool export vault
    zpool import -N --rewind-to-checkpoint vault
    for d in {datasets}; do zfs rollback {replicas}/$d@{newest}; done
fi
zpool checkpoint vault
"""
"""Winding back writes 8192 bytes to each replica, after which nobody takes it for untouched."""


def rewind(ground: Ground) -> None:
    """The box has all snapshots again, and we remember nothing of it."""
    tree, datasets = ground.tree, " ".join(ground.tree.names)
    older = f"{name_of(0)}%{name_of(tree.snapshots - 2)}"
    if len(ground.source.run(f"zfs list -Hd1 -t snapshot -o name {tree.source}/{tree.names[0]}").split()) > 1:
        ground.source.run(f"for d in {datasets}; do zfs destroy {tree.source}/$d@{older}; done", timeout=3600)
    newest = name_of(tree.snapshots - 1)
    ground.box.run(REWIND.format(datasets=datasets, replicas=tree.replicas, newest=newest), timeout=600)
    shutil.rmtree(ground.folder / "state", ignore_errors=True)


def all_pruned(ground: Ground) -> None:
    """Each replica has its newest snapshot, and no other."""
    left = ground.box.run(f"zfs list -Hrt snapshot -o name {ground.tree.replicas}", timeout=600).split()
    newest = f"@{name_of(ground.tree.snapshots - 1)}"
    below = [name for name in left if not name.startswith(f"{ground.tree.replicas}@")]
    if len(below) != ground.tree.datasets or not all(name.endswith(newest) for name in below):
        raise SystemExit(f"{len(below)} snapshots are left of {ground.tree.datasets} replicas: {below[:3]}")


def _bzfs(ground: Ground) -> list[str]:
    return [*bzfs(ground), "--skip-replication", "--delete-dst-snapshots"]


PRUNERS: Mapping[str, Tool] = {
    OURS: Tool(OURS, lambda ground: zoffsite(ground, "prune")),
    "bzfs": Tool("bzfs", _bzfs),
}
