"""What the box holds comes back: a tree with its contents and its one key, also in pieces; and nothing else comes."""

from __future__ import annotations

import shlex

import pytest

from .conftest import MakeStage
from .impostor import REAL, impostor
from .stage import Json, Stage

pytestmark = pytest.mark.lab
KEY = "/root/keys/tank_restore"
PREFIX = "zoffsite-home-"
SCRATCH = "tank/zoffsite-path-home"
LETTERS = """\
mkdir /{tree}/letters; cd /{tree}/letters; echo one >one; ln one same; ln -s /etc out; ln -s /etc ../led
truncate -s 5M hole; chmod 640 one; chown 12:34 one; touch -d '2001-02-03 04:05:06.789' one
python3 -c 'import os; os.setxattr("one", "user.mark", b"mine")'; zpool sync tank
"""
OTHER = "vault/restore/tank:restore:photos"


@pytest.fixture(scope="module")
def stage(make_stage: MakeStage) -> Stage:
    """A tree of three with two backups of its top, and a box whose user may send."""
    stage = make_stage("restore")
    stage.source.run(f"zfs create {stage.tree}/photos; zfs create -V 2M -o volblocksize=16K {stage.tree}/disk")
    stage.source.run(f"udevadm settle; test -b /dev/zvol/{stage.tree}/disk")
    stage.source.run(f"head -c 2M /dev/urandom >/dev/zvol/{stage.tree}/disk; zpool sync tank")
    stage.write("one", "3M")
    stage.write("two", "1M", f"{stage.tree}/photos")
    stage.source.run(f"zfs set compression=zstd zoffsite:backup=on com.sun:auto-snapshot=false {stage.tree}")
    stage.source.run(f"""zfs set my:note="it's mine" my:letter="$(printf 'a\\nb')" {stage.tree}/photos""")
    stage.source.run(f"zfs set quota=50M recordsize=32K canmount=noauto mountpoint=/srv/photos {stage.tree}/photos")
    stage.backup()
    stage.source.run(f"rm /{stage.tree}/one; chmod 750 /{stage.tree}")
    stage.write("three", "1M")
    stage.source.run(LETTERS.format(tree=stage.tree))
    stage.backup()
    stage.box.run(f"zfs allow -u zoffsite send {stage.root}")
    return stage


def restore(stage: Stage, *words: str, expect: int = 0, dataset: str = "") -> Json:
    tree: Json = stage.zoffsite("restore", dataset or stage.tree, "--json", *words, expect=expect).json
    return tree


def part(report: Json, target: str) -> Json:
    return next(each for each in report["datasets"] if each["target"] == target)


def contents(stage: Stage, dataset: str) -> str:
    """Names, modes and contents of all files."""
    return stage.source.run(
        f"cd $(findmnt -nfo TARGET -S {dataset}) && find . -printf '%p %m %U %G\\n' | sort && "
        "find . -type f -exec sha256sum {} + | sort"
    )


def properties(stage: Stage, tree: str) -> dict[str, str]:
    """What is not the default in a tree, and whose key opens it, by the names within the tree."""
    names = "compression,quota,recordsize,canmount,mountpoint,refreservation,encryptionroot,keylocation"
    names += ",zoffsite:backup,com.sun:auto-snapshot,my:note"
    rows = stage.source.run(f"zfs get -Hpr -t filesystem,volume -o name,property,value {names} {tree}").splitlines()
    fields = (row.replace(tree, "").split("\t") for row in rows)
    return {f"{name} {key}": value for name, key, value in fields}


def there(stage: Stage, dataset: str) -> bool:
    return stage.source.try_run(["zfs", "list", dataset]).code == 0


def test_a_plan_says_what_would_come_back_and_changes_nothing(stage: Stage) -> None:
    plan = restore(stage, "--to", "tank/back", "--dry-run")
    assert [(each["target"], each["action"]) for each in plan["datasets"]] == [
        ("tank/back", "receive"),
        ("tank/back/disk", "receive"),
        ("tank/back/photos", "receive"),
    ]
    assert plan["keys"] == [stage.tree]
    assert plan["estimated_bytes"] > 3_000_000
    assert not there(stage, "tank/back")


def test_a_tree_comes_back_with_its_contents_and_one_key_opens_it_all(stage: Stage) -> None:
    report = restore(stage, "--to", "tank/back", "--key-file", KEY, "--mount")
    assert {each["state"] for each in report["datasets"]} == {"restored"}
    for name, place in (("", "/tank/back"), ("/photos", "/mnt/tank:back:photos")):  # it had a place of its own
        assert part(report, f"tank/back{name}")["mounted"] == place
        assert contents(stage, f"tank/back{name}") == contents(stage, stage.tree + name)
        options = stage.source.run(["findmnt", "-no", "OPTIONS", place]).strip().split(",")
        assert {"ro", "nosuid", "nodev", "noexec"} <= set(options)
    disks = stage.source.run(f"cat /dev/zvol/tank/back/disk | sha256sum; cat /dev/zvol/{stage.tree}/disk | sha256sum")
    assert len(set(disks.split()) - {"-"}) == 1
    roots = stage.source.run("zfs get -Hrpo value -t filesystem,volume encryptionroot tank/back").split()
    assert set(roots) == {"tank/back"}


def test_it_has_the_properties_that_change_nothing_beside_it(stage: Stage) -> None:
    before, after = properties(stage, stage.tree), properties(stage, "tank/back")
    names = [f"{child} {name}" for child in ("", "/photos") for name in ("compression", "quota", "recordsize")]
    assert {name: after[name] for name in names} == {name: before[name] for name in names}
    assert (after["/photos quota"], after["/photos canmount"], after[" zoffsite:backup"]) == ("52428800", "on", "-")
    inherited = stage.source.run("zfs get -Hpo source compression tank/back/photos")
    assert inherited == "inherited from tank/back\n"


def test_the_same_command_again_finds_all_of_it_there(stage: Stage) -> None:
    report = restore(stage, "--to", "tank/back", "--key-file", KEY, "--mount")
    assert {each["state"] for each in report["datasets"]} == {"there"}
    assert part(report, "tank/back/photos")["mounted"] == "/mnt/tank:back:photos"


def test_an_older_snapshot_comes_back_by_name_and_by_date_but_not_over_what_is_there(stage: Stage) -> None:
    first, second = stage.names(stage.box, stage.replica())
    before = second.removeprefix(PREFIX)  # a snapshot is named a moment before it is taken
    for number, choice in enumerate((first, before)):
        words = ("--snapshot", choice, "--alone", "--key-file", KEY, "--mount")
        restore(stage, "--to", f"tank/old{number}", *words)
        files = stage.source.run(f"ls /tank/old{number}").split()
        assert "one" in files
        assert "three" not in files
    refused = restore(stage, "--to", "tank/back", "--snapshot", first, "--alone", expect=4)
    assert part(refused, "tank/back")["error"]["code"] == "target-exists"


def test_a_restore_that_broke_off_goes_on_from_where_it_was(stage: Stage) -> None:
    first = stage.names(stage.box, stage.replica())[0]
    with impostor(stage.box, "zoffsite", "send", f'{REAL} "$@" | head -c 1500000; exit 1'):
        broken = restore(stage, "--to", "tank/resumed", "--alone", "--snapshot", first, expect=1)
    assert part(broken, "tank/resumed")["state"] == "failed"
    words = ("--to", "tank/resumed", "--alone")
    assert part(restore(stage, *words, "--dry-run"), "tank/resumed")["action"] == "resume"
    report = restore(stage, *words, "--key-file", KEY, "--mount")
    assert 0 < part(report, "tank/resumed")["bytes"] < 2_500_000
    assert "one" in stage.source.run("ls /tank/resumed").split()
    stage.source.run("cmp /tank/resumed/one /tank/old0/one")


def test_what_was_not_asked_for_is_refused(stage: Stage) -> None:
    """More lies, without a box: tests/hosts/test_retrieval.py."""
    other = f"{REAL} send -w $({REAL} list -Hpt snapshot -o name {OTHER} | head -n 1)"
    with impostor(stage.box, "zoffsite", "send", other):
        report = restore(stage, "--to", "tank/lied", "--alone", expect=4)
    assert part(report, "tank/lied")["error"]["code"] == "stream-unexpected-guid"
    assert not there(stage, "tank/lied")


def test_the_box_s_disk_carried_home_gives_it_back_and_is_not_changed(stage: Stage) -> None:
    run = stage.source.run
    run("zpool create -f -O canmount=off -O mountpoint=none vault2 /dev/vdc1; zfs create vault2/restore")
    for name in ("", ":photos"):
        replica = f"{stage.replica()}{name}"
        with stage.box.popen(["zfs", "send", "-w", f"{replica}@{stage.names(stage.box, replica)[-1]}"]) as sender:
            assert sender.stdout is not None
            run(["zfs", "receive", "-u", f"vault2/restore/tank:restore{name}"], stdin=sender.stdout.read())
    run("zpool export vault2")
    written = run("zdb -lu /dev/vdc1")  # labels and uberblocks: one more with every transaction group
    words = ("--to", "tank/carried", "--from-pool", "vault2", "--key-file", KEY, "--mount")
    report = restore(stage, *words)
    assert {each["state"] for each in report["datasets"]} == {"restored"}
    for name in ("", "/photos"):
        assert contents(stage, f"tank/carried{name}") == contents(stage, stage.tree + name)
    assert stage.source.try_run(["zpool", "list", "vault2"]).code != 0
    assert run("zdb -lu /dev/vdc1") == written
    absent = stage.zoffsite("restore", stage.tree, "--to", "tank/none", "--from-pool", "nowhere", expect=1)
    assert "zpool import" in absent.said


def test_a_folder_alone_comes_back_and_the_scratch_is_gone_whatever_happens(stage: Stage) -> None:
    words = ("--path", "letters", "--to", "/root/rescued", "--key-file", KEY)
    refused = stage.zoffsite("restore", stage.tree, "--path", "led/passwd", *words[2:], expect=1)
    assert "a link or a file" in refused.said
    assert not there(stage, SCRATCH)
    plan = restore(stage, *words, "--dry-run")
    assert plan["estimated_bytes"] > 1_000_000
    said = stage.zoffsite("restore", stage.tree, *words).said
    assert f"into {SCRATCH}, which is destroyed in the end" in said
    assert not there(stage, SCRATCH)
    mark = 'import os; print(os.getxattr("one", "user.mark"))'
    same = f"find . ! -type d -printf '%p %m %U %G %T@ %n %s %l\\n' | sort; python3 -c '{mark}'"
    came, kept = (stage.source.run(f"cd {top}/letters && {same}") for top in ("/root/rescued", f"/{stage.tree}"))
    assert came == kept
    assert "mine" in came
    again = stage.zoffsite("restore", stage.tree, *words, expect=1)
    assert "/root/rescued/letters exists" in again.said


def test_it_is_refused_on_the_box_itself(stage: Stage) -> None:
    stage.source.put(b"{}", "/etc/zoffsite/policy.json")
    try:
        done = stage.zoffsite("restore", stage.tree, "--to", "tank/here", expect=4)
        friends = b'{"users": {"ann": {"root": "vault/of-a-friend", "floor_days": 30, "minimum": 3}}}'
        stage.source.put(friends, "/etc/zoffsite/policy.json")
        assert restore(stage, "--to", "tank/here", "--dry-run")["datasets"]
    finally:
        stage.source.run("rm /etc/zoffsite/policy.json")
    assert "the box itself" in done.said
    stage.configure(source_port=stage.box.uplink_port, source_key=stage.box.host_key())
    try:
        done = stage.zoffsite("restore", stage.tree, "--to", "vault/here", expect=4)
    finally:
        stage.configure(source_port=stage.source.uplink_port, source_key=stage.source.host_key())
    assert "the box itself" in done.said


def test_what_is_printed_at_the_end_makes_it_the_live_one_as_it_was(stage: Stage) -> None:
    said = stage.zoffsite("restore", stage.tree, "--to", "tank/live", "--key-file", KEY, "--mount").out
    plan, _, report = said.partition("keys it will need, to be read: ")
    assert "because it is not here yet" in " ".join(plan.split())
    assert "restored" in report
    before, kept = properties(stage, stage.tree), contents(stage, f"{stage.tree}/photos")
    steps = [line.strip() for line in said.partition("Next, on ")[2].splitlines()[1:]]
    stage.source.run(f"zfs unmount {stage.tree}")  # nothing uses either
    for step in steps:
        words = shlex.split(step, comments=True)
        if words[:1] == ["zoffsite"]:
            stage.zoffsite(*words[1:])
        elif words:
            done = stage.source.try_run(words)
            assert done.code == 0 or ("# if it is not mounted" in step and "already mounted" in done.err), done
    assert properties(stage, stage.tree) == before
    assert contents(stage, f"{stage.tree}/photos") == kept
    assert stage.plan()["action"] in ("up-to-date", "incremental")  # to mount it may have written something
    stage.write("after", "100K")
    assert {each["state"] for each in stage.backup()["datasets"]} <= {"sent", "up-to-date"}


def test_what_was_not_backed_up_between_the_others_becomes_an_empty_place(stage: Stage) -> None:
    gap = f"{stage.tree}/gap"
    stage.source.run(f"zfs create -o zoffsite:backup=off {gap}; zfs create -o zoffsite:backup=on {gap}/in")
    stage.backup()
    report = restore(stage, "--to", "tank/gapped", "--key-file", KEY)
    assert report["containers"] == ["tank/gapped/gap"]
    (notice,) = (each for each in report["notices"] if each["code"] == "place-not-encrypted")
    assert part(report, "tank/gapped/gap/in")["unlocked"]
    assert stage.source.run("zfs get -Hpo value encryption,canmount tank/gapped/gap").split() == ["off", "off"]
    steps = notice["remedy"].partition(": ")[2].partition(", ")[0]
    stage.source.run(f"{steps}; zfs rename tank/gapped/gap-place/in tank/gapped/gap/in")
    root = stage.source.run("zfs get -Hpo value encryptionroot tank/gapped/gap")
    assert root == "tank/gapped\n"
