"""What a person does with the kit, on the two guests of a lab; also used by the tests.

zoffsite itself runs on this computer, which stands in for the source's: it reaches the box only through the source
machine, and so through the tunnel, from the source's address in it.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab import Guest, Lab, LabError
from lab.forward import forward

BOX, SOURCE = "10.99.0.2", "10.99.0.1"
NAME = "friend"
PLACE = "/root/kit"
KEY = "/root/key"
DISK = "/dev/vdb"
PATIENCE = 120.0

TABLES = """\
[source.nas]
host = "127.0.0.1"
port = {port}
user = "root"
host_key = "{host_key}"
identity_file = "{identity}"

[box.{name}]
host = "{box}"
user = "{user}"
identity_file = "key"
root = "{root}"
quota = "1 TB"

[box.{name}.tunnel]
endpoints = [{endpoints}]
source = "{source}"
"""


def kit_tables(lab: Lab, *endpoints: str, user: str, root: str) -> str:
    """`[source.nas]`, as root, and `[box.friend]` with its tunnel, from which the kit is made; its key is `key`."""
    return TABLES.format(
        port=lab.source.uplink_port,
        host_key=lab.source.host_key(),
        identity=lab.key_file,
        name=NAME,
        box=BOX,
        user=user,
        root=root,
        endpoints=", ".join(f'"{each}"' for each in endpoints),
        source=SOURCE,
    )


@contextlib.contextmanager
def through_the_source(lab: Lab) -> Iterator[Mapping[str, str]]:
    """The variables that lead this computer's `zoffsite` to the box, for as long as the source machine is up."""
    with forward(lab.source, BOX, 22) as port:
        place = f"ZOFFSITE_BOX__{NAME.upper()}__"
        yield {f"{place}HOST": "127.0.0.1", f"{place}PORT": str(port)}


@dataclass(frozen=True)
class Kit:
    """The kit in `folder`; `zoffsite` runs the command there and returns what it printed."""

    lab: Lab
    folder: Path
    user: str
    zoffsite: Callable[..., str]

    def make_key(self) -> None:
        """The job's own SSH key, which opens nothing but the gate."""
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / "key")], check=True)

    def write(self) -> None:
        """`zoffsite box kit`, onto the source machine."""
        self.zoffsite("box", "kit", "--out", "kit")
        pack = subprocess.run(["tar", "-c", "kit"], cwd=self.folder, capture_output=True, check=True).stdout
        self.lab.source.run("tar -C /root -x --no-same-owner", stdin=pack)
        self.lab.source.put((self.folder / "key").read_bytes(), KEY, 0o600)

    def install(self, guest: Guest, *options: str) -> str:
        """The kit's `install` on a machine: what it said."""
        return guest.run([f"{PLACE}/{guest.role}/install", *options], timeout=400)

    def carry(self) -> None:
        """The folder of the box, as on a stick."""
        _, data, _ = self.lab.source.shell().raw(f"tar -C {PLACE} -c box")
        self.lab.box.run(f"mkdir -p {PLACE} && tar -C {PLACE} -x", stdin=data)

    def pair(self) -> None:
        """What the box's install showed, given to `zoffsite box pair`; and what that says, done on the source."""
        text = self.lab.box.run(["cat", f"{PLACE}/box/pairing/box"]).strip()
        said = " ".join(self.zoffsite("box", "pair", text).split())
        self.lab.source.run(said.partition("on the source: sudo ")[2])

    def await_settled(self) -> None:
        """Until the box has ended its first installation by itself; LabError when it does not."""
        settled = "test -e /var/lib/zoffsite/kit/settled"
        _await(lambda: self.lab.box.try_run(settled).code == 0, "settle the box")

    def await_gate(self) -> None:
        """Until the gate answers through the tunnel: a settled box starts sshd once more; LabError when it does not."""
        _await(lambda: self.ask("hello")[1].startswith("zoffsite-gate"), "ask the gate")

    def ask(self, request: str, options: str = "", user: str | None = None) -> tuple[int, str]:
        """A request of the source, over SSH with the job's own key: exit code, and all that was said."""
        ssh = "ssh -o BatchMode=yes -o ConnectTimeout=5 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
        where = f"{user or self.user}@{BOX}"
        done = self.lab.source.try_run(f"{ssh} -o LogLevel=ERROR -i {KEY} {options} {where} {request} </dev/null")
        return done.code, done.out + done.err


def _await(what: Callable[[], bool], operation: str) -> None:
    """Look until something is so, for no machine here tells when it becomes so."""
    deadline = time.monotonic() + PATIENCE
    while not what():
        if time.monotonic() > deadline:
            raise LabError(operation, f"it was not so after {PATIENCE:.0f} s")
        time.sleep(0.2)
