"""The source without root: what docs/how-to/delegate-with-zfs-allow.md lists is enough, and nothing of it is idle."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .conftest import MakeStage
from .stage import Stage
from .test_good_path import commands

pytestmark = pytest.mark.lab
GUIDE = Path(__file__).parents[3] / "docs/how-to/delegate-with-zfs-allow.md"
GRANTS = dict(re.findall(r"^ +zfs allow -u (\w+) (\S+,\S+) \S+$", GUIDE.read_text(), re.MULTILINE))
ON_SOURCE, ON_BOX = (",".join(sorted(GRANTS[user].split(","))) for user in ("backup", "zoffsite"))


@pytest.fixture(scope="module")
def stage(make_stage: MakeStage) -> Stage:
    made = make_stage("user", source_user="zoffsite", keep_source="last = 1", keep_box="last = 1")
    made.source.run(["zfs", "create", f"{made.tree}/child"])
    made.box.run(f"zfs unallow -u zoffsite {made.root} && zfs allow -u zoffsite {ON_BOX} {made.root}")
    made.write("file", "20K")
    return made


def test_without_any_permission_the_check_gives_the_exact_line(stage: Stage) -> None:
    done = stage.zoffsite("config", "check", expect=1)
    assert f"zfs allow -u zoffsite {ON_SOURCE} {stage.tree} 1 problem" in done.said  # what it lacks below goes with it
    failed = stage.zoffsite("backup", "--direct", expect=1)
    assert f"zfs allow -u zoffsite {ON_SOURCE} {stage.tree}" in failed.said  # all of it at once


def test_with_what_the_guide_lists_a_user_backs_up_prunes_and_keeps_the_bookmark(stage: Stage) -> None:
    stage.source.run(["zfs", "allow", "-u", "zoffsite", ON_SOURCE, stage.tree])
    assert "ok" in stage.zoffsite("config", "check").said
    stage.backup()
    stage.write("more", "20K")
    done = stage.zoffsite("--verbose", "backup", "--direct", "--json")
    ran = {words[1] for words in commands(done.err, "zoffsite@") if words[0] == "zfs"}
    assert ran >= {*ON_SOURCE.split(",")} - {"mount"}, "a permission is listed that nothing needs"
    part = stage.part(done.json)
    assert (part["state"], part["verified"], part["pruned"]) == ("sent", True, {"source": 1, "box": 1})
    assert len(stage.names(stage.source, stage.tree, "bookmark")) == 1


def test_each_permission_on_the_source_is_needed(stage: Stage) -> None:
    verbs = {
        "snapshot": "zfs snapshot {0}@own",
        "mount": "zfs destroy {0}@given",
        "send": "zfs send -w {0}@given > /dev/null",
        "bookmark": "zfs bookmark {0}@given {0}#own",
        "hold": "zfs hold own {0}@given",
        "release": "zfs release theirs {0}@held",
        "destroy": "zfs destroy {0}@given",
    }
    assert set(verbs) == set(ON_SOURCE.split(","))
    stage.source.run(["zfs", "snapshot", f"{stage.tree}@given"])
    stage.source.run(f"zfs snapshot {stage.tree}@held && zfs hold theirs {stage.tree}@held")
    for permission, command in verbs.items():
        stage.source.run(["zfs", "unallow", "-u", "zoffsite", permission, stage.tree])
        line = f"PATH=$PATH:/usr/sbin; {command.format(stage.tree)}"
        refused = stage.source.try_run(line, user="zoffsite")
        assert refused.code != 0, permission
        assert "ermission denied" in refused.err or "must be run as root" in refused.err, permission
        stage.source.run(["zfs", "allow", "-u", "zoffsite", permission, stage.tree])
