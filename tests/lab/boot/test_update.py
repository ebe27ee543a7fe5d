"""An update of a box with a locked boot chain."""

from __future__ import annotations

from lab.firmware.machine import Machine

from .owner import OURS, START_S, starts


def test_a_signed_update_starts_with_nobody_there_and_nothing_enrolled_again(stolen: Machine) -> None:
    with stolen.on() as console:
        assert starts(stolen, console) == "up"
        stolen.shell.run("sed -i 's/$/ updated=1/' /etc/zoffsite/cmdline")
        said = stolen.shell.run(f"{OURS}/kernels update", timeout=START_S)
        assert "made zoffsite-" in said
        stolen.shut_down(console)
    with stolen.on() as console:
        assert starts(stolen, console) == "up"
        assert "updated=1" in stolen.shell.run("cat /proc/cmdline").split()


def test_an_update_that_does_not_come_up_is_given_up_after_three_tries_with_nobody_there(stolen: Machine) -> None:
    with stolen.on() as console:
        assert starts(stolen, console) == "up"
        stolen.shell.run("systemctl is-system-running --wait || true", timeout=START_S)
        stolen.shell.run("sed -i 's/$/ rdinit=none/' /etc/zoffsite/cmdline")
        stolen.shell.run(f"{OURS}/kernels update", timeout=START_S)
        stolen.shut_down(console)
    for _ in range(3):
        with stolen.on() as console:
            console.first({"panic": "Kernel panic"}, START_S)
            console.end(START_S)
    with stolen.on() as console:
        assert starts(stolen, console) == "up"
        assert "rdinit=none" not in stolen.shell.run("cat /proc/cmdline")
