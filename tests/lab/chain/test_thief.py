"""A thief who holds the source and its key for backups, at the gate, with everything that zfs receive can be given.

Not with the key for restores: that is kept elsewhere. After each attack the history that the box had is all there, and
in the end it comes back and opens with its own key.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from .conftest import MakeStage
from .forged import resummed
from .stage import Stage
from .test_gate import LIBRARY, TUNNEL, USER, ask, grant

pytestmark = pytest.mark.long
JUNK = 6
OLD, FAR = "2001-01-01", "2035-01-01"


@dataclass(frozen=True)
class Robbed:
    """The stage, and what the box had before: names and guids, oldest first."""

    stage: Stage
    history: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """The replica, as the gate is told."""
        return self.stage.replica().rpartition("/")[2]

    @property
    def base(self) -> str:
        """The newest that both have, on the source."""
        there = set(self.stage.guids(self.stage.box, self.stage.replica()))
        tree = self.stage.tree
        names = self.stage.names(self.stage.source, tree)
        return [f"{tree}@{each}" for each in names if self.guid(f"{tree}@{each}") in there][-1]

    def guid(self, snapshot: str) -> str:
        return self.stage.source.run(["zfs", "get", "-Hpo", "value", "guid", snapshot]).strip()

    def snapshot(self, name: str) -> str:
        """A new one of the tree, with something in it."""
        self.stage.write(name, "100K")
        self.stage.source.run(["zfs", "snapshot", f"{self.stage.tree}@{name}"])
        return f"{self.stage.tree}@{name}"

    def stream(self, words: str) -> bytes:
        with self.stage.source.popen(f"zfs send {words}") as sender:
            assert sender.stdout is not None
            return sender.stdout.read()

    def receive(self, replica: str, to: str, base: str | None, stream: bytes | None = None) -> tuple[int, str]:
        """Announce a stream to the gate as it likes it, and send it, or another one; the exit code and what it said."""
        start = f"-i {base} " if base else ""
        data = self.stream(f"-w {start}{to}") if stream is None else stream
        request = f"receive {replica} {self.guid(to)} {self.guid(base) if base else 0}"
        code, _, err = ask(self.stage, request, data)
        return code, err

    def prune_all(self) -> dict[str, object]:
        """Ask for everything that is on the box, by its true guid."""
        stage, replica = self.stage, self.stage.replica()
        rows = zip(stage.names(stage.box, replica), stage.guids(stage.box, replica), strict=True)
        code, out, err = ask(stage, f"prune {self.name} {','.join(f'{name}={guid}' for name, guid in rows)}")
        assert code == 0, err
        answer: dict[str, object] = json.loads(out)
        return answer

    def assert_intact(self) -> None:
        stage, replica = self.stage, self.stage.replica()
        rows = zip(stage.names(stage.box, replica), stage.guids(stage.box, replica), strict=True)
        assert tuple(rows)[: len(self.history)] == self.history


@pytest.fixture(scope="module")
def robbed(make_stage: MakeStage) -> Robbed:
    stage = make_stage("robbed", box_user=USER, keep_source="last = 1", keep_box="last = 1")
    stage.configure(box=TUNNEL.format(restore=stage.lab.key_file.with_name("restore")))
    grant(stage.lab, stage.root, floor_days=30)
    for name in ("one", "two"):
        stage.write(name, "1M")
        stage.backup()
    replica = stage.replica()
    rows = zip(stage.names(stage.box, replica), stage.guids(stage.box, replica), strict=True)
    return Robbed(stage, tuple(rows))


def test_neither_a_full_stream_nor_a_compound_one_takes_the_place_of_what_is_there(robbed: Robbed) -> None:
    base, new = robbed.base, robbed.snapshot("instead")
    assert robbed.receive(robbed.name, new, None)[0] != 0
    for words in (f"-w -R {new}", f"-w -R -I {base} {new}"):
        code, err = robbed.receive(robbed.name, new, None if base not in words else base, robbed.stream(words))
        assert (code, "no plain stream" in err) == (77, True), err
    robbed.assert_intact()


def test_junk_pushes_out_nothing_whatever_time_it_claims_to_be_of(robbed: Robbed) -> None:
    source = robbed.stage.source
    base = robbed.base
    for number in range(JUNK):
        source.run(["date", "-s", OLD if number % 2 else FAR])
        try:
            junk = robbed.snapshot(f"junk{number}")
        finally:
            source.set_clock()
        code, err = robbed.receive(robbed.name, junk, base)
        assert code == 0, err
        base = junk
    assert robbed.prune_all()["destroyed"] == 0
    robbed.assert_intact()
    robbed.stage.box.run([f"{LIBRARY}/keeper", "observe"])
    assert robbed.prune_all()["destroyed"] == 0


def test_what_is_beyond_the_limits_is_refused_and_harms_nothing(robbed: Robbed) -> None:
    box, root = robbed.stage.box, robbed.stage.root
    count = len(box.run(["zfs", "list", "-Hro", "name", "-t", "snapshot", root]).split())
    filesystems = len(box.run(["zfs", "list", "-Hro", "name", root]).split()) - 1
    base = robbed.base
    first, second = robbed.snapshot("fits"), robbed.snapshot("exceeds")
    box.run(["zfs", "set", f"filesystem_limit={filesystems}", f"snapshot_limit={count + 1}", root])
    try:
        assert robbed.receive("planted", first, None)[0] != 0
        code, err = robbed.receive(robbed.name, first, base)
        assert code == 0, err
        assert robbed.receive(robbed.name, second, first)[0] != 0
    finally:
        box.run(["zfs", "set", "filesystem_limit=none", "snapshot_limit=none", root])
    assert box.run(["zfs", "list", "-Hro", "name", root]).split() == [root, robbed.stage.replica()]
    robbed.assert_intact()


def test_what_has_arrived_cannot_be_aborted(robbed: Robbed) -> None:
    code, _, err = ask(robbed.stage, f"abort {robbed.name}")
    assert code != 0, err
    robbed.assert_intact()


def test_no_token_gets_what_is_no_replica_nor_one_that_was_tampered_with(robbed: Robbed) -> None:
    box = robbed.stage.box
    box.run(
        "zfs create -o canmount=on -o mountpoint=/other vault/other; head -c 4M /dev/urandom >/other/file;"
        "zfs snapshot vault/other@a; zfs send vault/other@a | head -c 2M | zfs receive -s -u vault/copy || true"
    )
    try:
        token = box.run(["zfs", "get", "-Hpo", "value", "receive_resume_token", "vault/copy"]).strip()
        assert token != "-"
        for forged in (token, token[:-1] + ("1" if token[-1] == "0" else "0"), "1-0-0-0"):
            asked = f"SSH_ORIGINAL_COMMAND=resume {forged}"
            done = box.try_run(["env", asked, "runuser", "-u", USER, "--", f"{LIBRARY}/gate", "restore"])
            assert (done.code, done.out) == (77, ""), done.err
    finally:
        box.run("zfs receive -A vault/copy; zfs destroy -r vault/other")


def test_a_thief_of_the_key_cannot_change_the_wrapped_key_of_a_replica(robbed: Robbed) -> None:
    source, tree = robbed.stage.source, robbed.stage.tree
    base, new = robbed.base, robbed.snapshot("garbage")
    garbage = bytearray(robbed.stream(f"-w -i {base} {new}"))
    garbage[garbage.index(b"DSL_CRYPTO_MASTER_KEY_1\0") + 40] ^= 1
    code, err = robbed.receive(robbed.name, new, base, resummed(garbage))
    assert (code, "another wrapped key" in err) == (77, True), err
    source.run(
        "head -c 32 /dev/urandom >/root/keys/thief;"
        f"zfs change-key -o keylocation=file:///root/keys/thief {tree};"
        f"zfs clone {base} {tree}-clone; zfs snapshot {tree}-clone@a"
    )
    for replica, to in ((robbed.name, new), ("planted", f"{tree}-clone@a")):
        code, err = robbed.receive(replica, to, base)
        assert (code, "another wrapped key" in err) == (77, True), (replica, err)
    key = "0f" * 32
    assert ask(robbed.stage, f"allow-key {robbed.name} {key}")[0] == 77, "only the key for restores may"
    robbed.assert_intact()


def test_after_all_that_the_history_comes_back_and_opens_with_its_own_key(robbed: Robbed) -> None:
    stage = robbed.stage
    robbed.assert_intact()
    back = stage.restore(stage.tree, "robbedback", stage.tree)
    stage.source.run(f"zfs mount {back}; cmp /{back}/one /{stage.tree}/one && cmp /{back}/two /{stage.tree}/two")


def test_the_owner_lets_the_changed_key_in_by_the_key_for_restores(robbed: Robbed) -> None:
    stage = robbed.stage
    assert stage.part(stage.backup(expect=4))["error"]["code"] == "key-changed"
    stage.zoffsite("approve-key", stage.tree)
    assert stage.part(stage.backup())["state"] == "sent"
    stage.restore(stage.tree, "robbednew", "thief")
    robbed.assert_intact()
    changes = stage.box.run("cat /var/log/zoffsite/changes.log").splitlines()
    assert json.loads(changes[-1])["replica"] == stage.replica()
    assert len(json.loads(changes[-1])["allowed"]) == 64
