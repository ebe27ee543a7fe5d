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
    allow-key REPLICA FINGERPRINT                only for the role `restore`: this wrapped key may take the place of the
                                                 replica's own (zfs change-key on the source)

Standard library only, Python 3.9 or newer, one file: it is copied to the box as it is.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import pwd
import re
import select
import socket
import stat
import struct
import subprocess
import sys
import syslog
import time
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote

VERSION = 1
POLICY = Path("/etc/zoffsite/policy.json")
KEEPER = ("/usr/bin/sudo", "-n", "/usr/local/lib/zoffsite/keeper")
DIGEST = "/usr/local/lib/zoffsite/digest"
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
LONGEST_REQUEST = 100_000
SPLICE_F_NONBLOCK = 2
AT_ONCE = {"receive": 64, "send": 64, "resume": 64, "prove": 8}
OTHERS_AT_ONCE = 16
"""How many of one verb run at the same time for one user: 64 transfers are the most that a job may have."""
PATIENCE = 60.0
"""Seconds that the first record of a stream may take to arrive."""
LARGEST_PAYLOAD = 16_384
"""Bytes of the first record's payload: what a pipe surely holds beside the record. Real ones have about a thousand."""
LONGEST_LISTING = 600.0
"""Seconds for the names of all snapshots, which only the first stream of a clone needs."""

NAME = r"(?:[A-Za-z0-9_.:-]|%20)+"
GUID = r"(?:0|[1-9][0-9]{0,19})"
NONCE = r"[0-9a-f]{64}"
TOKEN = r"[0-9a-f]{1,8}-[0-9a-f]{1,16}-[0-9a-f]{1,16}-[0-9a-f]+"  # noqa: S105 - a grammar
RATE = r"[1-9][0-9]{0,14}"
FINGERPRINT = r"[0-9a-f]{64}"
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
    "allow-key": re.compile(rf"allow-key (?P<replica>{NAME}) (?P<key>{FINGERPRINT})"),
}
ROLES = {
    "backup": ("hello", "inventory", "overview", "snapshots", "receive", "abort", "prune", "scrub", "facts", "prove"),
    "restore": ("hello", "inventory", "send", "resume", "allow-key"),
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

KEY = "crypt_keydata"
NUMBERS = ("DSL_CRYPTO_SUITE", "DSL_CRYPTO_GUID", "DSL_CRYPTO_VERSION", "keyformat", "pbkdf2iters", "pbkdf2salt")
BYTES = ("DSL_CRYPTO_MASTER_KEY_1", "DSL_CRYPTO_HMAC_KEY_1", "DSL_CRYPTO_IV", "DSL_CRYPTO_MAC")
"""What a wrapped key is: dsl_crypt.c, `dsl_crypto_populate_key_nvlist`. All else there belongs to the snapshot."""

HEADER = struct.Struct("<BBHII")
KIND = (0, 1, 0, 0)
"""A packed list: native, little-endian, a reserved 0, version 0."""
PAIR = struct.Struct("<IHHII")
UINT64, NVLIST, UINT8_ARRAY = 8, 19, 26
NVLIST_STRUCT = 24
DEEPEST = 4
"""Lists within lists: real payloads have one."""


class RefusedError(Exception):
    """The request is not one that this gate grants. Exit code 77 (sysexits: no permission)."""


class MalformedListError(ValueError):
    """The bytes are no packed list, or one without a wrapped key; says why."""


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
    take_slot(verb)
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
    elif verb == "allow-key":
        become(*KEEPER, "allow-key", replica, words["key"])
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
    length = check_begin(peek(BEGIN.size), to, base)
    try:
        brought = key_fingerprint(peek(BEGIN.size + length)[BEGIN.size :])
    except MalformedListError as error:
        raise RefusedError(f"the wrapped key in the stream's first record cannot be read: {error}") from None
    check_key(replica, base, brought)
    become("zfs", "receive", "-s", "-u", replica)


def check_key(replica: str, base: int, brought: str) -> None:
    """Require the wrapped key that the replica has: what a stream brings takes its place, for all snapshots.

    So a key that nobody has would make all of them unreadable. A clone shares the key of its origin, which zfs finds
    by the guid `base`: below the same root first. A full stream makes a replica anew: its key is nobody's yet.
    """
    there = said(*LIST, "snapshot", "-d", "1", "-s", "createtxg", "-o", "name", replica, quiet=True).splitlines()
    kin = there[-1:] or (origins(replica.rpartition("/")[0], base) if base else [])
    if base and not kin:
        sys.exit(f"cannot receive: local origin for clone {replica} does not exist")  # in the words of zfs
    if any(key_of(snapshot) != brought for snapshot in kin) and not allowed(replica, brought):
        raise RefusedError("the stream brings another wrapped key than the replica has")


def allowed(replica: str, brought: str) -> bool:
    """Whether the restore key has let this wrapped key in."""
    asked = (*KEEPER, "check-key", replica, brought)
    done = subprocess.run(asked, env=ENVIRONMENT, check=False, stdin=subprocess.DEVNULL, capture_output=True)
    return done.returncode == 0


def origins(root: str, guid: int) -> list[str]:
    """Every snapshot that a clone's stream could mean."""
    rows = said(*LIST, "snapshot", "-r", "-o", "guid,name", root, timeout=LONGEST_LISTING).splitlines()
    return [name for number, _, name in (row.partition("\t") for row in rows) if number == str(guid)]


def key_of(snapshot: str) -> str:
    """The fingerprint of the wrapped key that its dataset has now, as zfs itself would send it."""
    with subprocess.Popen(
        ("zfs", "send", "-w", snapshot), env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as sender:
        assert sender.stdout is not None  # noqa: S101 - it was asked for
        record = sender.stdout.read(BEGIN.size)
        length = int.from_bytes(record[4:8], "little")
        payload = sender.stdout.read(min(length, LARGEST_PAYLOAD))
        sender.kill()
    try:
        return key_fingerprint(payload)
    except MalformedListError as error:
        raise RefusedError(f"the wrapped key of {snapshot} cannot be read: {error}") from None


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


def check_begin(record: bytes, to: int, base: int) -> int:
    """Require a plain raw stream with these guids; the length of the payload that follows the record.

    A compound stream could rename snapshots, -F or not.
    """
    kind, length, magic, version, _creation, _type, _flags, toguid, fromguid, name = BEGIN.unpack(record)
    if kind != 0 or magic != MAGIC or length > LARGEST_PAYLOAD or b"\0" not in name:
        raise RefusedError("this is no zfs stream")
    if version & 3 != 1:
        raise RefusedError("this is no plain stream")
    if not version >> 2 & RAW:
        raise RefusedError("this stream is not raw")
    if (toguid, fromguid) != (to, base):
        raise RefusedError("the stream is not the announced one")
    return int(length)


def key_fingerprint(payload: bytes) -> str:
    """64 hex digits that are the same for every stream of one wrapped key, and others after `zfs change-key`.

    `payload` is that of a stream's first record. Raises MalformedListError when there is no such key in it.
    """
    key = read_nvlist(payload).get(KEY)
    if not isinstance(key, dict):
        raise MalformedListError(f"there is no {KEY} in it")
    digest = hashlib.sha256()
    for name in (*NUMBERS, *BYTES):
        value = key.get(name)
        if not isinstance(value, int if name in NUMBERS else bytes):
            raise MalformedListError(f"{name} is missing, or of another type")
        raw = value.to_bytes(8, "little") if isinstance(value, int) else bytes(value)
        digest.update(len(raw).to_bytes(8, "little") + raw)
    return digest.hexdigest()


def read_nvlist(data: bytes) -> dict[str, Any]:
    """The packed list that the whole of `data` is, strictly, and never beyond its end. Raises MalformedListError.

    The native encoding of libnvpair (nvpair.c, `nvs_native`) in little-endian order: a header with the version and
    flags, then the pairs, each with its own size, its name and its value, both padded to 8 bytes; a size of 0 ends the
    list. The pairs of a list within the list follow that pair, with an end of their own. Numbers and lists are read; a
    value of any other type is its bytes as they stand.
    """
    if len(data) < HEADER.size or HEADER.unpack_from(data)[:4] != KIND:
        raise MalformedListError("it does not begin like a packed list of this byte order")
    found, end = read_pairs(data, HEADER.size, 0)
    if end != len(data):
        raise MalformedListError(f"{len(data) - end} bytes follow its end")
    return found


def read_pairs(data: bytes, at: int, depth: int) -> tuple[dict[str, Any], int]:
    """The pairs from offset `at`, and the offset after their end."""
    if depth > DEEPEST:
        raise MalformedListError("lists are nested too deep")
    found: dict[str, Any] = {}
    while int.from_bytes(piece(data, at, 4), "little"):
        size, name_size, _reserved, count, kind = PAIR.unpack(piece(data, at, PAIR.size))
        pair = piece(data, at, size)
        at += size
        name, value = split_pair(pair, name_size)
        if name in found:
            raise MalformedListError(f"{name} is there twice")
        if kind == NVLIST and len(value) == NVLIST_STRUCT:
            found[name], at = read_pairs(data, at, depth + 1)
        else:
            found[name] = value_of(name, value, kind, count)
    return found, at + 4


def split_pair(pair: bytes, name_size: int) -> tuple[str, bytes]:
    """The name of a pair, and its value with the padding."""
    start = padded(PAIR.size + name_size)
    name = pair[PAIR.size : PAIR.size + name_size]
    if start > len(pair) or len(pair) % 8 or name_size < 2 or name.find(b"\0") != name_size - 1 or not name.isascii():
        raise MalformedListError("a pair's sizes do not fit each other")
    return name[:-1].decode("ascii"), pair[start:]


def value_of(name: str, value: bytes, kind: int, count: int) -> int | bytes:
    """A pair's value without the padding."""
    if kind == UINT64:
        if (len(value), count) != (8, 1):
            raise MalformedListError(f"{name} is no number of 64 bits")
        return int.from_bytes(value, "little")
    if kind == UINT8_ARRAY:
        if len(value) != padded(count):
            raise MalformedListError(f"{name} has not the length that it says")
        return value[:count]
    return value


def piece(data: bytes, at: int, size: int) -> bytes:
    """`size` bytes from offset `at`, all of them there."""
    if at + size > len(data) or (size and size < 4):
        raise MalformedListError("it ends in the middle")
    return data[at : at + size]


def padded(size: int) -> int:
    """To the next multiple of 8."""
    return (size + 7) // 8 * 8


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


def take_slot(verb: str) -> None:
    """Be one of so many requests of this verb, for as long as the program lives which this one becomes.

    A name that the kernel keeps for whoever has it: nothing is written, and nothing is left behind.
    """
    most = AT_ONCE.get(verb, OTHERS_AT_ONCE)
    for number in range(most):
        slot = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            slot.bind(f"\0zoffsite-{verb}-{os.getuid()}-{number}")
        except OSError:
            slot.close()
        else:
            os.set_inheritable(slot.detach(), True)
            return
    raise RefusedError(f"{most} requests to {verb} are running; ask again when one has ended")


def resume(root: str, token: str) -> NoReturn:
    """Go on with a send, if it is a raw one of a replica: a token, and not the command, says what is sent."""
    told = said("zfs", "send", "-n", "-v", "-t", token).splitlines()
    names = [line.partition(" = ")[2] for line in told if line.startswith("\ttoname = ")]
    if len(names) != 1 or names[0].partition("@")[0].rpartition("/")[0] != root or "\trawok = 1" not in told:
        raise RefusedError("this token is of no raw send of a replica")
    become("zfs", "send", "-w", "-t", token)


def said(*argv: str, timeout: float = 60.0, quiet: bool = False) -> str:
    """What a program prints; nothing where it fails, which may be `quiet`."""
    done = subprocess.run(
        argv,
        env=ENVIRONMENT,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if quiet else None,
        timeout=timeout,
    )
    return done.stdout.decode("ascii", "replace")


def become(*argv: str) -> NoReturn:
    """Replace this process by a program: no Python is in the path of the data."""
    sys.stdout.flush()
    os.execvpe(argv[0], argv, ENVIRONMENT)  # noqa: S606 - no shell is what we want


if __name__ == "__main__":
    sys.exit(main())
