#!/usr/bin/python3 -I
"""What the doctor wants to know of a machine: a fixed list of commands, and what each of them said.

    facts ROOT USER                 on a box that the kit set up; the keeper becomes this program, as root

prints one line of JSON: {"facts": 1, "said": {NAME: [EXIT CODE, TEXT]}}. It judges nothing: the doctor on the source
does, from the same names, which it asks of other machines by running the same commands itself. An exit code of 127
means that there is no such program, 124 that it took too long.

Standard library only, Python 3.9 or newer, one file: it is copied to the box as it is.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VERSION = 1
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "TZ": "UTC"}
TIMEOUT = 20.0
"""Seconds for one command."""
LONGEST = 32_000
"""Characters kept of what one command says; MOST of such answers."""
MOST = 80
AT_ONCE = 4

ETC = "/etc/zoffsite"
KEYS = "/etc/zoffsite/authorized_keys.d"
MADE = "%Y %a %U %n"
"""For stat: when a file was written, its mode, its owner, its name."""
POLICY = Path("/etc/zoffsite/policy.json")
EFI = "/sys/firmware/efi/efivars"
VENDOR = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
"""EFI_GLOBAL_VARIABLE, UEFI specification 3.3."""
BOX_UNITS = (
    "zoffsite-firewall.service",
    "zoffsite-tunnel.service",
    "zoffsite-endpoint.timer",
    "zoffsite-keeper.timer",
    "zoffsite-scrub.timer",
    "zfs-mount.service",
    "zfs-share.service",
)
SSHD_UNITS = ("ssh.service", "sshd.service")
"""Debian's name and everybody else's; one of them is the other's alias, or not there."""
PROPERTIES = "canmount,mountpoint,readonly,com.sun:auto-snapshot,quota,filesystem_limit,snapshot_limit"
POOL = "name,health,size,allocated,free,fragmentation"
LOADED = 'nft -f "$1" && nft list table inet "$2"'

Commands = dict[str, list[str]]


@dataclass(frozen=True)
class Place:
    """Where on a machine its part of the kit is. `conf`: the tunnel; `unlock`: what opens a box's disk; `table`: that
    of the file `firewall`."""

    pools: tuple[str, ...]
    interface: str = "zoffsite"
    conf: str = "/etc/zoffsite/tunnel"
    unlock: str = "/etc/zoffsite/unlock"
    table: str = "zoffsite"
    firewall: str = "/etc/zoffsite/firewall.nft"
    units: tuple[str, ...] = BOX_UNITS + SSHD_UNITS


def of_machine(place: Place) -> Commands:
    """What is asked of either machine."""
    return {
        "clock": ["date", "+%s"],
        "synchronized": ["timedatectl", "show", "-p", "NTPSynchronized", "--value"],
        "zfs": ["zfs", "version"],
        "pools": ["zpool", "list", "-Hpo", POOL, *place.pools],
        "status": ["env", "TZ=UTC", "zpool", "status", "-p", *place.pools],
        "made": ["zfs", "get", "-Hpo", "name,value", "creation", *place.pools],
        "kernel": ["uname", "-r"],
        "kernels": [
            "find",
            "/lib/modules/",
            "-mindepth",
            "2",
            "-maxdepth",
            "2",
            "-name",
            "modules.dep",
            "-printf",
            "%h\n",
        ],
        "modules": ["find", "/lib/modules/", "-name", "zfs.ko*", "-printf", "%P\n"],
        "builtin": ["grep", "-rlE", "--include=modules.builtin", r"/zfs\.ko$", "/lib/modules/"],
        "reboot": ["ls", "-d", "/run/reboot-required"],
        "disks": ["lsblk", "-J", "-o", "PATH,TYPE,FSTYPE,MOUNTPOINT"],
        "units": ["systemctl", "show", "-p", "Id,ActiveState,UnitFileState", *place.units],
        "firewall": ["nft", "list", "table", "inet", place.table],
        # What the file means in nft's own words: loaded into a network of nobody.
        "written": ["unshare", "-n", "sh", "-c", LOADED, "sh", place.firewall, place.table],
        "handshake": ["wg", "show", place.interface, "latest-handshakes"],
        "endpoints": ["wg", "show", place.interface, "endpoints"],
        "forwarding": ["sysctl", "-n", "net.ipv4.ip_forward"],
        "keys": keys_in(f"{place.conf}/private.key", f"{place.unlock}/key", f"{ETC}/boot/*.key", f"{ETC}/boot/*.crt"),
    }


def keys_in(*patterns: str) -> list[str]:
    """Those that are there; one that is missing is no failure."""
    named = [word for each in patterns for word in ("-o", "-path", each)]
    return ["find", ETC, "-type", "f", "(", *named[1:], ")", "-exec", "stat", "-c", MADE, "{}", "+"]


def of_box(root: str, user: str) -> Commands:
    """What is asked of a box alone."""
    return {
        "properties": ["zfs", "get", "-Hpo", "property,value", PROPERTIES, root],
        "allow": ["zfs", "allow", root],
        "listening": ["ss", "-Htlnp"],
        "sshd": ["sshd", "-T", "-C", f"user={user},host=source,addr=127.0.0.1,laddr=127.0.0.1,lport=22"],
        "login": ["cat", f"{KEYS}/{user}"],
        "login-file": ["stat", "-c", MADE, f"{KEYS}/{user}", "/etc/ssh/ssh_host_ed25519_key"],
        "initrd-key": ["stat", "-c", MADE, "/etc/dropbear/initramfs/dropbear_ed25519_host_key"],
        "observed": ["stat", "-c", "%Y", "/var/lib/zoffsite/keeper.json"],
        "tpm": ["cat", "/sys/class/tpm/tpm0/tpm_version_major"],
        "unlock": ["cat", "/etc/zoffsite/unlock/on"],
        "efi": ["ls", "-d", EFI],
        "secure-boot": ["od", "-An", "-v", "-tu1", "-j4", f"{EFI}/SecureBoot-{VENDOR}"],
        "automatic-reboot": ["apt-config", "dump", "Unattended-Upgrade::Automatic-Reboot"],
        "lockdown": ["cat", "/sys/kernel/security/lockdown"],
        "signer": ["modinfo", "-F", "signer", "zfs"],
        "boot-chain": ["/usr/local/lib/zoffsite/kernels", "check"],
    }


def of_disks(listing: str) -> Commands:
    """What is asked of each disk, and of each encrypted one, that `disks` has named. A listing that cannot be read (it
    may have been cut) names none; the doctor says so of the listing itself."""
    try:
        devices = flat(json.loads(listing).get("blockdevices", []))
    except (ValueError, AttributeError, TypeError, RecursionError):
        return {}
    found: Commands = {}
    for each in devices:
        path = str(each.get("path"))
        if not re.fullmatch(r"/dev/[A-Za-z0-9/_.:+-]{1,100}", path):
            continue
        if each.get("type") == "disk" and not re.match(r"/dev/(zram|zd|nbd|ram|fd|sr)", path):
            found[f"smart {path}"] = ["smartctl", "-j", "-H", "-A", "-n", "standby", path]
        if each.get("fstype") == "crypto_LUKS":
            found[f"slots {path}"] = ["systemd-cryptenroll", path]
    return found


def flat(tree: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All devices of a listing, those inside others included."""
    return [one for each in tree for one in (each, *flat(each.get("children", [])))]


def ask(argv: list[str]) -> tuple[int, str]:
    """How a command ended, and what it said: its output, or its complaint where it failed."""
    try:
        done = subprocess.run(
            argv, env=ENVIRONMENT, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT
        )
    except FileNotFoundError:
        return 127, ""
    except subprocess.TimeoutExpired:
        return 124, ""
    except OSError as error:
        return 126, str(error)
    said = done.stdout if done.stdout or done.returncode == 0 else done.stderr
    return done.returncode, said.decode("utf-8", "replace")[:LONGEST]


def ask_all(commands: Commands) -> dict[str, tuple[int, str]]:
    """All answers, by name. Each command mostly waits: for a disk, or for the kernel."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(commands, pool.map(ask, commands.values())))


def policy(user: str) -> tuple[int, str]:
    """Root's word on this user, and on no other."""
    try:
        return 0, json.dumps(json.loads(POLICY.read_text(encoding="utf-8"))["users"][user])
    except (OSError, ValueError, KeyError, TypeError) as error:
        return 1, str(error)


def gather(root: str, user: str) -> dict[str, tuple[int, str]]:
    """All answers, by name."""
    place = Place(pools=(root.split("/", 1)[0],))
    said = ask_all({**of_machine(place), **of_box(root, user)})
    said["policy"] = policy(user)
    code, listing = said["disks"]
    if code == 0:
        said.update(ask_all(dict(list(of_disks(listing).items())[: MOST - len(said)])))
    return said


def main() -> int:
    """Say it all, in one line."""
    if len(sys.argv) != 3:
        print("usage: facts ROOT USER", file=sys.stderr)
        return 2
    print(json.dumps({"facts": VERSION, "said": gather(sys.argv[1], sys.argv[2])}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
