"""The doctor where the box has no gate: as much as its user may see, and plainly what not."""

from __future__ import annotations

import pytest

from .conftest import MakeStage
from .stage import Json, Stage


@pytest.fixture(scope="module")
def backed_up(make_stage: MakeStage) -> Stage:
    stage = make_stage("doctor", box='accept = ["system-disk", "gate", "clock time server"]')
    stage.box.run(f"zfs unallow -u zoffsite hold,release {stage.root}")  # of which a backup needs none
    stage.write("file", "100K")
    stage.backup()
    return stage


def examine(stage: Stage) -> Json:
    tree: Json = stage.zoffsite("doctor", "--json", expect=1).json
    return tree


def bad(tree: Json) -> dict[str, str]:
    return {each["check"]: each["level"] for each in tree["findings"] if each["level"] != "ok" and not each["accepted"]}


def always(stage: Stage) -> dict[str, str]:
    """What is found on every plain box; an old OpenZFS has bugs of its own."""
    return {"unseen": "warning"} | ({"known-bugs": "warning"} if stage.box.version == "2.1" else {})


def test_a_plain_box_is_well_as_far_as_can_be_seen_and_what_cannot_is_named(backed_up: Stage) -> None:
    tree = examine(backed_up)
    assert bad(tree) == always(backed_up)
    assert {each["check"] for each in tree["findings"] if each["accepted"]} - {"clock"} == {"system-disk", "gate"}
    checked = {each["check"] for each in tree["findings"]}
    assert {"delegation", "properties", "locked", "unmounted", "foreign-snapshots", "clock", "known-bugs"} <= checked
    assert not {"forced-command", "firewall", "tunnel", "floor"} & checked


def test_a_key_a_mount_a_snapshot_and_a_right_too_many_on_a_plain_box_are_named(backed_up: Stage) -> None:
    box, replica = backed_up.box, backed_up.replica()
    key = backed_up.source.get(f"/root/keys/{backed_up.tree.replace('/', '_')}")
    box.put(key, "/root/stolen", 0o600)
    box.run(f"zfs allow -u zoffsite release {backed_up.root}")
    box.run(f"zfs load-key -L file:///root/stolen {replica}; zfs snapshot {replica}@by-hand")
    box.run(f"mkdir -p /mnt/spy; mount -t zfs -o ro,zfsutil {replica} /mnt/spy")
    try:
        tree = examine(backed_up)
    finally:
        box.run(f"umount /mnt/spy; zfs unload-key {replica}; zfs destroy {replica}@by-hand; rm /root/stolen")
        box.run(f"zfs unallow -u zoffsite release {backed_up.root}")
    assert bad(tree) == {
        **always(backed_up),
        "delegation": "warning",
        "locked": "critical",
        "unmounted": "critical",
        "foreign-snapshots": "critical",
    }
    assert all(replica in each["what"] for each in tree["findings"] if each["level"] == "critical")
