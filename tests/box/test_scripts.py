"""The kit's scripts beside stand-ins of the programs that they call. On real machines: tests/lab/kit."""

from __future__ import annotations

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
