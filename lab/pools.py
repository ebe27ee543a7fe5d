"""Scripts for a guest's shell that make and unmake pools."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Final

POOL: Final = {"source": "tank", "box": "vault"}
FILLER: Final = "lab-full"
_DEFAULTS: Final = {
    "source": "-O mountpoint=/tank",
    "box": "-O mountpoint=none -O canmount=off",
}
_DELEGATED: Final = "create,mount,receive,destroy,hold,release"


def create_script(role: str) -> str:
    """The role's pool, on the first data disk. The second disk is free for tests."""
    common = "-o ashift=12 -o cachefile=none -O atime=off -O compression=lz4"
    return f"zpool create -f {common} {_DEFAULTS[role]} {POOL[role]} /dev/vdb1\n"


def reset_script(role: str) -> str:
    """Unmake every pool, whoever uses it, and make the role's anew. Fails where that does not work at once."""
    return (
        "set -e\n"
        # Whoever sends, receives or sits in a mount point would keep the pool busy.
        "ps -eo pid=,args= -ww | awk '$2 !~ /^\\[/ && $2 ~ /(^|\\/)(zfs|zpool|zstream|mbuffer|dd)$/ {print $1}' "
        "| xargs -r kill -9 2>/dev/null || true\n"
        "for pool in $(zpool list -Ho name); do\n"
        '  awk -v p=$pool \'$3 == "zfs" && ($1 == p || index($1, p "/") == 1 || index($1, p "@") == 1) {print $2}\' '
        "/proc/mounts | while read -r mount; do\n"
        '    find /proc/[0-9]*/cwd /proc/[0-9]*/fd -maxdepth 1 "(" -lname "$mount" -o -lname "$mount/*" ")" '
        "| cut -d/ -f3 | sort -u | xargs -r kill -9\n"
        "  done 2>/dev/null\n"
        "  zpool destroy -f $pool || { sleep 0.5; zpool destroy -f $pool; }\n"
        "done\n"
        "rm -rf /root/keys\n" + create_script(role)
    )


def box_script(root_dataset: str, user: str) -> str:
    """The root of the replicas and what `user` may do below it."""
    name = shlex.quote(root_dataset)
    return (
        f"zfs create -p -o canmount=off -o mountpoint=none -o readonly=on {name} && "
        f"zfs allow -u {shlex.quote(user)} {_DELEGATED} {name}"
    )


def encrypted_script(name: str, properties: Mapping[str, str]) -> str:
    """A dataset that is its own encryptionroot."""
    file = f"/root/keys/{name.replace('/', '_')}"
    options = {"encryption": "aes-256-gcm", "keyformat": "raw", "keylocation": f"file://{file}", **properties}
    words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
    create = shlex.join(["zfs", "create", *words, name])
    return f"mkdir -p -m 700 /root/keys && head -c 32 /dev/urandom >{shlex.quote(file)} && {create}"


def fill_script(pool: str, leave: int) -> str:
    """Reserve all that is free. Again, because a reservation costs a little by itself, and because a receive may take
    some of it between the look and the reservation, which then fails."""
    filler = shlex.quote(f"{pool}/{FILLER}")
    return (
        f"zfs create -o canmount=off -o mountpoint=none {filler} 2>/dev/null\n"
        f"for round in $(seq 50); do free=$(zfs get -Hpo value available {shlex.quote(pool)}); "
        f"held=$(zfs get -Hpo value refreservation {filler}); "
        f'[ "$held" != none ] || held=0; [ "$free" -gt {leave} ] || exit 0; '
        f"zfs set refreservation=$((held + free - {leave})) {filler} 2>/dev/null; done\n"
        "echo 'it never was full' >&2; exit 1"
    )
