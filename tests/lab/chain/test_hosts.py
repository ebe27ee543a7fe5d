"""Hosts that cannot be reached, do not let us in, or cannot do what is needed: one message, a remedy, an exit code."""

from __future__ import annotations

import re

import pytest

from lab.state import free_ports

from .conftest import MakeStage
from .stage import Stage

pytestmark = pytest.mark.lab
NO_MODULE = "/etc/modprobe.d/none.conf"
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMERKkMTZA6OQs2mNTAC68xWf5DtojAJZYgCDIVWmyaN"


@pytest.fixture(scope="module")
def whole(make_stage: MakeStage) -> Stage:
    made = make_stage("hosts")
    made.write("file", "20K")
    return made


@pytest.fixture
def stage(whole: Stage) -> Stage:
    """As it was, whatever the test before has changed."""
    whole.settings.clear()
    whole.configure()
    return whole


def test_a_wrong_host_key_is_refused_with_both_fingerprints(stage: Stage) -> None:
    stage.configure(box_key=OTHER_KEY)
    done = stage.zoffsite("plan", expect=4)
    assert "the host key is not the pinned one" in done.said
    assert len(set(re.findall(r"SHA256:[A-Za-z0-9+/]{43}", done.said))) == 2
    assert "do not go on" in done.said


def test_a_refused_login_shows_the_line_for_authorized_keys(stage: Stage) -> None:
    stage.configure(box_user="nobody")
    done = stage.zoffsite("backup", "--direct", expect=3)
    assert "was refused" in done.said
    public = (stage.lab.key_file.parent / f"{stage.lab.key_file.name}.pub").read_text().split()[1]
    assert public in done.said


def test_a_closed_port_is_named(stage: Stage) -> None:
    (port,) = free_ports(1)
    stage.configure(box_port=port)
    assert f"nothing listens on port {port}" in stage.zoffsite("plan", expect=3).said


def test_a_silent_host_is_given_up_after_connect_timeout(stage: Stage) -> None:
    stage.configure(patience="3s")
    stage.box.cut_uplink()
    try:
        done = stage.zoffsite("plan", expect=3)
    finally:
        stage.box.restore_uplink()
    assert done.seconds < 20  # 3 of them the timeout; the rest are the source's listing and Python's start
    assert "within 3 seconds" in done.said


@pytest.mark.parametrize(
    ("datasets", "named"),
    [(["tank/nothing"], "tank/nothing"), (["nopool/x"], "nopool"), (["tank/hosts/z*"], "tank/hosts/z*")],
)
def test_datasets_that_do_not_exist_are_wrong_settings(stage: Stage, datasets: list[str], named: str) -> None:
    stage.configure(datasets=datasets)
    done = stage.zoffsite("plan", expect=2)
    assert named in done.said
    assert "zfs list" in done.said


def test_a_dataset_that_the_job_does_not_cover_is_wrong_usage(stage: Stage) -> None:
    before = stage.names(stage.source, stage.tree)
    done = stage.zoffsite("backup", "--direct", "--dataset", "tank/other", expect=2)
    assert "job home does not cover it" in done.said
    assert f"name one of: {stage.tree}" in done.said
    assert stage.names(stage.source, stage.tree) == before


def test_a_host_without_zfs_is_told_what_to_install(stage: Stage) -> None:
    stage.box.run("mv /usr/sbin/zfs /usr/sbin/zfs.away")
    try:
        done = stage.zoffsite("plan", expect=1)
    finally:
        stage.box.run("mv /usr/sbin/zfs.away /usr/sbin/zfs")
    assert "there is no zfs program" in done.said
    assert "apt install zfsutils-linux" in done.said


def test_a_pool_that_is_not_imported_and_a_module_that_is_not_loaded_are_told_from_a_missing_root(
    stage: Stage,
) -> None:
    stage.box.run(f"zpool export vault && modprobe -r zfs && echo 'install zfs /bin/false' > {NO_MODULE}")
    try:
        module = stage.zoffsite("plan", expect=1)
        stage.box.run(f"rm {NO_MODULE}; modprobe zfs")
        pool = stage.zoffsite("plan", expect=1)
    finally:
        stage.box.run(f"rm -f {NO_MODULE}; modprobe zfs && zpool import -d /dev/vdb1 vault")
    assert "the ZFS kernel module is not loaded" in module.said
    assert "modprobe zfs" in module.said
    assert "the pool vault is not there" in pool.said
    assert "zpool import vault" in pool.said


def test_a_root_without_delegation_comes_with_the_exact_line_and_it_is_enough(stage: Stage) -> None:
    stage.box.run(["zfs", "unallow", "-u", "zoffsite", stage.root])
    report = stage.backup(expect=1)
    error = stage.part(report)["error"]
    assert error["code"] == "not-permitted"
    assert error["remedy"].endswith(f"zfs allow -u zoffsite create,mount,receive {stage.root}")
    checked = stage.zoffsite("config", "check", expect=1)
    (line,) = re.findall(r"zfs allow -u zoffsite \S+ \S+", checked.said)
    stage.box.run(line)
    assert stage.part(stage.backup())["verified"]
