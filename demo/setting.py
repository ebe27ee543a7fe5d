"""The stage: an encrypted tree on the source, a bare box, and the settings that a user would write."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.environment import clean_environment
from demo.kit import kit_tables
from demo.screen import say
from lab import Lab

MARKER = "ZOFFSITE-DEMO-PLAINTEXT-MARKER"
ROOT = "vault/zoffsite/home"
USER = "offsite"
"""The box's account: the kit makes it."""

TREE = f"""set -e
zfs create tank/enc/home/photos
zfs create tank/enc/home/cache
zfs create -V 16M tank/enc/home/disk
zfs create -o encryption=off -o compression=off tank/enc/home/plain
yes {MARKER} | head -c 3M > /tank/enc/home/plain/letter.txt
yes {MARKER} | head -c 2M > /tank/enc/home/letter.txt
for n in 1 2 3 4 5; do head -c 20K /dev/urandom > /tank/enc/home/note$n; done
head -c 12M /dev/urandom > /tank/enc/home/photos/sea.raw
head -c 1M /dev/urandom > /tank/enc/home/cache/junk
udevadm settle
yes {MARKER} | head -c 4M | dd of=/dev/zvol/tank/enc/home/disk bs=1M conv=fsync status=none
zpool sync tank
"""

SETTINGS = """\
[job.home]
source = "nas"
box = "friend"
datasets = ["tank/enc/home"]
exclude = [{exclude}]
stall = "30s"

[job.home.retries]
count = 2
first_wait = "1s"
longest_wait = "5s"

[job.home.keep.source]
last = 2

[job.home.keep.box]
last = 3
"""


@dataclass(frozen=True)
class Stage:
    """Where the demo plays: the two machines, a folder for settings, and the environment of its commands."""

    lab: Lab
    folder: Path
    environment: Mapping[str, str]

    def write_settings(self, exclude: Sequence[str]) -> None:
        """zoffsite.toml, as a user would write it."""
        job = SETTINGS.format(exclude=", ".join(f'"{dataset}"' for dataset in exclude))
        tables = kit_tables(self.lab, "source", user=USER, root=ROOT)
        (self.folder / "zoffsite.toml").write_text(f"{tables}\n{job}")

    def command(self, *words: str) -> list[str]:
        """The argv of `zoffsite …` with this demo's settings."""
        return [str(Path(sys.executable).with_name("zoffsite")), *words]

    def start(self, *words: str, **more: str) -> subprocess.Popen[str]:
        """Start `zoffsite …` in the demo's folder; `more` is added to its environment."""
        ours = {**self.environment, "ZOFFSITE_STATE_DIR": str(self.folder / "state")}
        return subprocess.Popen(
            self.command(*words),
            cwd=self.folder,
            env={**clean_environment(), **ours, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def zoffsite(self, *words: str, expect: int = 0) -> str:
        """Run `zoffsite …`, shown as it is typed; its stdout. The exit code must be `expect`."""
        say(f"$ zoffsite {' '.join(words)}")
        process = self.start(*words)
        out, err = process.communicate()
        if process.returncode != expect:
            raise RuntimeError(f"exit code {process.returncode}, expected {expect}\n{out}\n{err}")
        return out

    def json(self, *words: str, expect: int = 0) -> Any:
        """The same for commands that print JSON."""
        return json.loads(self.zoffsite(*words, "--json", expect=expect))


def make_tree(lab: Lab) -> None:
    """Nested datasets, a zvol, one excluded dataset, one that is not encrypted."""
    lab.source.create_encrypted("tank/enc")
    lab.source.run("zfs create tank/enc/home")
    lab.source.run(TREE)
