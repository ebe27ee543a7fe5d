"""How each tool is asked for the same thing, with the settings that make it fastest here."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench import peers
from bench.ground import BELOW, PREFIX, Ground, name_of
from demo.environment import clean_environment
from demo.hosts import host_tables

OURS = "zoffsite"
PREFECT = "zoffsite (Prefect)"
LINES = "two lines"
PARALLEL = 4

SETTINGS = """\
[job.home]
source = "nas"
box = "friend"
datasets = ["{tree}/*"]
parallel = {parallel}

[job.home.replicas]
{replicas}

[job.home.snapshots]
take = "never"
send = "all"

[job.home.keep.source]
last = 10000

[job.home.keep.box]
last = {kept}
"""


@dataclass(frozen=True)
class Tool:
    """`argv` is the command line that brings every dataset up to date."""

    name: str
    argv: Callable[[Ground], list[str]]


def environment(ground: Ground) -> dict[str, str]:
    """The same for all: our ssh wrapper comes first."""
    path = f"{ground.folder / 'bin'}:{os.environ.get('PATH', '')}"
    ours = {"PATH": path, "ZOFFSITE_STATE_DIR": str(ground.folder / "state"), "HOME": str(ground.folder)}
    return {**clean_environment(), **ours, **ground.prefect}


def configure(ground: Ground) -> None:
    """Our settings; the others have theirs on the command line."""
    tree = ground.tree
    job = SETTINGS.format(
        tree=tree.source,
        parallel=PARALLEL,
        kept=tree.kept,
        replicas="\n".join(f'"{tree.source}/{name}" = "{name}"' for name in tree.names),
    )
    (ground.folder / "zoffsite.toml").write_text(f"{host_tables(ground.lab, tree.replicas, box_user='root')}\n{job}")


def zoffsite(ground: Ground, *words: str) -> list[str]:
    """Ours, with a report that `sound` can read."""
    program = Path(sys.executable).with_name("zoffsite")
    return [str(program), "--config", str(ground.folder / "zoffsite.toml"), *words, "--json"]


def bzfs(ground: Ground) -> list[str]:
    """Bookmarks are left out, because bzfs never prunes them and everyone would list them from then on."""
    config = str(ground.ssh_config)
    options = ["--recursive", "--skip-parent", "--quiet", f"--threads={PARALLEL}", "--cache-snapshots"]
    options += ["--zfs-send-program-opts=-w", "--create-bookmarks=none", "--no-privilege-elevation"]
    options += ["--ssh-src-config-file", config, "--ssh-dst-config-file", config, "--ssh-control-persist-secs=5"]
    options += ["--log-dir", str(ground.folder / "bzfs-logs")]
    program = str(peers.folder() / "venv/bin/bzfs")
    return [program, f"root@nas:{ground.tree.source}", f"root@friend:{ground.tree.replicas}", *options]


def _syncoid(ground: Ground) -> list[str]:
    debian = peers.folder() / "debian/usr"
    options = ["--recursive", "--skip-parent", "--no-sync-snap", "--no-rollback", "--compress=none", "--quiet"]
    options += ["--sendoptions=w", "--recvoptions=u"]
    program = ["perl", f"-I{debian / 'share/perl5'}", str(debian / "sbin/syncoid")]
    return [*program, *options, f"root@nas:{ground.tree.source}", f"root@friend:{ground.tree.replicas}"]


def _autobackup(ground: Ground) -> list[str]:
    options = ["--ssh-config", str(ground.ssh_config), "--ssh-source", "root@nas", "--ssh-target", "root@friend"]
    options += ["--strip-path=1", "--no-snapshot", "--no-thinning", "--no-holds", "--utc"]
    options += ["--snapshot-format", f"{PREFIX}%Y-%m-%dT%H:%M:%SZ"]
    return [str(peers.folder() / "venv/bin/zfs-autobackup"), *options, ground.tree.name, BELOW]


def _two_lines(ground: Ground) -> list[str]:
    """They look at nothing and know what is there: the newest snapshot and the one before it, dataset by dataset."""
    newest, source, replicas = name_of(ground.taken - 1), ground.tree.source, ground.tree.replicas
    since = f"-i @{name_of(ground.taken - 2)} " if ground.taken > 1 else ""
    lines = [
        f"ssh nas zfs send -w {since}{source}/{each}@{newest} | ssh friend zfs receive -u {replicas}/{each}"
        for each in ground.tree.names
    ]
    return ["sh", "-ec", "\n".join(lines)]


TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(OURS, lambda ground: zoffsite(ground, "backup", "--direct")),
        Tool(PREFECT, lambda ground: zoffsite(ground, "backup", "--prefect")),
        Tool("bzfs", bzfs),
        Tool("syncoid", _syncoid),
        Tool("zfs-autobackup", _autobackup),
        Tool(LINES, _two_lines),
    )
}


def shown(argv: list[str]) -> str:
    """For the log of measurements."""
    return shlex.join(argv)[:2000]


def sound(name: str, out: str) -> None:
    """Ours says what it did: every dataset must have been found good."""
    if name in (OURS, PREFECT):
        report = json.loads(out)
        bad = [each for each in report["datasets"] if not each["verified"]]
        if bad or not report["datasets"]:
            raise SystemExit(f"{name}: {bad[:1] or 'no dataset'}")
