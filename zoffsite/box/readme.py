"""The page beside each `install`."""

from __future__ import annotations

from zoffsite.box.entry import Entry
from zoffsite.box.spec import Spec

_BOX = """\
The box "{name}": as root, on the box,

    ./install --dry-run     # says what it would change
    ./install               # changes it, and ends with a line for the source

Run source/install on the source before this folder is carried here: it puts two keys into pairing/. One of them,
preshared.key, is a secret that source and box share by its nature; install deletes it from this folder. No other secret
is in here.

If the tunnel does not come up within 15 minutes, firewall and tunnel are undone again (--wait MINUTES).

Updates are yours to set up; the firewall lets them through, unless the settings say `updates = false`. On Debian:

    apt-get install unattended-upgrades linux-headers-amd64    # without headers a new kernel gets no ZFS module

and leave Unattended-Upgrade::Automatic-Reboot "false", as it comes. Restart the box only while `zoffsite doctor` on the
source says `next-kernel: OK`: a kernel without the ZFS module comes up without its pool, and nobody is there to help.
With the boot chain of docs/how-to/lock-the-boot-chain.md no such kernel is started.

./install --remove undoes everything but pools, replicas and the keeper's memory.
docs/how-to/set-up-the-box.md tells the whole way, docs/reference/kit.md what each file is for.
"""

_SOURCE = """\
The source's end for the box "{name}": as root, on the source,

    ./install --dry-run     # says what it would change
    ./install               # changes it, and puts two keys into ../box/pairing

Then carry ../box to the box, and run its install there. It ends with a line `zoffsite box pair …` for this machine.
The router must forward UDP port {port} to this machine. ./install --remove undoes everything.
"""


def readme(side: str, spec: Spec) -> Entry:
    """README of the folder `side`: `box` or `source`."""
    template = _BOX if side == "box" else _SOURCE
    return Entry(text=template.format(name=spec.name, port=spec.machine.port))
