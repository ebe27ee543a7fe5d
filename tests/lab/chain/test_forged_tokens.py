"""A box asks for what was not planned, by resume tokens real and forged: nothing of it is sent, and it is an alarm.

All on one stage: every dataset has a replica, and for most of them the box then shows a token that it should not have.
"""

from __future__ import annotations

import re

import pytest

from zoffsite.zfs.argv import COLUMNS

from .conftest import MakeStage
from .forger import Value, forged
from .impostor import REAL, impostor
from .stage import Done, Json, Stage

pytestmark = pytest.mark.lab
TREE = "tank/forge"
ALL = ("good", "nonraw", "plain", "cleared", "copy", "whole", "old", "saved", "split", "gone")
GOOD, NONRAW, PLAIN, CLEARED, COPY, WHOLE, OLD, SAVED, SPLIT, GONE = (f"{TREE}/{name}" for name in ALL)
TWIN = "tank/forge-twin"
"""On the source, in the clear, with the same guids as COPY: as a local backup of it has them."""
WHY = {
    NONRAW: "it would not be sent raw",
    PLAIN: "it would not be sent raw",
    CLEARED: "it would not be sent raw",
    COPY: f"the source would send {TWIN}@",
    WHOLE: "it starts from guid 0 instead of",
    OLD: "none of the snapshots",
    SAVED: "it asks for more than that (savedok)",
    SPLIT: "toguid is there twice",
}
COLUMN = COLUMNS.index("receive_resume_token") + 1
FORGED = "/etc/forged"
LIAR = f"""
program='FNR == NR {{ token[$1] = $2; next }} $2 in token {{ ${COLUMN} = token[$2] }} 1'
{REAL} "$@" | awk -F'\\t' -v OFS='\\t' "$program" {FORGED} -
"""


@pytest.fixture(scope="module")
def stage(make_stage: MakeStage) -> Stage:
    """NONRAW and PLAIN have real interrupted receives, by the box's root; the rest a replica and something newer."""
    made = make_stage("forge", datasets=[f"{TREE}/*"])
    names = " ".join(f"{TREE}/{name}" for name in ALL)
    random = "head -c {} /dev/urandom > /$d/{}; "
    made.source.run(f"for d in {names}; do zfs create $d; {random.format('20K', 'one')} done; zpool sync")
    made.backup(*(word for d in (GOOD, CLEARED, COPY, WHOLE, OLD, SAVED, SPLIT, GONE) for word in ("--dataset", d)))
    made.source.run(
        f"zfs create {TWIN}-of; d={TWIN}-of; {random.format('2M', 'all')} zfs snapshot {TWIN}-of@now;"
        f"d={NONRAW}; {random.format('2M', 'all')} zfs snapshot {NONRAW}@now;"
        f"for d in {names}; do {random.format('20K', 'two')} zfs snapshot $d@newer; done;"
        f"first=$(zfs list -Hd1 -t snapshot -o name -s createtxg {COPY} | head -n1);"
        f"zfs send $first | zfs receive -u {TWIN};"
        f"zfs send -i $first {COPY}@newer | zfs receive -u {TWIN}"
    )
    for snapshot, dataset in ((f"{TWIN}-of@now", PLAIN), (f"{NONRAW}@now", NONRAW)):
        sent = made.source.shell().raw(f"zfs send {snapshot} | head -c 1M")[1]
        made.box.try_run(["zfs", "receive", "-s", "-u", made.replica(dataset)], stdin=sent)
    return made


def token_of(stage: Stage, dataset: str, **changes: Value | None) -> str:
    """What an interrupted send of @newer on top of what the box has would leave there, changed; None takes away."""
    base, to = stage.guids(stage.source, dataset)[-2:]
    honest: dict[str, Value | None] = {
        "fromguid": int(base),
        "object": 0,
        "offset": 0,
        "bytes": 0,
        "toguid": int(to),
        "toname": f"{dataset}@newer",
        "compressok": True,
        "rawok": True,
    }
    return forged(**{name: value for name, value in (honest | changes).items() if value is not None})


@pytest.fixture(scope="module")
def done(stage: Stage) -> Done:
    """One run against all of them."""
    assert {stage.box.run(f"zfs get -Hpo value receive_resume_token {stage.replica(d)}") for d in (NONRAW, PLAIN)} != {
        "-\n"
    }
    base = int(stage.guids(stage.source, OLD)[0])
    tokens = {
        CLEARED: token_of(stage, CLEARED, rawok=None),
        COPY: token_of(stage, COPY, toname=f"{TWIN}@newer"),
        WHOLE: token_of(stage, WHOLE, fromguid=None),
        OLD: token_of(stage, OLD, fromguid=None, toguid=base),
        SAVED: token_of(stage, SAVED, savedok=True),
        SPLIT: token_of(stage, SPLIT, toname=f"{SPLIT}@newer\n\ttoguid = 0x1"),
        GONE: token_of(stage, GONE, toguid=4711, toname=f"{GONE}@gone"),
    }
    lines = "".join(f"{stage.replica(dataset)}\t{token}\n" for dataset, token in tokens.items())
    stage.box.put(lines.encode(), FORGED)
    with impostor(stage.box, "zoffsite", "list", LIAR):
        return stage.zoffsite("--verbose", "backup", "--direct", "--json", expect=4)


@pytest.fixture(scope="module")
def report(done: Done) -> Json:
    report: Json = done.json
    return report


def test_what_the_box_asked_for_is_an_alarm_that_says_so(stage: Stage, report: Json) -> None:
    for dataset, why in WHY.items():
        part = stage.part(report, dataset)
        assert (part["state"], part["error"]["code"], part["bytes"]) == ("refused", "unplanned-token", 0)
        assert "the box asked for something that was not planned" in part["error"]["message"]
        assert why in part["error"]["message"]
        assert f"zfs receive -A {stage.replica(dataset)}" in part["error"]["remedy"]


def test_nothing_of_it_is_sent_and_the_others_go_on(stage: Stage, done: Done, report: Json) -> None:
    part = stage.part(report, GOOD)
    assert (part["state"], part["verified"]) == ("sent", True)
    sends = re.findall(r"\$ zfs send (.*)$", done.err, re.MULTILINE)
    assert len([words for words in sends if "-n" in words.split()]) == len(WHY) + 1  # each was read, on the source
    assert {words.split("@")[-2].split()[-1] for words in sends if "-n" not in words.split()} == {GOOD}
    receives = set(re.findall(r"\$ zfs receive .*?(\S+)$", done.err, re.MULTILINE))
    assert receives == {stage.replica(GOOD), stage.replica(GONE)}


def test_a_stale_token_is_aborted_before_anything_is_sent(stage: Stage, done: Done, report: Json) -> None:
    """The box has no such receive, so it cannot abort it: its lie stops this dataset, loudly."""
    assert f"zfs receive -A {stage.replica(GONE)}" in done.err
    assert stage.part(report, GONE)["error"]["code"] == "nothing-to-abort"


def test_what_the_box_had_received_in_the_clear_is_not_added_to(stage: Stage, report: Json) -> None:
    for dataset in (NONRAW, PLAIN):
        assert stage.box.try_run(["zfs", "list", "-Hr", "-t", "snapshot", stage.replica(dataset)]).out == ""
