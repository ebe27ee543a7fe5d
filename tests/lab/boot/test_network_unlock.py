"""A box with a TPM 1.2: the source opens its system disk through the tunnel, where it stands as it stood."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import accel, image
from lab.firmware.console import Console

from .far import PLACE, SEEN, TIMER, TUNNEL, Far, far
from .owner import ENDS, START_S

STAYS = "journalctl -u zoffsite-friend-unlock.service | grep -q 'friend waits at 10.0.2.2'"


@pytest.fixture(scope="module")
def both(folder: Path) -> Iterator[Far]:
    with far(folder, accel.choose(image.ensure("2.1"))) as made:
        yield made


def waits(console: Console) -> None:
    """At the prompt of its disk."""
    assert console.first(ENDS, START_S) == "locked"


def comes_up(both: Far, console: Console) -> None:
    console.first({"up": ENDS["up"]}, START_S)
    both.box.shell.wait(START_S)


def greeting(port: int) -> bytes:
    """What a neighbour hears there, if anything listens."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        line.settimeout(10)
        try:
            return line.recv(100)
        except (TimeoutError, ConnectionResetError):
            return b""


def test_a_box_at_a_new_place_stays_locked_until_its_owner_says_so_and_then_starts_with_nobody_there(both: Far) -> None:
    with both.box.on() as console:
        waits(console)
        both.until(STAYS)
        assert "The lab is up" not in console.text
        assert both.unlock("now")[0] == 0
        comes_up(both, console)
        assert both.box.shell.run("cat /sys/class/tpm/tpm0/tpm_version_major").strip() == "1"
        both.until(f"test -s {SEEN}")
        both.box.shut_down(console)
    with both.box.on() as console:
        comes_up(both, console)
        rules = both.box.shell.run("ip rule").splitlines()
        assert [rule.split()[-1] for rule in rules] == ["local", "main", "default"]
        both.box.shut_down(console)


def test_it_waits_for_a_source_that_is_away(both: Far) -> None:
    both.source.shell.run(f"systemctl stop {TIMER} {TUNNEL}")
    with both.box.on() as console:
        waits(console)
        both.source.shell.run(f"systemctl start {TUNNEL} {TIMER}")
        comes_up(both, console)
        both.box.shut_down(console)


def test_nobody_but_the_source_reaches_the_waiting_box(both: Far) -> None:
    both.source.shell.run(f"systemctl stop {TIMER}")
    with both.box.on() as console:
        waits(console)
        both.until("ssh-keyscan -T 5 -p 2222 10.66.0.2 2>/dev/null | grep -q ssh-ed25519")
        assert [greeting(port) for port in both.ports] == [b"", b""]
        assert both.unlock("now")[0] == 0
        comes_up(both, console)
        both.box.shut_down(console)
    both.source.shell.run(f"systemctl start {TIMER}")


def test_carried_away_it_stays_locked_and_forgotten_it_is_never_opened_again(both: Far) -> None:
    both.source.shell.run(f"echo 192.0.2.7 >{PLACE}; rm -f {SEEN}; journalctl --rotate --vacuum-time=1s")
    with both.box.on() as console:
        waits(console)
        both.until(STAYS)
        assert both.unlock("off") == (0, "the key of friend's disk is forgotten\n")
        code, said = both.unlock("now")
        assert (code, "there is no key for friend" in said) == (1, True)
        assert "The lab is up" not in console.text
