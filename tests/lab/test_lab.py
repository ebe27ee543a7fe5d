"""What the lab promises to the tests, the demo and the benchmarks that stand on it."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab import Guest, Lab, LabError, image, leash, mirror, paths, recipe, shell

ROOT = Path(__file__).resolve().parents[2]
RELEASES = {"2.1": "2.1.11", "2.3": "2.3."}


def pools_of(guest: Guest) -> list[str]:
    return guest.run(["zpool", "list", "-Ho", "name"]).split()


def processes_in(folder: Path) -> list[int]:
    """Every process whose working directory is in a lab's folder: QEMU's is."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if str(link.readlink()).removesuffix(" (deleted)").startswith(f"{folder}/"):
                found.append(int(link.parent.name))
        except OSError:
            continue
    return found


def wait_for(ended: list[int], timeout: float = 10) -> bool:
    deadline = time.monotonic() + timeout
    for pid in ended:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        with os.fdopen(handle):
            if not select.select([handle], [], [], max(0, deadline - time.monotonic()))[0]:
                return False
    return True


@contextmanager
def started(guest: Guest, command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command that runs on; it is not waited for where the test fails."""
    with guest.popen(command) as process:
        try:
            yield process
        finally:
            process.kill()


def on_uplink(guest: Guest, lab: Lab) -> shell.Shell:
    """The way the code under test takes, by OpenSSH."""
    folder = guest.folder / "test"
    folder.mkdir(exist_ok=True)
    return shell.Shell(folder, guest.uplink_port, lab.key_file)


def test_each_guest_runs_the_version_of_openzfs_it_was_asked_for(lab: Lab) -> None:
    for guest in lab.guests:
        user, kernel = (line.partition("-")[2] for line in guest.run(["zfs", "version"]).splitlines())
        assert user.startswith(RELEASES[guest.version])
        assert kernel.removeprefix("kmod-") == user


def test_the_clock_of_a_guest_that_woke_from_a_saved_state_is_right(lab: Lab) -> None:
    for guest in lab.guests:
        before = time.time()
        there = float(guest.run(["date", "+%s.%N"]))
        assert before - 5 < there < time.time() + 5


def test_guests_that_wake_from_one_state_do_not_repeat_each_others_guids(source: Guest) -> None:
    def drawn() -> set[str]:
        source.restart_blank()
        names = [f"tank/{number}" for number in range(8)]
        source.run("; ".join(f"zfs create {name}" for name in names))
        return set(source.run(["zfs", "get", "-Hpo", "value", "guid", "tank", *names]).split())

    first = drawn()
    assert len(first) == 9
    assert not first & drawn()


def test_a_reset_leaves_a_fresh_pool_and_nothing_else_whatever_was_there_before(source: Guest, box: Guest) -> None:
    source.create_encrypted("tank/secret")
    source.run("zfs snapshot tank/secret@a; zfs hold keep tank/secret@a; zpool create other /dev/vdc1")
    box.prepare_box()
    box.fill_pool()
    with started(source, "cd /tank/secret && exec sleep 1000") as busy:
        source.run("until ls -l /proc/[0-9]*/cwd 2>/dev/null | grep -q /tank/secret; do :; done")
        source.cut_uplink()
        for guest in (source, box):
            guest.run("touch /run/lab-test")
        source.reset()
        box.reset()
        busy.wait(10)
    assert [pools_of(source), pools_of(box)] == [["tank"], ["vault"]]
    for guest in (source, box):
        assert guest.run(["zfs", "list", "-Hro", "name", "-t", "all"]).split() == [guest.pool]
    assert source.run("ls -d /root/keys || true") == ""
    # The quick way did it: the guest was not restarted.
    assert [guest.try_run("rm /run/lab-test").code for guest in (source, box)] == [0, 0]
    assert json.dumps(source.host_key()).startswith('"ssh-ed25519 AAAA')
    on_uplink(source, Lab.attach(source.folder.parent.name)).wait(20)


def test_a_reset_of_a_guest_that_is_off_switches_it_on(source: Guest) -> None:
    source.power_off()
    source.reset()
    assert pools_of(source) == ["tank"]


def test_a_cut_wire_is_silent_and_what_was_under_way_goes_on_after_it_is_mended(box: Guest) -> None:
    with socket.create_connection(("127.0.0.1", box.uplink_port), timeout=20) as connection:
        assert connection.recv(4) == b"SSH-"
        connection.recv(1000)
        box.cut_uplink()
        try:
            connection.sendall(b"SSH-2.0-lab\r\n")
            connection.settimeout(2)
            with pytest.raises(TimeoutError):
                connection.recv(1)
            assert box.run("echo reachable by the management NIC") != ""
        finally:
            box.restore_uplink()
        connection.settimeout(60)
        assert connection.recv(1) != b""


def test_a_cut_between_the_guests_stops_every_packet_and_mending_lets_them_through(source: Guest, box: Guest) -> None:
    ping = ["ping", "-c1", "-W2", box.address]
    assert source.try_run(ping).code == 0
    box.cut_wire()
    try:
        assert source.try_run(ping).code == 1
    finally:
        box.restore_wire()
    assert source.try_run(["ping", "-c5", "-W2", "-i0.2", box.address]).out.count("bytes from") >= 1


def test_a_delay_lengthens_the_round_trip_and_zero_ends_it(source: Guest, box: Guest) -> None:
    def fastest_ms() -> float:
        out = source.run(["ping", "-c5", "-i0.2", box.address])
        return float(out.rpartition("= ")[2].split("/")[0])

    source.delay_wire(200)
    assert fastest_ms() >= 200
    source.delay_wire(0)
    assert fastest_ms() < 200


def test_a_narrow_uplink_holds_back_what_comes_in(source: Guest, lab: Lab) -> None:
    uplink = on_uplink(source, lab)
    try:
        uplink.run("true")
        source.delay_uplink(0, kbit=800)
        began = time.monotonic()
        uplink.run("cat >/dev/null", stdin=os.urandom(300_000))
        assert time.monotonic() - began > 2
    finally:
        uplink.close()
        source.delay_uplink(0)


def test_after_the_plug_is_pulled_in_the_middle_of_a_write_the_pool_holds_what_was_synced(source: Guest) -> None:
    source.create_encrypted("tank/data")
    source.put(b"kept" * 100_000, "/tank/data/kept")
    source.run(["zpool", "sync"])
    key = source.get("/root/keys/tank_data")
    with started(source, "exec dd if=/dev/zero of=/tank/data/growing bs=64k") as writer:
        source.run("until [ -s /tank/data/growing ]; do :; done")
        source.power_off()
        assert not source.is_on()
        writer.communicate(timeout=30)
    assert processes_in(source.folder) == []
    source.power_on()
    source.put(key, "/root/keys/tank_data")
    source.run("zfs load-key -a && zfs mount -a")
    assert source.get("/tank/data/kept") == b"kept" * 100_000
    source.run("zpool scrub -w tank")
    assert "No known data errors" in source.run(["zpool", "status", "tank"])


def test_a_power_cycle_that_keeps_the_root_disk_keeps_its_files(source: Guest) -> None:
    source.put(b"here", "/etc/lab-test")
    source.run(["sync"])
    source.power_off()
    source.power_on(keep_root=True)
    assert source.get("/etc/lab-test") == b"here"
    assert pools_of(source) == ["tank"]
    source.restart_blank()
    assert source.try_run(["cat", "/etc/lab-test"]).code != 0


def test_the_account_that_is_not_root_can_create_below_the_box_root_and_not_beside_it(box: Guest) -> None:
    box.prepare_box("vault/zoffsite")
    # A delegated create needs a mount, which Linux leaves to root: the dataset is there all the same.
    box.try_run(["/usr/sbin/zfs", "create", "-u", "vault/zoffsite/mine"], user="zoffsite")
    assert box.try_run(["/usr/sbin/zfs", "create", "vault/other"], user="zoffsite").code != 0
    assert "vault/zoffsite/mine" in box.run(["zfs", "list", "-Hro", "name", "vault"]).split()
    shown = box.run("zfs get -Hpo value canmount,mountpoint,readonly vault/zoffsite").split()
    assert shown == ["off", "none", "on"]


def test_a_full_pool_refuses_the_next_write_until_it_is_emptied(source: Guest) -> None:
    source.run(["zfs", "create", "tank/full"])
    source.fill_pool("tank/full")
    write = "head -c 32M /dev/urandom >/tank/full/file && zpool sync"
    assert "No space left" in source.try_run(write).err
    source.empty_pool("tank/full")
    source.run(write)


def test_a_process_in_a_guest_can_be_killed_by_what_it_is_doing(source: Guest) -> None:
    with started(source, "exec sleep 4321") as sleeper:
        source.run("until ps -eo args= | grep -q '^sleep 4321'; do :; done")
        assert source.kill("sleep 4321") >= 1
        assert sleeper.wait(20) != 0
    assert source.kill("sleep 4321") == 0


def test_a_failed_command_says_which_where_and_why(source: Guest) -> None:
    with pytest.raises(LabError, match=r"zfs list tank/none.* in source: exit code 1: .*does not exist"):
        source.run(["zfs", "list", "tank/none"])


# -- the end of a lab. These start their own, small as it can be: whoever holds it is to be killed.

HOLDER = """
import sys, time
from lab import Lab
with Lab.up("2.3", "2.3", sys.argv[1]) as lab:
    print(lab.folder, flush=True)
    time.sleep(1000)
"""


@pytest.fixture
def holder() -> Iterator[tuple[subprocess.Popen[str], Path, list[int]]]:
    name = f"test-{os.getpid()}"
    argv = [sys.executable, "-c", HOLDER, name]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            folder = Path(process.stdout.readline().strip())
            pids = processes_in(folder) + [pid for role in folder.iterdir() if (pid := leash.holder(role))]
            assert len(pids) >= 4, "two guests, two leashes"
            yield process, folder, pids
        finally:
            process.kill()


def test_a_command_that_the_kernel_ended_for_want_of_memory_says_so(source: Guest) -> None:
    with pytest.raises(LabError, match=r"Killed \(.*Out of memory: Killed process"):
        source.run("sh -c 'echo 1000 >/proc/self/oom_score_adj; echo f >/proc/sysrq-trigger; sleep 60'; exit 1")


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGKILL], ids=lambda sig: sig.name)
def test_nothing_is_left_running_when_the_holder_ends_even_by_sigkill(
    holder: tuple[subprocess.Popen[str], Path, list[int]], sig: signal.Signals
) -> None:
    process, folder, pids = holder
    process.send_signal(sig)
    process.wait(30)
    assert wait_for(pids)
    assert not folder.exists()


def test_a_guest_dies_when_its_leash_is_killed(holder: tuple[subprocess.Popen[str], Path, list[int]]) -> None:
    _, folder, _ = holder
    guest = folder / "box"
    qemu, held = processes_in(guest) or processes_in(folder), leash.holder(guest)
    assert held is not None
    qemu = [pid for pid in qemu if Path(f"/proc/{pid}/cwd").readlink() == guest]
    assert qemu
    os.kill(held, signal.SIGKILL)
    assert wait_for(qemu)


def test_a_lab_by_hand_is_found_by_other_processes_and_ended_by_down() -> None:
    name = f"hand-{os.getpid()}"

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        argv = [str(ROOT / "scripts" / "lab"), "--name", name, *words]
        return subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, timeout=400)

    try:
        up = command("up", "--detach", "--source", "2.3", "--box", "2.3")
        assert up.returncode == 0, up.stderr
        assert all(len(line) <= 80 for line in up.stdout.splitlines() if not line.startswith("key"))
        assert command("ssh", "box", "hostname").stdout == "box\n"
        assert command("power-off", "box").returncode == 0
        assert command("power-on", "box").returncode == 0
        pids = processes_in(paths.runs() / name)
        assert len(pids) >= 2
    finally:
        down = command("down")
    assert down.returncode == 0, down.stderr
    assert wait_for(pids, 0.1)
    assert command("status").returncode == 3
    assert "scripts/lab up" in command("ssh", "box").stderr


# -- what needs no guest


def test_where_a_tool_is_missing_the_error_names_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "NEEDED", {"no-such-tool": "the-package"})
    with pytest.raises(LabError, match="apt-get install the-package"):
        image.check_tools()


def test_an_unknown_version_is_refused_with_those_there_are() -> None:
    with pytest.raises(LabError, match=r"use 2\.1 or 2\.3"):
        recipe.recipe("9.9")


def test_the_mirror_is_the_one_the_host_uses_in_either_format_of_apt() -> None:
    deb822 = (
        "Types: deb\n# a comment\nURIs: http://mirror.example/debian\nSuites: trixie trixie-updates\nComponents: main\n"
        "\nTypes: deb\nURIs: http://mirror.example/debian-security\nSuites: trixie-security\nComponents: main\n"
    )
    one_line = (
        "# deb http://no.example/debian bookworm main\ndeb [arch=amd64] http://other.example/x stable main\n"
        "deb [signed-by=/a b=c] http://mirror.example/debian/ bookworm main\n"
    )
    assert mirror.choose(mirror.parse_deb822(deb822)) == (
        "http://mirror.example/debian",
        "http://mirror.example/debian-security",
    )
    assert mirror.choose(mirror.parse_one_line(one_line)) == ("http://mirror.example/debian/", None)
    with pytest.raises(LabError, match="ZOFFSITE_LAB_MIRROR"):
        mirror.choose([])


def test_a_lock_that_is_only_looked_at_is_not_in_the_way_of_who_takes_it(tmp_path: Path) -> None:
    lock = tmp_path / leash.LOCK
    lock.touch()
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            leash.holder(tmp_path)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        for _ in range(50):
            with lock.open("r+") as taken:
                leash.take(taken.fileno())
                assert leash.holder(tmp_path) == os.getpid()
    finally:
        over.set()
        looker.join()
