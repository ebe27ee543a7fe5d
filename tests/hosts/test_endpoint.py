"""The verbs, where the answer is what counts: a stand-in for `zfs` that says what is asked of it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from tests.planning.make import snap
from zoffsite.hosts.endpoint import PlainBox, Source
from zoffsite.hosts.gatebox import GateBox
from zoffsite.hosts.local import LocalRunner
from zoffsite.model.errors import ZoffsiteError
from zoffsite.zfs.argv import COLUMNS
from zoffsite.zfs.permissions import BOX_PERMISSIONS, SOURCE_PERMISSIONS

ROW = {
    "type": "filesystem",
    "guid": "1",
    "createtxg": "1",
    "creation": "1",
    "encryption": "aes-256-gcm",
    "encryptionroot": "tank/a",
    "keystatus": "available",
    "mounted": "yes",
    "readonly": "off",
    "written": "0",
    "used": "0",
    "available": "0",
    "referenced": "0",
    "userrefs": "-",
    "origin": "-",
    "numclones": "-",
    "zoffsite:backup": "-",
    "receive_resume_token": "-",
}


def row(name: str, **changes: str) -> str:
    values = {**ROW, "name": name, **changes}
    return "\t".join(values[column] for column in COLUMNS) + "\n"


class Stand:
    """A `zfs` (and `id`) first in PATH, which notes how it was called."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.log = place / "log"

    def says(self, out: str = "", err: str = "", code: int = 0, program: str = "zfs") -> None:
        path = self.place / program
        (self.place / f"{program}.out").write_text(out)
        path.write_text(
            f'#!/bin/sh\necho {program} "$@" >> {shlex.quote(str(self.log))}\n'
            f"cat {shlex.quote(str(path))}.out\nprintf %s {shlex.quote(err)} >&2\nexit {code}\n"
        )
        path.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return Stand(tmp_path)


@pytest.fixture
def source() -> Source:
    return Source(LocalRunner())


@pytest.fixture
def box() -> PlainBox:
    return PlainBox(LocalRunner(), "vault/zoffsite")


def test_an_inventory_is_one_command_whatever_the_number_of_roots(stand: Stand, source: Source) -> None:
    stand.says(row("tank/a") + row("tank/b"))
    assert set(source.inventory(["tank/a", "tank/b", "tank/a/deep", "tank/a"]).datasets) == {"tank/a", "tank/b"}
    (call,) = stand.calls
    assert call.endswith("-r tank/a tank/b")


def test_a_root_that_only_begins_like_another_is_listed_too(stand: Stand, source: Source) -> None:
    stand.says(row("tank/a"))
    source.inventory(["tank/a", "tank/ab"])
    assert stand.calls[0].endswith("-r tank/a tank/ab")


def test_a_dataset_missing_on_the_source_is_an_error_although_others_were_listed(stand: Stand, source: Source) -> None:
    stand.says(row("tank/a"), "cannot open 'tank/b': dataset does not exist", 1)
    with pytest.raises(ZoffsiteError) as caught:
        source.inventory(["tank/a", "tank/b"])
    assert caught.value.code == "dataset-missing"


def test_a_missing_replica_is_no_error_but_a_missing_pool_is(stand: Stand, box: PlainBox) -> None:
    stand.says(err="cannot open 'vault/zoffsite/tank:a': dataset does not exist", code=1)
    assert not box.inventory("vault/zoffsite/tank:a").datasets
    with pytest.raises(ZoffsiteError) as caught:
        box.inventory("vault/zoffsite")
    assert caught.value.code == "pool-missing"
    assert "zpool import vault" in caught.value.remedy
    assert "zfs create" not in caught.value.remedy


def test_any_other_failure_of_a_listing_is_raised(stand: Stand, box: PlainBox) -> None:
    stand.says(err="cannot open 'vault/zoffsite/tank:a': I/O error", code=1)
    with pytest.raises(ZoffsiteError) as caught:
        box.inventory("vault/zoffsite/tank:a")
    assert caught.value.code == "io-error"


@pytest.mark.parametrize("code", ["io-error", "pool-missing"])
def test_what_a_gate_refuses_or_cannot_do_is_told_from_an_answer_that_is_none(stand: Stand, code: str) -> None:
    gate = GateBox(LocalRunner(), "vault/zoffsite")
    head = json.dumps({"gate": 1, "time": 1, "zfs": ["zfs-2.3.2-1"], "pool": {"health": ""}})
    said = {"io-error": ("", "I/O error"), "pool-missing": (head + "\n", "dataset does not exist")}[code]
    stand.says(said[0], f"cannot open 'vault/zoffsite': {said[1]}", 1, program="inventory")
    with pytest.raises(ZoffsiteError) as caught:
        gate.inventory("vault/zoffsite")
    assert caught.value.code == code
    stand.says("", program="inventory")
    with pytest.raises(ZoffsiteError) as caught:
        gate.inventory("vault/zoffsite")
    assert caught.value.code == "malformed-answer"


def test_no_zfs_program_is_said_in_those_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: Source) -> None:
    monkeypatch.setattr("zoffsite.hosts.local.SYSTEM_PATH", "/usr/bin:/bin")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(ZoffsiteError) as caught:
        source.inventory(["tank"])
    assert caught.value.code == "zfs-program-missing"


def test_a_hostile_listing_is_refused(stand: Stand, box: PlainBox) -> None:
    stand.says(row("vault/zoffsite", guid="-1"))
    with pytest.raises(ZoffsiteError) as caught:
        box.inventory("vault/zoffsite")
    assert caught.value.code == "malformed-answer"


def test_repeating_what_was_already_done_is_no_error(stand: Stand, source: Source) -> None:
    stand.says(err="cannot create bookmark 'tank/a#b': bookmark exists", code=1)
    source.bookmark(snap(1, where="tank/a"), "tank/a#b")
    stand.says(err="bookmark 'tank/a#b' does not exist.", code=1)
    source.destroy_bookmark("tank/a#b")
    stand.says(err="could not find any snapshots to destroy; check snapshot names.", code=1)
    source.destroy_snapshots("tank/a", ["s", "t"])
    assert stand.calls[-1] == "zfs destroy tank/a@s,t"


def test_root_lacks_no_permission_and_no_zfs_is_asked(stand: Stand, source: Source) -> None:
    stand.says("root\n", program="id")
    assert source.permissions(["tank/a"]) == ()
    assert stand.calls == ["id -un", "id -Gn"]


def test_what_a_user_lacks_comes_with_the_command_for_root(stand: Stand, box: PlainBox) -> None:
    stand.says("keeper\n", program="id")
    stand.says(
        "---- Permissions on vault/zoffsite ---------------\nLocal+Descendent permissions:\n"
        "\tuser keeper create,mount\n"
    )
    (lacking,) = box.permissions()
    assert lacking.permissions == ("destroy", "receive")
    assert lacking.remedy == "zfs allow -u keeper destroy,receive vault/zoffsite"


def test_what_a_group_may_do_counts(stand: Stand, box: PlainBox) -> None:
    stand.says("keeper\n", program="id")  # the group has the same name
    stand.says(
        "---- Permissions on vault/zoffsite ---------------\nLocal+Descendent permissions:\n"
        f"\tgroup keeper {','.join(BOX_PERMISSIONS)}\n"
    )
    assert box.permissions() == ()


def test_the_how_to_grants_exactly_what_is_needed() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "delegate-with-zfs-allow.md").read_text()
    granted = [line.split()[4] for line in page.splitlines() if line.startswith("    zfs allow -u")]
    assert [set(each.split(",")) for each in granted] == [set(SOURCE_PERMISSIONS), set(BOX_PERMISSIONS)]
