"""The chapters of the demo. Each ends in checks; the first false one ends the demo."""

from __future__ import annotations

import os
import subprocess
import time
from typing import Any

from demo.screen import check, say, step
from demo.setting import MARKER, ROOT, Stage
from lab.disks import DATA
from zoffsite.zfs.names import replica_name

HOME, PHOTOS, DISK, PLAIN = "tank/enc/home", "tank/enc/home/photos", "tank/enc/home/disk", "tank/enc/home/plain"
SENT_DATASETS = [HOME, DISK, PHOTOS]


def states(report: dict[str, Any]) -> dict[str, str]:
    """The state of each dataset in a report."""
    return {each["source"]: each["state"] for each in report["datasets"]}


def total(report: dict[str, Any]) -> int:
    """The bytes that a run sent."""
    return sum(each["bytes"] for each in report["datasets"])


def plan(stage: Stage) -> None:
    """Settings are checked and the plan is shown; nothing changes."""
    step("The settings, and the plan")
    say("From here on this computer stands in for the source: it reaches the box through the source, in the tunnel.")
    stage.write_settings(exclude=[f"{HOME}/cache"])
    for line in stage.zoffsite("config", "check", expect=1).splitlines():
        say(f"  {line}")
    for line in stage.zoffsite("plan").splitlines():
        say(f"  {line}")
    planned = {each["source"]: each["action"] for each in stage.json("plan")["datasets"]}
    check(
        "three encrypted datasets are planned as full sends",
        [planned[d] for d in SENT_DATASETS] == ["full"] * 3,
        planned,
    )
    check("the unencrypted dataset is refused", planned[PLAIN] == "refused", planned)
    check("the excluded dataset is not in the plan", f"{HOME}/cache" not in planned, planned)


def first_backup(stage: Stage) -> None:
    """A full backup; the dataset without encryption is refused, the others go on."""
    step("First backup, through Prefect")
    report = stage.json("backup", "--prefect", expect=4)
    check(
        "the encrypted datasets were sent", [states(report)[d] for d in SENT_DATASETS] == ["sent"] * 3, states(report)
    )
    check("the unencrypted one was refused, with exit code 4", states(report)[PLAIN] == "refused", states(report))
    check("every replica was verified", all(e["verified"] for e in report["datasets"] if e["source"] != PLAIN))
    say("so it is excluded, as the message says")
    stage.write_settings(exclude=[f"{HOME}/cache", PLAIN])


def second_backup(stage: Stage) -> None:
    """Only what changed travels."""
    step("Change files; second backup")
    stage.lab.source.run(
        f"echo changed >> /{HOME}/letter.txt; head -c 300K /dev/urandom > /{PHOTOS}/new.raw; zpool sync"
    )
    report = stage.json("backup", "--prefect")
    check("the run is ok", report["state"] == "ok", states(report))
    expected = {HOME: "sent", PHOTOS: "sent", DISK: "up-to-date"}
    check("changed datasets were sent, the other was not", states(report) == expected, states(report))
    check(f"only the change travelled ({total(report):,} bytes)", 0 < total(report) < 2_000_000, total(report))


def nothing_to_do(stage: Stage) -> None:
    """A run with nothing to do says so."""
    step("A run with nothing to do")
    report = stage.json("backup", "--prefect")
    check("everything is up to date", set(states(report).values()) == {"up-to-date"}, states(report))
    check("no byte was sent", total(report) == 0, total(report))


def interrupted(stage: Stage) -> None:
    """Killed in the middle, then resumed."""
    step("A run killed in the middle, then resumed")
    stage.lab.source.run(f"head -c 10M /dev/urandom > /{PHOTOS}/film.raw; zpool sync")
    say("$ zoffsite backup --direct      (limited to 200 kB/s, then killed with SIGKILL)")
    # Slower than any machine: one that is emulated needs seconds to tell how far it is.
    run = stage.start("backup", "--direct", ZOFFSITE_JOB__HOME__BANDWIDTH="200 kB/s")
    replica = replica_name(ROOT, PHOTOS)
    try:
        _await_received(stage, run, replica)
    finally:
        run.kill()
        run.communicate()
    token = _await_token(stage, replica)
    check("the box kept what had arrived, with a resume token", token != "-", token)
    planned = {each["source"]: each["action"] for each in stage.json("plan")["datasets"]}
    check("the plan is to resume it", planned[PHOTOS] == "resume", planned)
    report = stage.json("backup", "--prefect")
    check("the next run finished it", report["state"] == "ok" and states(report)[PHOTOS] == "sent", states(report))
    check(f"and sent only the rest ({total(report):,} bytes)", total(report) < 10_000_000, total(report))


def _await_received(stage: Stage, run: subprocess.Popen[str], replica: str) -> None:
    """Wait until some megabytes of the film are on the box. ZFS has no event for that, so this looks, within bounds."""
    name = f"{replica}/%recv"
    base = stage.lab.box.run(["zfs", "get", "-Hpo", "value", "referenced", replica]).strip()
    for _ in range(120):
        received = stage.lab.box.try_run(["zfs", "get", "-Hpo", "value", "referenced", name]).out.strip()
        if received.isdigit() and int(received) > int(base) + 2_000_000:
            return
        if run.poll() is not None:
            check("the run is still under way", False, run.communicate())
        time.sleep(0.2)
    check("bytes arrive on the box", False)


def _await_token(stage: Stage, replica: str) -> str:
    """The token appears once the box's sshd has noticed that we are gone."""
    token = "-"
    for _ in range(100):
        token = stage.lab.box.run(["zfs", "get", "-Hpo", "value", "receive_resume_token", replica]).strip()
        if token != "-":
            break
        time.sleep(0.2)
    return token


def the_box_knows_nothing(stage: Stage) -> None:
    """No key, no mount, no plaintext."""
    step("What the box knows")
    stage.zoffsite("verify")
    rows = stage.lab.box.run(f"zfs list -Hpr -t filesystem,volume -o name,encryption,keystatus,mounted {ROOT}")
    replicas = [row.split("\t") for row in rows.splitlines() if row.split("\t")[0] != ROOT]
    check("it has three replicas", len(replicas) == 3, rows)
    check(
        "all are encrypted, and no key is loaded", all(r[1] != "off" and r[2] == "unavailable" for r in replicas), rows
    )
    mounts = stage.lab.box.run("cat /proc/mounts")
    check("nothing is mounted", not any(line.split()[2] == "zfs" for line in mounts.splitlines()), mounts)
    stage.lab.box.run("zpool sync")
    stage.lab.source.run("zpool sync")
    found = {guest.role: marker_on(stage, guest.role) for guest in stage.lab.guests}
    check("the marker of the unencrypted dataset is found on the source's disk", found["source"], found)
    check("the marker is nowhere on the box's disk", not found["box"], found)


def marker_on(stage: Stage, role: str) -> bool:
    """True when the plaintext marker stands anywhere on a machine's disks, read raw from outside."""
    guest = stage.lab.source if role == "source" else stage.lab.box
    return any(_contains(guest.folder / name, MARKER.encode()) for name in DATA)


def _contains(path: os.PathLike[str], needle: bytes) -> bool:
    """Search a sparse file without reading its holes."""
    with open(path, "rb") as disk:  # noqa: PTH123 - a plain descriptor is needed for SEEK_DATA
        at, end = 0, os.fstat(disk.fileno()).st_size
        while at < end:
            try:
                at = os.lseek(disk.fileno(), at, os.SEEK_DATA)
            except OSError:
                return False
            hole = os.lseek(disk.fileno(), at, os.SEEK_HOLE)
            tail = b""
            while at < hole:
                piece = os.pread(disk.fileno(), min(1 << 20, hole - at), at)
                if needle in tail + piece:
                    return True
                tail = piece[-len(needle) :]
                at += len(piece)
    return False


def restore(stage: Stage) -> None:
    """One dataset comes back under a new name, and is the same."""
    step("Restore one dataset on the source, under a new name")
    source, box = stage.lab.source, stage.lab.box
    replica = replica_name(ROOT, HOME)
    newest = box.run(f"zfs list -Hpd1 -t snapshot -o name -s createtxg {replica}").split()[-1]
    say(f"as root of both: zfs send -w {newest} | zfs receive -u tank/restored")
    with box.popen(["zfs", "send", "-w", newest]) as sender:
        stream = sender.stdout.read() if sender.stdout else b""
    source.run(["zfs", "receive", "-u", "tank/restored"], stdin=stream)
    source.run("zfs load-key -L file:///root/keys/tank_enc tank/restored && zfs mount tank/restored")
    snapshot = newest.partition("@")[2]
    here = hashes(stage, f"/{HOME}/.zfs/snapshot/{snapshot}")
    there = hashes(stage, "/tank/restored")
    same = here == there != ""
    check(
        f"{len(there.splitlines())} files, each with the SHA-256 it has in the source's snapshot", same, (here, there)
    )


def hashes(stage: Stage, folder: str) -> str:
    """The SHA-256 of every file in a folder of the source."""
    return stage.lab.source.run(f"cd {folder} && find . -type f -exec sha256sum {{}} + | sort -k2")


CHAPTERS = (plan, first_backup, second_backup, nothing_to_do, interrupted, the_box_knows_nothing, restore)
