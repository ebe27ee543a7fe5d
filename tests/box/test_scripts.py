"""The kit's scripts beside stand-ins of the programs that they call. On real machines: tests/lab/kit."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from zoffsite.box.parts import script

PATH_LINE = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Place:
    """A folder that a script takes for the machine; `diary` has what its stand-ins were asked."""

    folder: Path

    @property
    def diary(self) -> list[str]:
        file = self.folder / "diary"
        return [line.strip() for line in file.read_text().splitlines()] if file.exists() else []

    def stand_in(self, name: str, body: str = "") -> None:
        """A program that notes how it was called, and then does `body`."""
        path = self.folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'#!/bin/sh\necho "${{0##*/}} $*" >>{self.folder}/diary\n{body}\n')
        path.chmod(0o755)

    def file(self, path: str, text: str = "") -> Path:
        there = self.folder / path
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_text(text)
        return there

    def run(self, name: str, *words: str, moved: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """A script of the kit, with the folders in `moved` elsewhere."""
        text = script(name).replace(PATH_LINE, f"PATH={self.folder}/bin:/usr/bin:/bin")
        for there, here in moved.items():
            text = text.replace(there, f"{self.folder}/{here}")
        path = self.file(name, text)
        return subprocess.run(["sh", str(path), *words], capture_output=True, text=True, check=False)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_what_cannot_be_written_ends_the_installation(place: Place) -> None:
    place.file("common", script("common"))
    place.file("from", "text")
    place.file("no-folder")
    lines = f'here=. NAME=x; . {place.folder}/common; if put 0644 root:root "$1" "$2"; then :; fi; echo went on'
    words = ["sh", "-euc", lines, "sh", f"{place.folder}/from", f"{place.folder}/no-folder/to"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "went on" not in done.stdout
    assert "install: cannot write" in done.stderr


# -- `install`, on a machine that is made up

ELSEWHERE = ("/run/", "/etc/", "/var/lib/zoffsite", "/usr/local/lib/zoffsite")
PLAIN = [
    "cat",
    "chmod",
    "cmp",
    "cp",
    "cut",
    "dirname",
    "grep",
    "head",
    "mkdir",
    "mktemp",
    "mv",
    "printf",
    "rm",
    "sed",
    "sh",
    "sha256sum",
    "stat",
    "tail",
    "tr",
]
PROGRAMS = ["wg", "nft", "sshd", "sudo", "visudo", "python3", "zpool", "ip", "ssh", "ssh-keygen", "useradd", "sync"]
INSTALL = 'shift 7; mkdir -p "${2%/*}"; cp "$1" "$2"'
"""Without the owner: only root may give that."""


@dataclass(frozen=True)
class Machine(Place):
    """A kit was carried to it; there is no program but what every machine has, and stand-ins."""

    def install(self, side: str, *words: str) -> subprocess.CompletedProcess[str]:
        for name in ("common", f"install-{side}"):
            text = script(name).replace("PATH=$PATH:/usr/sbin:/sbin", ":")
            for folder in ELSEWHERE:
                text = text.replace(folder, f"{self.folder}{folder}").replace(f"/dev/null{self.folder}", "/dev/null")
            self.file(f"kit/{name}", text)
        command = ["sh", f"{self.folder}/kit/install-{side}", *words]
        env = {**os.environ, "PATH": f"{self.folder}/bin"}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=env)

    def program(self, *names: str) -> None:
        for name in names:
            self.stand_in(name)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.stand_in("id", '[ "$1" = -u ] && echo 0')
    made.stand_in("systemctl", "case $1 in is-*|cat) exit 1 ;; esac")
    made.stand_in("install", INSTALL)
    for name in PLAIN:
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    made.file("etc/os-release", "ID=debian\n")
    made.file("kit/kit.conf", "NAME=friend INTERFACE=zoffsite PORT=51820 UNITS='tunnel' TIMERS='' POOLS=vault\n")
    made.file("kit/manifest")
    made.file("kit/accounts", "keep vault/replicas none 1000 50000\n")
    for name in ("source.pub", "preshared.key"):
        made.file(f"kit/pairing/{name}", "key\n")
    return made


@pytest.fixture
def settled(machine: Machine) -> Machine:
    """A box on which all was installed once."""
    machine.program(*PROGRAMS)
    machine.stand_in("zfs")
    machine.file("etc/ssh/sshd_config", f"Include {machine.folder}/etc/ssh/sshd_config.d/*.conf\n")
    machine.file("etc/ssh/ssh_host_ed25519_key.pub", "ssh-ed25519 AAAA\n")
    machine.file("etc/ssh/ssh_host_ed25519_key", "secret\n")
    machine.file("etc/zoffsite/sshd.conf", "ListenAddress 10.0.0.2\n")
    machine.file("etc/zoffsite/tunnel/private.key", "secret\n")
    machine.file("var/lib/zoffsite/kit/settled")
    return machine


@pytest.mark.parametrize(("side", "checks"), [("box", ("visudo", "nft", "sshd", "zpool")), ("source", ("nft",))])
def test_a_dry_run_on_a_bare_machine_says_what_will_be_checked_once_it_is_there(
    machine: Machine, side: str, checks: tuple[str, ...]
) -> None:
    done = machine.install(side, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "apt-get install" in done.stdout
    for program in checks:
        assert f"checked when {program} is there" in done.stdout
    assert "none was made" in done.stdout


def test_a_dry_run_checks_with_what_is_there(machine: Machine) -> None:
    machine.stand_in("nft", "exit 1")
    done = machine.install("source", "--dry-run")
    assert (done.returncode, "nft does not understand" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("known", "receive"), [("receive", "receive"), ("receive\n\treceive:append", "receive:append")]
)
def test_the_rights_that_a_dry_run_says_are_the_ones_that_are_given_and_all_is_said(
    settled: Machine, known: str, receive: str
) -> None:
    knows = f"printf '\t{known}\tsubcommand' >&2; exit 2"
    had = "echo '\tuser keep create,destroy,mount,receive'"
    settled.stand_in("zfs", f"case $* in allow) {knows} ;; 'allow vault/replicas') {had} ;; esac")
    wanted = ["zfs unallow -u keep vault/replicas", f"zfs allow -u keep create,mount,{receive},send vault/replicas"]
    for words in (["--dry-run"], []):
        done = settled.install("box", *words)
        said = [line.split(maxsplit=1)[1] for line in done.stdout.splitlines() if "allow" in line]
        assert (done.returncode, said) == (0, wanted), done.stderr
        assert [line for line in settled.diary if "allow -u" in line] == ([] if words else wanted)


def test_a_box_that_starts_only_what_its_own_keys_sign_keeps_what_signs(settled: Machine) -> None:
    settled.file("etc/zoffsite/boot/db.key", "secret\n")
    done = settled.install("box", "--remove")
    assert (done.returncode, "lock-the-boot-chain.md" in done.stderr) == (1, True)
    assert done.stdout == ""


# -- the end of an installation

SETTLE = {"/etc/zoffsite": "conf", "/var/lib/zoffsite/kit": "kit", "/etc/ssh": "ssh", "/run/": "run/"}
DROP_IN = "ssh/sshd_config.d/00-zoffsite.conf"


@pytest.fixture
def installed(place: Place) -> Place:
    """Everything but what `settle` does."""
    place.file("conf/kit.conf", "NAME=friend UNITS='firewall tunnel'\n")
    place.file("conf/sshd.conf", "ListenAddress 10.0.0.2\n")
    place.file("ssh/sshd_config", "Include nothing\n")
    for folder in ("kit", "run", "ssh/sshd_config.d"):
        (place.folder / folder).mkdir(exist_ok=True)
    seen = f"[ -e {place.folder}/{DROP_IN} ] && echo 'ssh is closed' >>{place.folder}/diary"
    place.stand_in("systemctl", f"case $1 in enable) {seen} ;; is-enabled) exit 1 ;; esac; exit 0")
    place.stand_in("sshd")
    place.stand_in("sync")
    return place


def test_the_other_doors_are_closed_only_when_all_that_opens_the_right_one_is_on_the_disk(installed: Place) -> None:
    done = installed.run("settle", "now", moved=SETTLE)
    assert done.returncode == 0, done.stderr
    assert "ssh is closed" not in installed.diary
    enabled = "systemctl enable --quiet firewall tunnel zoffsite-settled.service ssh.service"
    order = [enabled, "systemctl start firewall tunnel", "sync", "sync", "systemctl restart ssh.service"]
    assert [line for line in installed.diary if line in order] == order
    assert (installed.folder / DROP_IN).read_text() == "ListenAddress 10.0.0.2\n"
    assert (installed.folder / "kit/settled").exists()


def test_an_ssh_server_that_was_not_enabled_is_remembered_for_the_removal(installed: Place) -> None:
    installed.run("settle", "now", moved=SETTLE)
    assert (installed.folder / "kit/enabled-friend").read_text() == "ssh.service\n"


def test_settings_that_sshd_does_not_take_undo_the_installation(installed: Place) -> None:
    installed.stand_in("sshd", "exit 255")
    done = installed.run("settle", "now", moved=SETTLE)
    assert (done.returncode, "sshd does not take its settings" in done.stderr) == (1, True)
    assert "systemctl stop firewall tunnel" in installed.diary
    assert not (installed.folder / DROP_IN).exists()
    assert not (installed.folder / "kit/settled").exists()


# -- the tunnel


def test_a_new_peer_is_on_the_disk_before_it_takes_the_place_of_the_old_one(place: Place) -> None:
    place.stand_in("wg")
    place.stand_in("sync", f"cat {place.folder}/conf/peer.pub >>{place.folder}/diary")
    place.file("conf/tunnel.conf", "INTERFACE=zoffsite PEER_ADDRESS=10.0.0.2\n")
    place.file("conf/peer.pub", "OLD\n")
    assert place.run("tunnel", f"{place.folder}/conf", "pair", "NEW", moved={}).returncode == 0
    assert place.diary[:2] == [f"sync {place.folder}/conf/peer.pub.new", "OLD"]
    assert (place.folder / "conf/peer.pub").read_text() == "NEW\n"


TUNNEL = {"/var/lib/zoffsite/endpoint": "endpoint", "/run/zoffsite-": "run-"}
SILENT = 'case "$*" in *latest-handshakes) echo "PEER 0" ;; *"endpoint no.test"*) exit 1 ;; esac'
Resolve = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture
def resolve(place: Place) -> Resolve:
    def run(endpoints: str) -> subprocess.CompletedProcess[str]:
        place.file("conf/tunnel.conf", f"INTERFACE=zoffsite ENDPOINTS='{endpoints}' PORT=51820\n")
        place.file("conf/peer.pub", "PEER\n")
        return place.run("tunnel", f"{place.folder}/conf", "resolve", moved=TUNNEL)

    return run


def endpoints_tried(place: Place) -> list[str]:
    words = [line.split() for line in place.diary]
    return [each[each.index("endpoint") + 1] for each in words if "endpoint" in each]


def test_a_name_that_does_not_resolve_is_tried_by_the_address_that_answered_last(
    place: Place, resolve: Resolve
) -> None:
    place.stand_in("wg", SILENT)
    place.file("endpoint", "198.51.100.1:51820\n")
    assert resolve("no.test 192.168.1.10").returncode == 0
    assert endpoints_tried(place) == ["no.test:51820", "198.51.100.1:51820"]
    resolve("no.test 192.168.1.10")
    assert endpoints_tried(place)[2:] == ["192.168.1.10:51820"], "each has its turn"


def test_without_any_address_what_is_set_goes_on_being_tried(place: Place, resolve: Resolve) -> None:
    place.stand_in("wg", SILENT)
    done = resolve("no.test")
    assert "no endpoint can be resolved now" in done.stderr
    assert place.diary[-1].endswith("persistent-keepalive 25")


def test_the_address_that_answers_is_remembered(place: Place, resolve: Resolve) -> None:
    answers = 'echo "PEER $(date +%s)"'
    place.stand_in("wg", f'case $3 in latest-handshakes) {answers} ;; endpoints) echo "PEER 203.0.113.9:51820" ;; esac')
    assert resolve("home.test").returncode == 0
    assert (place.folder / "endpoint").read_text() == "203.0.113.9:51820\n"
    assert endpoints_tried(place) == []
