#!/usr/bin/python3 -I
"""The gate: the one command that a key of the source may run on the box, whatever it asks for.

sshd starts it as a forced command, with one role as argument, and the request in SSH_ORIGINAL_COMMAND. The request must
match the grammar of its verb from the first to the last character; there is nothing else: no shell, no option, no path,
no name outside the root of the user that policy.json gives. Names are percent-encoded, so that a blank only separates.

    hello                                        the version of this file, and of OpenZFS
    inventory [REPLICA]                          a head (time, versions, pools), then all datasets and their versions
    overview                                     all datasets, without snapshots, and when those of each changed last
    snapshots [REPLICA[,REPLICA …]]              those of the root, and of these
    receive REPLICA TOGUID FROMGUID              the stream on stdin, which must be raw, plain and of these guids
    abort REPLICA                                give up an interrupted receive
    prune REPLICA NAME=GUID[,NAME=GUID …]        ask the keeper, which has the last word
    scrub                                        start a scrub of the pool
    facts                                        what the doctor wants to know
    prove REPLICA NAME NONCE [BASE] [at RATE]    the keyed digest of the snapshot's raw stream, on top of BASE
    send REPLICA NAME [NAME]                     only for the role `restore`: the snapshot, on top of the second one
    resume TOKEN                                 only for the role `restore`: the rest of a send that broke off

Standard library only, Python 3.9 or newer, one file: it is copied to the box as it is.
"""

from __future__ import annotations

import ctypes
import json
import os
import pwd
import re
import select
import stat
import struct
import subprocess
import sys
import syslog
import time
from pathlib import Path
from typing import NoReturn
from urllib.parse import unquote

VERSION = 1
POLICY = Path("/etc/zoffsite/policy.json")
KEEPER = ("/usr/bin/sudo", "-n", "/usr/local/lib/zoffsite/keeper")
DIGEST = "/usr/local/lib/zoffsite/digest"
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
LONGEST_REQUEST = 100_000
SPLICE_F_NONBLOCK = 2
PATIENCE = 60.0
"""Seconds that the first record of a stream may take to arrive."""

NAME = r"(?:[A-Za-z0-9_.:-]|%20)+"
GUID = r"(?:0|[1-9][0-9]{0,19})"
NONCE = r"[0-9a-f]{64}"
TOKEN = r"[0-9a-f]{1,8}-[0-9a-f]{1,16}-[0-9a-f]{1,16}-[0-9a-f]+"  # noqa: S105 - a grammar
RATE = r"[1-9][0-9]{0,14}"
GRAMMAR = {
    "hello": re.compile(r"hello"),
    "inventory": re.compile(rf"inventory(?: (?P<replica>{NAME}))?"),
    "overview": re.compile(r"overview"),
    "snapshots": re.compile(rf"snapshots(?: (?P<replicas>{NAME}(?:,{NAME})*))?"),
    "receive": re.compile(rf"receive (?P<replica>{NAME}) (?P<to>{GUID}) (?P<base>{GUID})"),
    "abort": re.compile(rf"abort (?P<replica>{NAME})"),
    "prune": re.compile(rf"prune (?P<replica>{NAME}) (?P<snapshots>{NAME}={GUID}(?:,{NAME}={GUID})*)"),
    "scrub": re.compile(r"scrub"),
    "facts": re.compile(r"facts"),
    "prove": re.compile(
        rf"prove (?P<replica>{NAME}) (?P<snapshot>{NAME}) (?P<nonce>{NONCE})(?: (?P<base>{NAME}))?"
        rf"(?: at (?P<rate>{RATE}))?"
    ),
    "send": re.compile(rf"send (?P<replica>{NAME}) (?P<snapshot>{NAME})(?: (?P<base>{NAME}))?"),
    "resume": re.compile(rf"resume (?P<token>{TOKEN})"),
}
ROLES = {
    "backup": ("hello", "inventory", "overview", "snapshots", "receive", "abort", "prune", "scrub", "facts", "prove"),
    "restore": ("hello", "inventory", "send", "resume"),
}

COLUMNS = (
    "type,name,guid,createtxg,creation,encryption,encryptionroot,keystatus,mounted,readonly,written,used,available,"
    "referenced,userrefs,receive_resume_token,origin,numclones,zoffsite:backup"
)
LIST = ("zfs", "list", "-H", "-p", "-t")
POOL_COLUMNS = "name,guid,health,size,allocated,free,fragmentation"

BEGIN = struct.Struct("<IIQQQIIQQ256s")
"""dmu_replay_record with DRR_BEGIN, zfs_ioctl.h: 312 bytes."""
MAGIC = 0x2F5BACBAC
RAW = 1 << 24
LARGEST_PAYLOAD = 1 << 20
"""Bytes of the first record's payload."""


class RefusedError(Exception):
    """The request is not one that this gate grants. Exit code 77 (sysexits: no permission)."""


def main() -> int:
    """Grant one request; the exit code is that of the program which it became."""
    request = os.environ.get("SSH_ORIGINAL_COMMAND", "")
    user = pwd.getpwuid(os.getuid()).pw_name
    syslog.openlog("zoffsite-gate", syslog.LOG_PID, syslog.LOG_AUTHPRIV)
    try:
        role = sys.argv[1] if len(sys.argv) == 2 else ""
        verb, words = parse(request, role)
        root = root_of(user)
        syslog.syslog(syslog.LOG_INFO, f"{user} ({role}): {request[:500]}")
        return grant(verb, words, root)
    except RefusedError as error:
        syslog.syslog(syslog.LOG_WARNING, f"{user}: refused: {error}: {request[:500]!r}")
        print(f"zoffsite gate: refused: {error}", file=sys.stderr)
        return 77


def parse(request: str, role: str) -> tuple[str, dict[str, str]]:
    """The verb and its words, decoded. Raises RefusedError for all that is not wholly one of the role's verbs."""
    if role not in ROLES:
        raise RefusedError("this key has no role here")
    if len(request) > LONGEST_REQUEST:
        raise RefusedError("the request is too long")
    verb = request.split(" ", 1)[0]
    found = GRAMMAR[verb].fullmatch(request) if verb in ROLES[role] else None
    if found is None:
        raise RefusedError(
            "this is no request that the gate knows" if verb not in GRAMMAR else f"not a {verb} for {role}"
        )
    return verb, {key: unquote(value) for key, value in found.groupdict().items() if value is not None}


def root_of(user: str) -> str:
    """The dataset below which `user` may do anything at all; policy.json is root's."""
    try:
        return str(json.loads(POLICY.read_text(encoding="utf-8"))["users"][user]["root"])
    except (OSError, ValueError, KeyError, TypeError):
        raise RefusedError(f"{POLICY} has no root for this user") from None


def grant(verb: str, words: dict[str, str], root: str) -> int:
    """Do what was asked; most verbs become the program that does it, and never return."""
    replica = below(root, words["replica"]) if "replica" in words else root
    if verb == "hello":
        print(f"zoffsite-gate {VERSION}", flush=True)
        become("zfs", "version")
    elif verb == "inventory":
        inventory(replica)
    elif verb == "overview":
        become(*LIST, "filesystem,volume,bookmark", "-o", f"{COLUMNS},snapshots_changed", "-r", root)
    elif verb == "snapshots":
        names = words["replicas"].split(",") if "replicas" in words else []
        become(*LIST, "snapshot", "-o", COLUMNS, "-d", "1", root, *(below(root, name) for name in names))
    elif verb == "receive":
        receive(replica, int(words["to"]), int(words["base"]))
    elif verb == "abort":
        become(*KEEPER, "abort", replica)
    elif verb == "prune":
        become(*KEEPER, "prune", replica, words["snapshots"])
    elif verb == "scrub":
        become(*KEEPER, "scrub")
    elif verb == "facts":
        become(*KEEPER, "facts")
    elif verb == "prove":
        prove(replica, words["snapshot"], words["nonce"], words.get("base"), words.get("rate"))
    elif verb == "send":
        become(*raw_send(replica, words["snapshot"], words.get("base")))
    elif verb == "resume":
        resume(root, words["token"])
    return 0


def below(root: str, name: str) -> str:
    """The replica called `name`: directly below the root, for replicas lie flat."""
    full = f"{root}/{name}"
    if name in (".", "..") or name != name.strip() or len(full) > 200:
        raise RefusedError("this cannot be a replica's name")
    return full


def inventory(dataset: str) -> None:
    """What is there, in one answer: a line of JSON about the machine, then what `zfs list` shows."""
    pool = dataset.split("/", 1)[0]
    head = {
        "gate": VERSION,
        "time": int(time.time()),
        "zfs": said("zfs", "version").splitlines(),
        "pool": dict(zip(POOL_COLUMNS.split(","), said("zpool", "list", "-Hpo", POOL_COLUMNS, pool).split())),
    }
    print(json.dumps(head), flush=True)
    become(*LIST, "filesystem,volume,snapshot,bookmark", "-o", COLUMNS, "-r", dataset)


def receive(replica: str, to: int, base: int) -> None:
    """Look at the stream's first record without taking it out of the pipe, then become the receive itself."""
    check_begin(peek(BEGIN.size), to, base)
    become("zfs", "receive", "-s", "-u", replica)


def peek(size: int) -> bytes:
    """The first bytes on stdin, left where they are for the program that comes after us."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        ended = hung_up()  # asked before looking: what came before the end is then seen
        data = look(size)
        if len(data) == size:
            return data
        if ended:
            raise RefusedError("the stream ended before its first record")
        time.sleep(0.01)  # a part of the record is there, so that nothing would wait
    raise RefusedError("the first record did not arrive")


def look(size: int) -> bytes:
    """What is there so far, at most `size` bytes. sshd hands us a pipe; tee(2) copies what is in it."""
    reader, writer = os.pipe()
    try:
        count = ctypes.CDLL(None).tee(0, writer, ctypes.c_size_t(size), SPLICE_F_NONBLOCK)
        return os.read(reader, size) if count > 0 else b""
    finally:
        os.close(reader)
        os.close(writer)


def hung_up() -> bool:
    """True when no more will come; and at once where stdin is no pipe."""
    poll = select.poll()
    poll.register(0, 0)
    return bool(poll.poll(0)) or not stat.S_ISFIFO(os.fstat(0).st_mode)


def check_begin(record: bytes, to: int, base: int) -> None:
    """Require a plain raw stream with these guids. A compound one could rename snapshots, -F or not."""
    kind, payload, magic, version, _creation, _type, _flags, toguid, fromguid, name = BEGIN.unpack(record)
    if kind != 0 or magic != MAGIC or payload > LARGEST_PAYLOAD or b"\0" not in name:
        raise RefusedError("this is no zfs stream")
    if version & 3 != 1:
        raise RefusedError("this is no plain stream")
    if not version >> 2 & RAW:
        raise RefusedError("this stream is not raw")
    if (toguid, fromguid) != (to, base):
        raise RefusedError("the stream is not the announced one")


def raw_send(replica: str, snapshot: str, base: str | None) -> tuple[str, ...]:
    """The command that sends a replica's snapshot as it is kept here: without a key nothing else can be read."""
    start = () if base is None else ("-i", f"{replica}@{base}")
    return ("zfs", "send", "-w", *start, f"{replica}@{snapshot}")


def prove(replica: str, snapshot: str, nonce: str, base: str | None, rate: str | None) -> NoReturn:
    """Send to our own digest: only that leaves, and how it ended."""
    sender = subprocess.Popen(
        raw_send(replica, snapshot, base), env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    assert sender.stdout is not None  # noqa: S101 - it was asked for
    os.dup2(sender.stdout.fileno(), 0)
    become(DIGEST, nonce, *([] if rate is None else [rate]))


def resume(root: str, token: str) -> NoReturn:
    """Go on with a send, if it is a raw one of a replica: a token, and not the command, says what is sent."""
    told = said("zfs", "send", "-n", "-v", "-t", token).splitlines()
    names = [line.partition(" = ")[2] for line in told if line.startswith("\ttoname = ")]
    if len(names) != 1 or names[0].partition("@")[0].rpartition("/")[0] != root or "\trawok = 1" not in told:
        raise RefusedError("this token is of no raw send of a replica")
    become("zfs", "send", "-w", "-t", token)


def said(*argv: str) -> str:
    """What a program prints; nothing where it fails."""
    done = subprocess.run(
        argv, env=ENVIRONMENT, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=60
    )
    return done.stdout.decode("ascii", "replace")


def become(*argv: str) -> NoReturn:
    """Replace this process by a program: no Python is in the path of the data."""
    sys.stdout.flush()
    os.execvpe(argv[0], argv, ENVIRONMENT)  # noqa: S606 - no shell is what we want


if __name__ == "__main__":
    sys.exit(main())
