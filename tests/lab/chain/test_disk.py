"""The removable disk of the offline copy: a pool of the source machine, there only now and then."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from lab import Lab
from lab.guest import Guest

from .stage import Stage, await_true, processes

pytestmark = [pytest.mark.lab, pytest.mark.long]
DEVICE = "/dev/vdc1"
DRIVER = "/sys/bus/virtio/drivers/virtio_blk"
NODE = "$(cat /root/usb-node)"


class DiskStage(Stage):
    """The source backs up to a disk of its own."""

    guid: int

    @property
    def box(self) -> Guest:
        return self.lab.source

    def configure(self, **changes: object) -> None:
        super().configure(**changes)
        file = self.folder / "zoffsite.toml"
        disk = f'[disk.usb]\nguid = "{self.guid}"\nroot = "{self.root}"\n\n[job.home]'
        file.write_text(file.read_text().replace('box = "friend"', 'disk = "usb"').replace("[job.home]", disk, 1))

    @property
    def imported(self) -> bool:
        return self.source.try_run(["zpool", "list", "usb"]).code == 0

    def held(self, dataset: str | None = None) -> int:
        """Of an unfinished receive only: the replica itself comes and goes with the disk."""
        unfinished = f"{self.replica(dataset)}/%recv"
        return sum(int(row) for row in self.source.try_run(["zfs", "list", "-Hpo", "used", unfinished]).out.split())

    def import_it(self, *options: str) -> None:
        self.source.run(["zpool", "import", "-N", *options, str(self.guid)])

    def export_it(self) -> None:
        self.source.run(["zpool", "export", "usb"])

    def pull_out(self) -> None:
        """Nothing of it is left in /dev."""
        self.source.run(f"echo {NODE} > {DRIVER}/unbind; test ! -e {DEVICE}")

    def put_in(self) -> None:
        self.source.run(f"echo {NODE} > {DRIVER}/bind; udevadm settle; test -e {DEVICE}")


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> DiskStage:
    made = DiskStage(lab, tmp_path_factory.mktemp("disk"), "tank/disk", "usb/zoffsite")
    lab.source.create_encrypted(made.tree, recordsize="16K")
    lab.source.run("basename $(readlink /sys/block/vdc/device) > /root/usb-node")
    lab.source.run(f"zpool create -f -o ashift=12 -O canmount=off -O mountpoint=none usb {DEVICE}")
    made.guid = int(lab.source.run("zpool get -Hpo value guid usb"))
    made.export_it()
    made.configure()
    made.write("file", "1M")
    return made


@pytest.fixture(autouse=True)
def attached(stage: DiskStage) -> Iterator[None]:
    """Every test begins with the disk attached and not imported, and with something new to send."""
    stage.write("new", "20K")
    yield
    if stage.source.try_run(f"test -e {DEVICE}").code != 0:
        stage.put_in()
    if stage.imported:
        stage.export_it()


def notices(report: dict[str, Any]) -> list[str]:
    return [notice["code"] for notice in report["notices"]]


def test_a_disk_without_a_root_is_told_how_to_get_one(stage: DiskStage) -> None:
    done = stage.zoffsite("plan", expect=1)
    words = f"zfs create -p -o canmount=off -o mountpoint=none -o readonly=on {stage.root}"
    assert f"Next: on the disk: {words} (import it for that: zpool import -N {stage.guid})" in done.said
    assert not stage.imported
    stage.import_it()
    stage.source.run(words)


def test_a_run_imports_the_disk_fills_it_and_exports_it(stage: DiskStage) -> None:
    for _ in range(2):  # in full, then the increment
        stage.write("more", "20K")
        report = stage.backup()
        part = stage.part(report)
        assert (part["state"], part["verified"], notices(report)) == ("sent", True, [])
        assert not stage.imported
        assert "on the disk usb" in stage.zoffsite("verify").said
    stage.import_it()
    assert stage.guids(stage.source, stage.replica()) == stage.guids(stage.source, stage.tree)
    rows = stage.source.run(["zfs", "get", "-Hpo", "value", "keystatus,mounted,readonly", stage.replica()]).split()
    assert rows == ["unavailable", "no", "on"]
    copy = stage.restore(stage.tree, "from-disk", stage.tree)
    stage.source.run(["zfs", "mount", copy])
    assert stage.source.run(f"cd /{stage.tree}; sha256sum *") == stage.source.run(f"cd /{copy}; sha256sum *")
    stage.source.run(["zfs", "destroy", "-r", copy])


def test_looking_imports_and_exports_too_and_speaks_of_a_disk(stage: DiskStage) -> None:
    stage.backup()
    plan = stage.zoffsite("plan")
    assert f"→ {stage.root} on the disk usb" in plan.said
    check = stage.zoffsite("config", "check")
    assert f"{stage.root} on the disk usb," in check.said
    assert "free" in check.said
    stage.zoffsite("verify")
    stage.zoffsite("status")
    assert not stage.imported


def test_a_disk_that_was_imported_before_stays_imported(stage: DiskStage) -> None:
    stage.import_it()
    assert stage.part(stage.backup())["state"] == "sent"
    assert stage.imported


def test_a_run_without_the_disk_does_nothing_and_is_no_failure_until_it_is_away_too_long(stage: DiskStage) -> None:
    stage.backup()
    stage.write("newer", "20K")
    before = stage.guids(stage.source, stage.tree)
    stage.pull_out()
    report = stage.backup()
    assert (report["state"], report["datasets"], notices(report)) == ("ok", [], ["disk-absent"])
    assert stage.guids(stage.source, stage.tree) == before
    said = stage.zoffsite("status").said
    assert "it was last seen on" in said
    assert f"{stage.tree}: it was last brought up to date" in said
    assert "Error: find the disk usb: it is not attached" in stage.zoffsite("verify", expect=3).said
    late = {"ZOFFSITE_DISK__USB__ABSENT_AFTER": "0.01s"}
    failed = stage.backup(expect=3, env=late)
    assert (failed["state"], failed["error"]["code"]) == ("failed", "disk-absent")
    assert stage.guids(stage.source, stage.tree) == before
    stage.put_in()
    assert stage.part(stage.backup())["state"] == "sent"


def test_another_pool_of_the_same_name_is_never_taken_for_it(stage: DiskStage) -> None:
    stage.source.run("truncate -s 100M /root/other && zpool create -O mountpoint=none usb /root/other")
    try:
        report = stage.backup(expect=4)
    finally:
        stage.source.run("zpool destroy usb; rm /root/other")
    assert report["error"]["code"] == "another-pool"
    assert str(stage.guid) in report["error"]["message"]


def test_ctrl_c_exports_the_disk(stage: DiskStage) -> None:
    stage.write("big", "12M")
    run = stage.under_way()
    run.send_signal(signal.SIGINT)
    done = stage.finish(run, 130)
    assert notices(done.json) == []
    assert not stage.imported


def test_ctrl_c_while_the_disk_is_being_imported_exports_it(stage: DiskStage) -> None:
    run = stage.start("backup", "--direct", "--json")
    await_true(lambda: processes(stage.source, ["zpool import"]) or run.poll() is not None, "it is being imported")
    run.send_signal(signal.SIGINT)
    stage.finish(run, 130)
    assert not stage.imported


def test_a_run_that_was_killed_leaves_it_to_the_next_to_go_on_and_to_export(stage: DiskStage) -> None:
    stage.write("big", "12M")
    run = stage.under_way()
    run.kill()
    run.communicate()
    assert stage.imported
    await_true(lambda: stage.token() != "-", "the receive has ended and kept what it has")
    part = stage.part(stage.backup())
    assert (part["state"], part["verified"]) == ("sent", True)
    assert not stage.imported


def test_a_disk_that_is_in_use_at_the_end_is_said_not_to_be_pulled_out(stage: DiskStage) -> None:
    stage.import_it("-R", "/run/zoffsite")  # as a run that was killed left it
    stage.source.run("zfs create -o mountpoint=/used usb/used")
    with stage.source.popen("cd /run/zoffsite/used && exec sleep 600") as user:
        seen = "ls -l /proc/[0-9]*/cwd 2>/dev/null | grep -c /zoffsite/used || true"
        await_true(lambda: int(stage.source.run(seen)) > 0, "somebody is in it")
        report = stage.backup()
        stage.source.kill("sleep 600")
        user.wait()
    assert (report["state"], notices(report)) == ("ok", ["disk-still-imported"])
    assert "zpool export usb" in report["notices"][0]["remedy"]
    stage.source.run("zfs destroy usb/used")


def test_a_refusal_speaks_of_the_disk(stage: DiskStage) -> None:
    stage.backup()
    stage.import_it()
    stage.source.run(f"zfs load-key -L file:///root/keys/{stage.tree.replace('/', '_')} {stage.replica()}")
    error = stage.part(stage.backup(expect=4))["error"]
    assert error["code"] == "key-loaded"
    assert "the box" not in error["message"] + error["remedy"]
    assert f"on the disk: zfs unload-key {stage.replica()}" in error["remedy"]
    stage.source.run(["zfs", "unload-key", stage.replica()])


def test_the_replicas_on_it_are_never_taken_for_datasets_of_the_source(stage: DiskStage) -> None:
    stage.backup()
    stage.import_it()
    stage.configure(datasets=[stage.tree, "usb"])
    try:
        assert {each["source"] for each in stage.zoffsite("plan", "--json").json["datasets"]} == {stage.tree, "usb"}
    finally:
        stage.configure(datasets=[stage.tree])
