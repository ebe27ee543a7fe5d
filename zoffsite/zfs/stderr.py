"""What zfs says when it fails, as typed errors: one table for every command.

The texts are those of libzfs (libzfs_util.c, libzfs_sendrecv.c). From the box they are hostile: they only choose a row
of the table, and are shown on one line, without control characters, and not at length.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from shlex import quote

from zoffsite.model.errors import ConflictError, OperationError, SafetyError, TransferError, ZoffsiteError
from zoffsite.zfs.excerpt import plain
from zoffsite.zfs.permissions import allow_line, permissions_for

MAX_SHOWN = 500
"""Characters of stderr that an error repeats."""

_MAX_READ = 20_000

_NOT_FOUND = 127
_KILLED = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A failed command: what was being done, to what, where, and what it said."""

    operation: str
    subject: str
    host: str
    exit_code: int
    text: str

    @property
    def dataset(self) -> str:
        """The subject without `@snapshot` or `#bookmark`."""
        return re.split("[@#]", self.subject, maxsplit=1)[0]

    @property
    def pool(self) -> str:
        """The subject's pool."""
        return self.dataset.partition("/")[0]

    @property
    def user(self) -> str:
        """Who runs the commands there, by the host's label (`user@host:port`)."""
        user, found, _ = self.host.partition("@")
        return user if found else "USER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`pattern` is searched in stderr; None in `problem` shows what zfs said."""

    code: str
    pattern: str
    remedy: Callable[[Failure], str]
    problem: str | None = None
    transient: bool = False
    kind: type[ZoffsiteError] = OperationError


def _set_aside(dataset: str) -> str:
    """The command that keeps a replica but frees its name."""
    return f"zfs rename {quote(dataset)} {quote(dataset + '-old')}"


def _permission_remedy(failure: Failure) -> str:
    needed = permissions_for(failure.operation)
    if not needed:
        return f"on {failure.host}, see what is delegated: zfs allow {quote(failure.dataset)}"
    dataset = failure.dataset
    if "create" in needed:  # it is not there yet, and what may make it is granted above
        dataset = dataset.rpartition("/")[0] or dataset
    return f"on {failure.host}, as root: {allow_line(failure.user, needed, dataset)}"


def _listing(failure: Failure) -> str:
    return f"on {failure.host}, look: zfs list -t all -r {quote(failure.dataset)}"


def _busy_remedy(failure: Failure) -> str:
    if "destroy" in failure.operation:  # zfs says the same of a held snapshot
        return (
            f"on {failure.host}, see whether it is held: zfs list -t snapshot -o name,userrefs {quote(failure.dataset)}"
        )
    wait = f"wait for what else uses it on {failure.host}, then run it again"
    if "receive" not in failure.operation:
        return wait
    dead = "ClientAliveInterval 15 and ClientAliveCountMax 4 in its sshd_config end it after a minute"
    return f"{wait}; if that is a zfs receive whose connection is dead: {dead}"


def _try_again(_: Failure) -> str:
    return "run it again; what has already arrived is kept"


RULES: tuple[Rule, ...] = (
    Rule(
        code="zfs-program-missing",
        pattern=r"(?:zfs|zpool)['\"]?: (?:command )?not found|No such file or directory: '?(?:zfs|zpool)\b",
        problem="there is no zfs program",
        remedy=lambda f: f"on {f.host}, install OpenZFS (Debian: apt install zfsutils-linux), or correct PATH",
    ),
    Rule(
        code="box-key-refused",
        pattern=r"\Azoffsite gate: refused: the stream brings another wrapped key",
        problem="its encryption key was changed on the source (zfs change-key), which nobody has told the box",
        remedy=lambda _: "if that was you: zoffsite approve-key DATASET, which tells the box by the key for restores",
        kind=SafetyError,
    ),
    Rule(
        code="gate-refused",
        pattern=r"\Azoffsite (?:gate|keeper): refused: ",
        remedy=lambda f: f"what {f.host} grants is in its /etc/zoffsite/policy.json; set it up anew: zoffsite box kit",
        kind=SafetyError,
    ),
    Rule(
        code="zfs-module-missing",
        pattern=r"The ZFS modules (?:are not loaded|cannot be auto-loaded)|/dev/zfs and /proc/self/mounts|"
        r"Failed to initialize the libzfs library",
        problem="the ZFS kernel module is not loaded",
        remedy=lambda f: f"on {f.host}, as root: modprobe zfs",
    ),
    Rule(
        code="not-permitted",
        pattern=r"[Pp]ermission denied|must be run as root|delegated administration is disabled|"
        r"insufficient privileges|Operation not permitted",
        remedy=_permission_remedy,
    ),
    Rule(
        code="pool-suspended",
        pattern=r"I/O is currently suspended|pool is unavailable|pool .* unavailable|pool is read-only",
        remedy=lambda f: f"on {f.host}, look at its disks: zpool status {quote(f.pool)}",
    ),
    Rule(
        code="io-error",
        pattern=r"I/O error|Input/output error|insufficient replicas",
        remedy=lambda f: f"on {f.host}, look at its disks: zpool status -v {quote(f.pool)}",
    ),
    Rule(
        code="no-space",
        pattern=r"out of space|No space left on device|quota exceeded|Disk quota exceeded|(?:snap|fs).*limit.*exceeded",
        remedy=lambda f: f"on {f.host}, make room or raise the quota: zfs list -o space -r {quote(f.pool)}",
    ),
    Rule(
        code="ivset-mismatch",
        pattern=r"IV set guid (?:mismatch|missing)",
        problem="the replica's newest snapshot was once received without -w, so no raw stream fits on it",
        remedy=lambda f: f"on {f.host}, keep it aside and start anew: {_set_aside(f.dataset)}",
        kind=ConflictError,
    ),
    Rule(
        code="replica-modified",
        pattern=r"has been modified\s+since most recent snapshot",
        problem="the replica was written to since its newest snapshot",
        remedy=lambda f: f"on {f.host}, find out by whom, then: zfs rollback {quote(f.dataset + '@NEWEST')}",
        kind=ConflictError,
    ),
    Rule(
        code="base-mismatch",
        pattern=r"most recent snapshot of .* does not\s+match incremental source",
        problem="the replica's newest snapshot is not the base of this send",
        remedy=_try_again,
        transient=True,  # the next attempt looks again, and plans from what it sees
    ),
    Rule(
        code="origin-missing",
        pattern=r"local origin for clone .* does not exist",
        problem="it is a clone, and what it starts from has not arrived there",
        remedy=lambda _: "see what stopped the dataset that it is a clone of; the next run sends both",
    ),
    Rule(
        code="partial-receive",
        pattern=r"partially-complete state|Resuming recv on existing",
        problem="an earlier receive was interrupted there",
        remedy=_try_again,
        transient=True,
    ),
    Rule(
        code="nothing-to-abort",
        pattern=r"does not have any resumable receive state to abort",
        problem="there is no interrupted receive",
        remedy=_listing,
    ),
    Rule(
        code="replica-occupied",
        pattern=r"destination '.*' exists\s+must specify -F|destination has snapshots|destination already exists|"
        r"cannot perform raw receive on top of existing unencrypted",
        problem="something else is there already",
        remedy=_listing,
        transient=True,  # or an earlier receive that has not ended yet: the next attempt looks again
    ),
    Rule(
        code="key-mismatch",
        pattern=r"encryption key does not match existing key",
        problem="the replica has another key than the source",
        remedy=lambda f: f"on {f.host}, keep it aside and start anew: {_set_aside(f.dataset)}",
        kind=ConflictError,
    ),
    Rule(
        code="receive-refused",
        pattern=r"kernel modules must be upgraded",
        problem="the receive was disturbed, most often by a snapshot taken of the replica meanwhile; "
        "zfs then speaks of kernel modules, which need no upgrade",
        remedy=lambda f: (
            f"on {f.host}, let no other tool snapshot or receive below {quote(f.dataset)}, and run it again"
        ),
        transient=True,
        kind=TransferError,
    ),
    Rule(
        code="wrong-key",
        pattern=r"Incorrect key provided|Invalid (?:raw|hex) key|Key file .* not|Failed to open key material file|"
        r"Passphrase too (?:short|long)|Raw key too (?:short|long)",
        remedy=lambda f: (
            f"use the key that the dataset had when it was last sent; by hand, on {f.host}: "
            f"zfs load-key -L prompt {quote(f.dataset)}"
        ),
    ),
    Rule(
        code="key-needed",
        pattern=r"(?:source|dataset|inherited) key must be loaded",
        problem="zfs wanted to read plaintext, which a raw send never does",
        remedy=lambda f: f"run it again; if it stays, look at the dataset: zfs get all {quote(f.dataset)}",
        kind=SafetyError,
    ),
    Rule(
        code="stream-broken",
        pattern=r"incomplete stream|checksum mismatch|failed to read from stream|incorrect header checksum|"
        r"invalid record type|invalid backup stream",
        problem="the stream did not arrive whole",
        remedy=_try_again,
        transient=True,
        kind=TransferError,
    ),
    Rule(
        code="pipe-broken",
        pattern=r"Broken pipe|signal received",
        problem="the other end went away",
        remedy=_try_again,
        transient=True,
        kind=TransferError,
    ),
    Rule(
        code="stream-unsupported",
        pattern=r"unsupported feature|pool must be upgraded|not compatible with (?:this pool|the data in the pool)|"
        r"Spill block flag missing|unsupported version or feature|must be updated",
        remedy=lambda f: f"on {f.host}, compare the versions of both sides: zfs version; zpool upgrade",
    ),
    Rule(
        code="base-missing",
        pattern=r"incremental source .*(?:does not exist|no longer exists|could not be found)|"
        r"not an earlier snapshot from the same fs",
        problem="the base of the send is gone since the listing",
        remedy=_try_again,
        transient=True,
    ),
    Rule(
        code="token-stale",
        pattern=r"used in the initial send|resume token is corrupt|cannot resume send",
        problem="the interrupted send can no longer be resumed",
        remedy=_try_again,
        transient=True,
    ),
    Rule(
        code="dataset-missing",
        pattern=r"does not exist|no such pool|no longer exists|could not find any snapshots|no datasets available",
        remedy=lambda f: f"on {f.host}, look what there is: zfs list -r {quote(f.pool)}",
    ),
    Rule(
        code="already-exists",
        pattern=r"already exists|pool or dataset exists|bookmark exists",
        remedy=_listing,
    ),
    Rule(
        code="held",
        pattern=r"it's being held|snapshot has holds|has dependent clones|dataset has (?:children|dependent)",
        problem="something still needs it: a hold or a clone",
        remedy=lambda f: (
            f"on {f.host}, look: zfs holds -r {quote(f.dataset)}; zfs get -t snapshot clones {quote(f.dataset)}"
        ),
    ),
    Rule(
        code="busy",
        pattern=r"(?:dataset|pool or dataset|target|snapshot|pool) is busy|currently being (?:received|sent)",
        remedy=_busy_remedy,
        transient=True,
    ),
    Rule(
        code="stream-refused",
        pattern=r"invalid stream|backup failed",
        remedy=_try_again,
        transient=True,
        kind=TransferError,
    ),
    Rule(
        code="no-whole-stream",
        pattern=r"zoffsite digest: ",
        remedy=lambda f: (
            f"on {f.host}, see whether it can be read: zfs send -w {quote(f.subject)} >/dev/null; zpool status -v"
        ),
    ),
)
"""Asked from top to bottom; the first that fits decides."""


def zfs_error(operation: str, subject: str, exit_code: int, stderr: str, host: str) -> ZoffsiteError:
    """The error for a command that ended with `exit_code`: never raised here.

    `operation` is a verb ("snapshot", "receive into"), `subject` the dataset, snapshot or bookmark, `host` a label.
    An `exit_code` below 0 or over 128 means that a signal ended it. What no rule knows has the code "zfs-failed".
    """
    text = stderr[:_MAX_READ].partition("\nusage:")[0]
    failure = Failure(operation=operation, subject=subject, host=host, exit_code=exit_code, text=text)
    rule = next((rule for rule in RULES if re.search(rule.pattern, text)), None) or _without_words(failure)
    said = plain(text, MAX_SHOWN)
    return rule.kind(
        operation,
        subject,
        (rule.problem or said or f"zfs ended with exit code {exit_code} and said nothing") + f" ({host})",
        rule.remedy(failure),
        code=rule.code,
        transient=rule.transient,
    )


def _without_words(failure: Failure) -> Rule:
    """The rule for a failure that only its exit code explains."""
    if failure.exit_code == _NOT_FOUND:
        return RULES[0]
    if failure.exit_code < 0 or failure.exit_code > _KILLED:
        number = -failure.exit_code if failure.exit_code < 0 else failure.exit_code - _KILLED
        signal = "a signal" if failure.exit_code == -1 else f"signal {number}"  # over SSH nobody says which
        return Rule(
            code="killed",
            pattern="",
            problem=f"{signal} ended it",
            remedy=_try_again,
            transient=True,
            kind=TransferError,
        )
    return Rule(
        code="zfs-failed",
        pattern="",
        remedy=lambda f: f"read what zfs says, and look: on {f.host}: zpool status {quote(f.pool)}",
    )
