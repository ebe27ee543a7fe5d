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
