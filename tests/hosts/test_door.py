"""The door is tried at a real sshd: with the gate before it, and without."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from zoffsite.box import gate
from zoffsite.hosts.door import FORBIDDEN, knock, try_forbidden
from zoffsite.model.errors import UnreachableError

from .sshd import Sshd, free_port, keygen, public_key

pytestmark = pytest.mark.sshd


@pytest.fixture
def guarded(sshd: Sshd) -> Iterator[Sshd]:
    """The job's key leads to the gate and nowhere else."""
    keys = sshd.place / "authorized_keys"
    before = keys.read_text()
    command = f"{sys.executable} -I {Path(gate.__file__).resolve()} backup"
    keys.write_text(f'restrict,command="{command}" {public_key(sshd.host.identity_file)}\n')
    yield sshd
    keys.write_text(before)


def test_the_gate_refuses_all_that_is_tried(guarded: Sshd) -> None:
    attempts = try_forbidden(guarded.host)
    assert [each.what for each in attempts if not each.refused] == []
    assert {each.what for each in attempts} == {*FORBIDDEN, "a shell", "file transfer", "a terminal", "forwarding"}


def test_without_the_gate_each_of_them_is_found_open(sshd: Sshd) -> None:
    attempts = {each.what: each for each in try_forbidden(sshd.host)}
    assert not attempts["sh -c id"].refused
    assert "uid=" in attempts["sh -c id"].outcome
    for what in ("a shell", "a terminal", "forwarding", "zfs list"):
        assert not attempts[what].refused, attempts[what]


def test_a_gate_without_restrict_leaves_terminal_and_forwarding_open(guarded: Sshd) -> None:
    keys = guarded.place / "authorized_keys"
    keys.write_text(keys.read_text().removeprefix("restrict,"))
    assert {each.what for each in try_forbidden(guarded.host) if not each.refused} == {"a terminal", "forwarding"}


def test_nobody_there_is_raised(sshd: Sshd) -> None:
    with pytest.raises(UnreachableError):
        try_forbidden(sshd.client(port=free_port()))


def test_a_knock_tells_the_box_from_others_and_from_nobody(sshd: Sshd, tmp_path: Path) -> None:
    address = [sshd.host.host]
    stranger = keygen(tmp_path / "stranger")
    tries = {
        "": sshd.host,
        "connection-refused": sshd.client(port=free_port()),
        "host-key-mismatch": sshd.client(host_key=public_key(stranger)),
        "login-refused": sshd.client(identity_file=stranger),
    }
    assert {code: [each.code for each in knock(host, address)] for code, host in tries.items()} == {
        code: [code] for code in tries
    }
