"""What zfs says when it fails: texts seen on OpenZFS 2.1.11 and 2.3.2, or read in libzfs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoffsite.model.errors import ConflictError, SafetyError, TransferError, ZoffsiteError
from zoffsite.zfs.stderr import MAX_SHOWN, RULES, zfs_error

HOST = "ann@box:22"
SAVED = "Partially received snapshot is saved.\nA resuming stream can be generated on the sending system by running:\n"

SAID = [
    ("zoffsite gate: refused: this stream is not raw\n", "gate-refused", False),
    (
        "zoffsite gate: refused: the stream brings another wrapped key than the replica has\n",
        "box-key-refused",
        False,
    ),
    ("zoffsite keeper: refused: this is no replica of this user\n", "gate-refused", False),
    ("cannot open 'tank/nope': dataset does not exist\n", "dataset-missing", False),
    ("could not find any snapshots to destroy; check snapshot names.\n", "dataset-missing", False),
    ("bookmark 'tank/enc#nope' does not exist.\n", "dataset-missing", False),
    ("cannot receive incremental stream: destination 'vault/x' does not exist\n", "dataset-missing", False),
    ("cannot create snapshots : permission denied\n", "not-permitted", False),
    ("warning: cannot send 'tank/enc@s5': permission denied\n", "not-permitted", False),
    ("Permission denied the ZFS utilities must be run as root.\n", "not-permitted", False),
    ("cannot receive new filesystem stream: out of space\n", "no-space", False),
    ("cannot receive new filesystem stream: destination vault/x space quota exceeded.\n", "no-space", False),
    ("cannot destroy 'vault/box/busy': dataset is busy\n", "busy", True),
    ("cannot create snapshot 'tank/enc@s5': dataset already exists\n", "already-exists", False),
    ("cannot create bookmark 'tank/enc#bb': bookmark exists\n", "already-exists", False),
    (
        "cannot receive incremental stream: destination vault/x has been modified\nsince most recent snapshot\n",
        "replica-modified",
        False,
    ),
    (
        "cannot receive incremental stream: most recent snapshot of vault/x does not\nmatch incremental source\n",
        "base-mismatch",
        True,
    ),
    ("cannot receive: local origin for clone vault/x does not exist\n", "origin-missing", False),
    (
        "cannot receive incremental stream: destination vault/x contains "
        'partially-complete state from "zfs receive -s".\n',
        "partial-receive",
        True,
    ),
    ("'vault/x' does not have any resumable receive state to abort\n", "nothing-to-abort", False),
    (
        "cannot receive new filesystem stream: destination 'vault/x' exists\nmust specify -F to overwrite it\n",
        "replica-occupied",
        True,
    ),
    ("Key load error: Incorrect key provided for 'tank/back'.\n", "wrong-key", False),
    ("zoffsite digest: it ends before its end record\n", "no-whole-stream", False),
    ("/bin/sh: 1: zfs: not found\n", "zfs-program-missing", False),
    ("bash: line 1: zpool: command not found\n", "zfs-program-missing", False),
    ("[Errno 2] No such file or directory: 'zfs'", "zfs-program-missing", False),
    (
        "The ZFS modules are not loaded.\nTry running '/sbin/modprobe zfs' as root to load them.\n",
        "zfs-module-missing",
        False,
    ),
    (
        "The ZFS modules cannot be auto-loaded.\nTry running 'modprobe zfs' as root to manually load them.\n",
        "zfs-module-missing",
        False,
    ),
    ("/dev/zfs and /proc/self/mounts are required.\nTry running 'udevadm trigger'\n", "zfs-module-missing", False),
    ("Failed to initialize the libzfs library.\n", "zfs-module-missing", False),
    ("cannot create snapshots : pool I/O is currently suspended\n", "pool-suspended", False),
    ("cannot receive new filesystem stream: I/O error\n", "io-error", False),
    (
        "cannot receive incremental stream: IV set guid mismatch. See the 'zfs receive' man page section\n",
        "ivset-mismatch",
        False,
    ),
    ("cannot receive incremental stream: encryption key does not match existing key\n", "key-mismatch", False),
    (
        "cannot receive incremental stream: kernel modules must be upgraded to receive this stream.\n",
        "receive-refused",
        True,
    ),
    (f"cannot receive new filesystem stream: checksum mismatch or incomplete stream.\n{SAVED}", "stream-broken", True),
    ("cannot receive: failed to read from stream\n", "stream-broken", True),
    (
        "cannot open 'vault/x': dataset does not exist\ncannot receive new filesystem stream: invalid backup stream\n",
        "stream-broken",
        True,
    ),
    ("cannot receive: invalid stream (bad magic number)\n", "stream-refused", True),
    (
        "cannot receive new filesystem stream: pool must be upgraded to receive this stream.\n",
        "stream-unsupported",
        False,
    ),
    ("warning: cannot send 'tank/a@b': incremental source (tank/a#c) does not exist\n", "base-missing", True),
    ("warning: cannot send 'tank/a@b': not an earlier snapshot from the same fs\n", "base-missing", True),
    ("cannot resume send: 'tank/a@b' used in the initial send no longer exists\n", "token-stale", True),
    ("cannot resume send: resume token is corrupt (decompression failed)\n", "token-stale", True),
    ("warning: cannot send 'tank/a@b': dataset key must be loaded\n", "key-needed", False),
    ("internal error: warning: cannot send 'tank/a@b': Broken pipe\n", "pipe-broken", True),
    ("something nobody has ever seen\n", "zfs-failed", False),
]


@pytest.mark.parametrize(("said", "code", "transient"), SAID)
def test_every_text_has_its_code_and_says_whether_a_retry_can_help(said: str, code: str, transient: bool) -> None:
    error = zfs_error("receive into", "vault/x", 1, said, HOST)
    assert (error.code, error.transient) == (code, transient)
    assert error.remedy
    assert HOST in error.problem


def test_every_rule_is_reached_by_a_text() -> None:
    untested = {rule.code for rule in RULES} - {code for _, code, _ in SAID}
    assert untested == {"held"}
    assert (
        zfs_error("destroy", "tank/a@b", 1, "cannot destroy: it's being held. Run 'zfs holds -r'", HOST).code == "held"
    )


@pytest.mark.parametrize(
    ("operation", "subject", "line"),
    [
        ("snapshot", "tank/a@b", "zfs allow -u ann mount,snapshot tank/a"),
        ("receive into", "vault/x y/tank:a", "zfs allow -u ann create,mount,receive 'vault/x y'"),
        ("destroy snapshots of", "tank/a", "zfs allow -u ann destroy,mount tank/a"),
    ],
)
def test_a_missing_permission_names_the_line_that_grants_it(operation: str, subject: str, line: str) -> None:
    assert zfs_error(operation, subject, 1, "permission denied", HOST).remedy == f"on {HOST}, as root: {line}"


def test_nobody_is_told_to_upgrade_because_of_a_disturbed_receive() -> None:
    said = "cannot receive incremental stream: kernel modules must be upgraded to receive this stream.\n"
    error = zfs_error("receive into", "vault/x", 1, said, HOST)
    assert isinstance(error, TransferError)
    assert "no upgrade" in error.problem
    assert "upgrade" not in error.remedy


def test_nothing_is_destroyed_by_following_a_remedy() -> None:
    for said, _, _ in SAID:
        remedy = zfs_error("receive into", "vault/x", 1, said, HOST).remedy
        assert "destroy" not in remedy
        assert "-F" not in remedy


@pytest.mark.parametrize(
    ("said", "kind"), [("IV set guid mismatch", ConflictError), ("source key must be loaded", SafetyError)]
)
def test_what_a_person_must_decide_is_not_a_mere_failure(said: str, kind: type[ZoffsiteError]) -> None:
    assert isinstance(zfs_error("receive into", "vault/x", 1, said, HOST), kind)


@pytest.mark.parametrize(
    ("exit_code", "words"), [(-9, "signal 9"), (137, "signal 9"), (141, "signal 13"), (-1, "a signal ended")]
)
def test_a_killed_command_is_tried_again(exit_code: int, words: str) -> None:
    error = zfs_error("send", "tank/a@b", exit_code, "", HOST)
    assert (error.code, error.transient) == ("killed", True)
    assert words in error.problem


def test_a_shell_that_found_no_program_needs_no_words() -> None:
    assert zfs_error("list", "tank", 127, "", HOST).code == "zfs-program-missing"


def test_a_command_that_says_nothing_is_quoted_with_its_exit_code() -> None:
    assert "exit code 3 and said nothing" in zfs_error("list", "tank", 3, "", HOST).problem


def test_the_usage_that_zfs_prints_after_an_error_is_left_out() -> None:
    said = "cannot open 'tank/nope': dataset does not exist\nusage:\n\tsnapshot [-r] [-o property=value] ...\n"
    assert "usage" not in zfs_error("snapshot", "tank/nope@a", 2, said, HOST).problem


@given(st.text(), st.integers(-70_000, 70_000))
def test_hostile_words_are_shown_short_on_one_line_and_without_control_characters(said: str, exit_code: int) -> None:
    for text in (said, said * 50, "\x1b[2J" + said):
        error = zfs_error("receive into", "vault/x", exit_code, text, HOST)
        assert str(error).isprintable()
        assert len(str(error)) < MAX_SHOWN + 200


def test_a_flood_is_not_searched_to_its_end() -> None:
    assert zfs_error("list", "tank", 1, "most recent snapshot of " * 2_000_000, HOST).code == "zfs-failed"


def test_a_receive_that_a_dead_connection_has_left_is_told_what_ends_it() -> None:
    busy = "cannot receive resume stream: 'vault/x' is currently being received\ndataset is busy\n"
    assert "ClientAliveInterval 15" in zfs_error("receive into", "vault/x", 1, busy, "u@box:22").remedy
    assert "ClientAlive" not in zfs_error("release", "vault/x@a", 1, busy, "u@box:22").remedy
