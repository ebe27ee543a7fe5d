"""Two bare machines, as they are before the kit comes: nothing of zoffsite on the box, no user, nothing delegated.

They are in one network at first, as when the box is seeded at home: the DNS name of the source leads nowhere there.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from demo.kit import Kit, kit_tables
from lab import Lab
from lab.bare import make_bare
from lab.guest import Guest

from ..chain.stage import Stage

USER = "keep"
JOB = """
[job.home]
source = "nas"
box = "friend"
datasets = ["tank/home"]
stall = "10s"
[job.home.retries]
count = 0
"""
IMPATIENT = {"ZOFFSITE_BOX__FRIEND__KEEPALIVE": "4s", "ZOFFSITE_BOX__FRIEND__CONNECT_TIMEOUT": "20s"}


@dataclass(frozen=True)
class Site:
    """The two machines; `stage` has the settings, `kit` is made from them."""

    stage: Stage
    kit: Kit

    @property
    def source(self) -> Guest:
        return self.stage.source

    @property
    def box(self) -> Guest:
        return self.stage.box

    @property
    def guests(self) -> tuple[Guest, Guest]:
        return self.stage.lab.guests

    def at_work(self, way: Mapping[str, str]) -> Stage:
        """The same settings, for runs of zoffsite that reach the box by `way`."""
        return replace(self.stage, environment={**IMPATIENT, **way})

    def age(self) -> str:
        """Seconds since the last handshake, as the box's own tool says, or "never"."""
        return self.box.run("/usr/local/lib/zoffsite/tunnel /etc/zoffsite/tunnel age").strip()

    def await_ssh(self) -> None:
        """Until the gate answers through the tunnel."""
        self.kit.await_gate()


def state_of(guest: Guest) -> str:
    """All that `install` may touch: files with their hashes, units, users, rules, links, properties, delegation."""
    return guest.run(
        "find /etc /usr/local /home /root/.ssh -xdev -type f ! -name '*.cache' ! -path '*/zfs/zpool.cache' "
        "! -name 'passwd-' ! -name 'shadow-' ! -name 'group-' ! -name 'gshadow-' ! -name '.pwd.lock' "
        "! -name 'subuid*' ! -name 'subgid*' ! -path /etc/resolv.conf -exec sha256sum {} + | sort -k2; "
        "find /etc -xdev -type l -printf '%p %l\\n' | sort; nft list tables; ip -o link | cut -d: -f2 | sort; "
        "systemctl list-units --no-legend --plain --state=active,failed 'zoffsite*' | cut -d' ' -f1 | "
        "grep -v -e settle -e endpoint.service -e keeper.service | sort; "
        "zfs allow vault/replicas 2>/dev/null || true"
    )


def blank(lab: Lab) -> None:
    """Both machines as they were delivered."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(Guest.restart_blank, lab.guests))


def make_site(lab: Lab, folder: Path) -> Site:
    """Bare machines with the kit written, and the box's folder carried over, before any `install`."""
    stage = Stage(lab, folder, "tank/home", "vault/replicas")
    kit = Kit(lab, folder, USER, lambda *words: stage.zoffsite(*words).said)
    blank(lab)
    make_bare(lab.box)
    lab.source.create_encrypted("tank/home", recordsize="16K")
    tables = kit_tables(lab, "home.test", lab.source.address, user=USER, root=stage.root)
    (folder / "zoffsite.toml").write_text(tables + JOB)
    kit.make_key()
    kit.write()
    kit.carry()
    return Site(stage, kit)
