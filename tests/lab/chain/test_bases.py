"""What a send starts from, on real ZFS: after renames, after a dataset was made anew or destroyed, and for clones."""

from __future__ import annotations

import re

import pytest

from lab.guest import Guest

from .conftest import MakeStage
from .stage import Json, Stage, await_true

pytestmark = pytest.mark.lab


def call_replicas(stage: Stage, **names: str) -> None:
    """Give replicas other names, by the end of the dataset's."""
    stage.configure()
    lines = "".join(f'"{stage.tree}/{name}" = "{replica}"\n' for name, replica in names.items())
    with (stage.folder / "zoffsite.toml").open("a") as file:
        file.write(f"\n[job.home.replicas]\n{lines}")


def child(stage: Stage, name: str, size: str = "300K") -> str:
    """A new dataset below the tree, with a file."""
    dataset = f"{stage.tree}/{name}"
    stage.source.run(["zfs", "create", dataset])
    stage.write("first", size, dataset)
    return dataset


def notices(report: Json) -> list[tuple[str, str]]:
    """Those that are about bases: the versions of OpenZFS have others."""
    said = ((notice["code"], notice["subject"]) for notice in report["notices"])
    return [each for each in said if each[0] in ("replica-without-dataset", "clone-in-full")]


def origin(guest: Guest, dataset: str) -> str:
    return guest.run(["zfs", "get", "-Hpo", "value", "origin", dataset]).strip()


def same_files(stage: Stage, dataset: str, restored: str) -> bool:
    """Whether what came back is what is there; what came back is destroyed again."""
    stage.source.run(["zfs", "mount", restored])
    here, back = (stage.source.run(f"cd /{name} && sha256sum -- *") for name in (dataset, restored))
    stage.source.run(f"zfs unmount {restored} && zfs destroy -r {restored}")
    return here == back != ""


def test_a_renamed_dataset_is_not_sent_again_but_its_replica_renamed_by_the_command_we_give(
    make_stage: MakeStage,
) -> None:
    stage = make_stage("renamed")
    docs = child(stage, "docs", "2M")
    stage.backup()
    papers = f"{stage.tree}/papers"
    stage.source.run(["zfs", "rename", docs, papers])
    stage.write("more", "50K", papers)

    report = stage.backup(expect=1)
    part = stage.part(report, papers)
    assert (part["state"], part["error"]["code"], part["bytes"]) == ("conflict", "renamed", 0)
    assert stage.part(report)["error"] is None, "the others go on"
    assert notices(report) == []
    command = re.search(r"zfs rename \S+ [^\s;]+", part["error"]["remedy"])
    assert command is not None
    stage.box.run(command[0])
    part = stage.part(stage.backup(), papers)
    assert (part["state"], part["verified"]) == ("sent", True)
    assert part["bytes"] < 500_000, "an increment"

    stage.source.run(["zfs", "rename", papers, docs])
    stage.write("and-more", "50K", docs)
    stage.backup(expect=1)
    call_replicas(stage, docs=stage.replica(papers).rpartition("/")[2])
    part = stage.part(stage.backup(), docs)
    assert (part["state"], part["replica"]) == ("sent", stage.replica(papers))
    assert part["bytes"] < 500_000, "without touching the box"


def test_a_dataset_made_anew_under_its_old_name_leaves_the_old_replica_and_gets_another(make_stage: MakeStage) -> None:
    stage = make_stage("anew")
    docs = child(stage, "docs")
    stage.backup()
    old = stage.guids(stage.box, stage.replica(docs))
    stage.source.run(["zfs", "destroy", "-r", docs])
    child(stage, "docs")

    part = stage.part(stage.backup(expect=1), docs)
    assert (part["state"], part["error"]["code"]) == ("conflict", "diverged")
    assert "destroyed and created anew" in part["error"]["message"]
    name = re.search(r'"\S+" = "(\S+)"', part["error"]["remedy"])
    assert name is not None
    call_replicas(stage, docs=name[1])
    report = stage.backup()
    assert stage.part(report, docs)["replica"] == f"{stage.root}/{name[1]}"
    assert notices(report) == [("replica-without-dataset", stage.replica(docs))]
    assert stage.guids(stage.box, stage.replica(docs)) == old
    assert stage.backup()["state"] == "ok"


def test_a_snapshot_that_was_renamed_on_the_source_is_still_the_base(make_stage: MakeStage) -> None:
    stage = make_stage("resnap")
    stage.write("one", "2M")
    stage.backup()
    (name,) = stage.names(stage.source, stage.tree)
    stage.source.run(f"zfs list -Ho name -t bookmark -d1 {stage.tree} | xargs -n1 zfs destroy")
    stage.source.run(["zfs", "rename", f"{stage.tree}@{name}", "mine"])
    stage.write("two", "50K")
    part = stage.part(stage.backup())
    assert (part["state"], part["verified"]) == ("sent", True)
    assert part["bytes"] < 500_000


def test_new_children_are_picked_up_and_vanished_ones_reported_with_their_replicas_kept(make_stage: MakeStage) -> None:
    stage = make_stage("come-and-go")
    going = child(stage, "going")
    stage.backup()
    kept = stage.guids(stage.box, stage.replica(going))
    stage.source.run(["zfs", "destroy", "-r", going])
    coming = child(stage, "coming")

    report = stage.backup()
    assert stage.part(report, coming)["state"] == "sent"
    assert notices(report) == [("replica-without-dataset", stage.replica(going))]
    assert stage.guids(stage.box, stage.replica(going)) == kept
    assert notices(stage.backup("--dataset", coming)) == [("replica-without-dataset", stage.replica(going))]
    (notice,) = (notice for notice in report["notices"] if notice["subject"] == stage.replica(going))
    stage.box.run(notice["remedy"].partition(": ")[2])
    assert notices(stage.backup()) == []


def test_one_that_the_job_names_and_that_is_gone_fails_by_name_and_the_others_go_on(make_stage: MakeStage) -> None:
    stage = make_stage("named")
    going, staying = child(stage, "going"), child(stage, "staying")
    stage.configure(datasets=[going, staying])
    stage.backup()
    kept = stage.guids(stage.box, stage.replica(going))
    stage.source.run(["zfs", "destroy", "-r", going])
    stage.write("more", "20K", staying)
    report = stage.backup(expect=1)
    assert stage.part(report, staying)["state"] == "sent"
    assert (stage.part(report, going)["state"], stage.part(report, going)["error"]["code"]) == ("conflict", "vanished")
    assert stage.guids(stage.box, stage.replica(going)) == kept
    assert stage.plan(going)["action"] == "conflict"
    stage.backup("--dataset", staying)


@pytest.mark.long
def test_clones_are_clones_on_the_box_from_the_first_run_to_the_restore(make_stage: MakeStage) -> None:
    stage = make_stage("clones", keep_source="last = 1", keep_box="last = 1")
    home, fork, volume, image = (f"{stage.tree}/{name}" for name in ("home", "a-fork", "volume", "an-image"))
    child(stage, "home", "4M")
    stage.source.run(f"zfs snapshot {home}@by-hand && zfs clone {home}@by-hand {fork}")
    stage.write("own", "300K", fork)
    stage.source.run(f"zfs create -s -V 8M {volume} && udevadm settle")
    stage.source.run(f"head -c 3M /dev/urandom | dd of=/dev/zvol/{volume} bs=1M oflag=direct iflag=fullblock")
    stage.source.run(f"zfs snapshot {volume}@golden && zfs clone {volume}@golden {image} && udevadm settle")
    stage.source.run(f"head -c 64K /dev/urandom | dd of=/dev/zvol/{image} bs=64K seek=80 oflag=direct iflag=fullblock")

    report = stage.backup()
    assert notices(report) == []
    for clone, parent, snapshot in ((fork, home, "by-hand"), (image, volume, "golden")):
        assert stage.part(report, clone)["verified"]
        assert stage.part(report, clone)["bytes"] < 1_000_000
        assert origin(stage.box, stage.replica(clone)) == f"{stage.replica(parent)}@{snapshot}"

    stage.write("later", "50K", fork)
    stage.write("later", "50K", home)
    report = stage.backup()
    assert stage.part(report, fork)["verified"]
    assert stage.part(report, fork)["bytes"] + stage.part(report, home)["bytes"] < 500_000
    assert "by-hand" in stage.names(stage.box, stage.replica(home)), "nothing prunes what a clone needs"

    stage.source.run(["zfs", "promote", fork])
    stage.write("promoted", "50K", fork)
    stage.write("demoted", "50K", home)
    report = stage.backup()
    assert (report["state"], notices(report)) == ("ok", [])
    assert stage.part(report, fork)["bytes"] + stage.part(report, home)["bytes"] < 500_000
    assert stage.backup()["state"] == "ok"

    for dataset in (fork, home):
        assert same_files(stage, dataset, stage.restore(dataset, "back", stage.tree))
    image_back = stage.restore(image, "image-back", stage.tree)
    stage.source.run("udevadm settle")
    assert stage.source.run(f"sha256sum </dev/zvol/{image}") == stage.source.run(f"sha256sum </dev/zvol/{image_back}")


@pytest.mark.long
def test_a_clones_first_send_is_resumed_as_a_clone(make_stage: MakeStage) -> None:
    stage = make_stage("forked")
    fork = f"{stage.tree}/fork"
    stage.write("one", "1M")
    stage.backup()
    (base,) = stage.names(stage.source, stage.tree)
    stage.source.run(f"zfs clone {stage.tree}@{base} {fork}")
    stage.write("own", "4M", fork)
    run = stage.under_way(dataset=fork)
    run.kill()
    run.communicate()
    await_true(lambda: stage.token(fork) != "-", "the box keeps what it has")
    part = stage.part(stage.backup(), fork)
    assert (part["state"], part["verified"]) == ("sent", True)
    assert part["bytes"] < 4_000_000, "resumed"
    assert origin(stage.box, stage.replica(fork)) == f"{stage.replica()}@{base}"
    assert same_files(stage, fork, stage.restore(fork, "fork-back", stage.tree))


def test_a_clone_of_what_is_not_backed_up_is_sent_in_full_and_said_to_be(make_stage: MakeStage) -> None:
    stage = make_stage("alone")
    home = child(stage, "home", "1M")
    fork = f"{stage.tree}/fork"
    stage.source.run(f"zfs snapshot {home}@x && zfs clone {home}@x {fork}")
    stage.configure(datasets=[fork])
    report = stage.backup()
    assert notices(report) == [("clone-in-full", fork)]
    assert stage.part(report, fork)["bytes"] > 1_000_000
    assert origin(stage.box, stage.replica(fork)) == "-"

    stage.configure(datasets=[stage.tree])
    stage.box.run(["zfs", "destroy", "-r", stage.replica(fork)])
    part = stage.part(stage.backup("--dataset", fork, expect=1), fork)
    assert part["error"]["code"] == "origin-first"
    report = stage.backup()
    assert notices(report) == []
    assert origin(stage.box, stage.replica(fork)) == f"{stage.replica(home)}@x"
