"""Two bare machines, as they are before the kit comes: nothing of zoffsite on the box, no user, nothing delegated.

What the lab itself needs to reach them (its management NIC) is left open, as an owner would leave a way in of his own.
The way between them is the wire; `home.test` is the DNS name of the source, for the box.
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lab import Lab
from lab.guest import Guest

from ..chain.stage import await_true

BOX, SOURCE = "10.99.0.2", "10.99.0.1"
KIT = "/root/kit"
KEY = "/root/key"
SETTINGS = f"""\
[box.friend]
host = "{BOX}"
user = "keep"
identity_file = "key"
root = "vault/replicas"
[box.friend.tunnel]
endpoints = ["home.test"]
source = "{SOURCE}"
[job.home]
box = "friend"
datasets = ["tank/home"]
"""
SSHD = """\
ListenAddress 10.0.2.15
AllowUsers root@10.0.2.2
Match LocalAddress 10.0.2.15
    PermitRootLogin prohibit-password
    AuthorizedKeysFile .ssh/authorized_keys
    PermitTTY yes
Match all
"""
FIREWALL = 'add rule inet zoffsite input iifname "mgmt" tcp dport 22 accept\n'
PATIENCE = 90.0


@dataclass(frozen=True)
class Site:
    """The two machines; zoffsite and its settings are in `folder` of this computer."""

    lab: Lab
    folder: Path

    @property
    def source(self) -> Guest:
        return self.lab.source

    @property
    def box(self) -> Guest:
        return self.lab.box

    def zoffsite(self, *words: str, expect: int = 0) -> str:
        """`zoffsite …`: what it said, its lines joined."""
        command = [str(Path(sys.executable).with_name("zoffsite")), *words]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == expect, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return " ".join(f"{done.stdout} {done.stderr}".split())

    def install(self, guest: Guest, *options: str) -> str:
        """The kit's `install` on a machine: what it said."""
        return guest.run([f"{KIT}/{guest.role}/install", *options], timeout=400)

    def carry(self) -> None:
        """The folder of the box, as on a stick."""
        _, data, _ = self.source.shell().raw(f"tar -C {KIT} -c box")
        self.box.run(f"mkdir -p {KIT} && tar -C {KIT} -x", stdin=data)

    def pair(self) -> None:
        """What the box's install showed, given to `zoffsite box pair`; and what that says, done on the source."""
        said = self.zoffsite("box", "pair", self.box.run(["cat", f"{KIT}/box/pairing/box"]).strip())
        self.source.run(said.partition("on the source: sudo ")[2])

    def age(self) -> str:
        """Seconds since the last handshake, as the box's own tool says, or "never"."""
        return self.box.run("/usr/local/lib/zoffsite/tunnel /etc/zoffsite/tunnel age").strip()

    def await_settled(self) -> None:
        await_true(lambda: self.box.try_run("test -e /var/lib/zoffsite/kit/settled").code == 0, "settled", PATIENCE)

    def await_ssh(self) -> None:
        """Until the gate answers through the tunnel."""
        await_true(lambda: "zoffsite-gate" in self.ask("hello")[1], "the gate answers", PATIENCE)

    def ask(self, request: str, options: str = "", user: str = "keep") -> tuple[int, str]:
        """A request over SSH with the job's own key: exit code, and all that was said."""
        ssh = "ssh -o BatchMode=yes -o ConnectTimeout=5 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
        done = self.source.try_run(f"{ssh} -o LogLevel=ERROR -i {KEY} {options} {user}@{BOX} {request} </dev/null")
        return done.code, done.out + done.err


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
    site = Site(lab, folder)
    blank(lab)
    site.box.run("userdel -r zoffsite 2>/dev/null; rm -f /etc/sudoers.d/lab; zpool destroy vault")
    site.box.run(
        "wipefs -aq /dev/vdb1; wipefs -aq /dev/vdb; wipefs -aq /dev/vdb"
    )  # the last shows from under the table
    site.box.put(SSHD.encode(), "/etc/ssh/sshd_config.d/01-lab.conf")
    site.box.put(b"net.ipv4.ip_nonlocal_bind=1\n", "/etc/sysctl.d/lab.conf")  # sshd starts before networkd is done
    site.box.put(FIREWALL.encode(), "/etc/zoffsite/firewall.d/lab.nft")
    site.box.run("echo '10.77.0.1 home.test' >>/etc/hosts")
    site.source.create_encrypted("tank/home")
    (folder / "zoffsite.toml").write_text(SETTINGS)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key")], check=True)
    site.zoffsite("box", "kit", "--out", "kit")
    pack = subprocess.run(["tar", "-c", "kit"], cwd=folder, capture_output=True, check=True).stdout
    site.source.run("tar -C /root -x --no-same-owner", stdin=pack)
    site.source.put((folder / "key").read_bytes(), KEY, 0o600)
    site.carry()
    return site
