"""The lab by hand: scripts/lab."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

from lab import accel, clean, image, lab, leash, links, paths, state
from lab.errors import LabError
from lab.guest import ROLES, Guest
from lab.lab import Lab
from lab.recipe import RECIPES

_DOWN_S: Final = 20.0


def main(argv: Sequence[str]) -> int:
    """Run one command; returns its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.act(arguments) or 0)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _build(arguments: argparse.Namespace) -> None:
    image.check_tools()
    for version in arguments.version or list(RECIPES):
        built = image.ensure(version)
        chosen = accel.choose(built)
        saved = state.ensure(built, chosen)
        facts = json.loads((built.folder / "built.json").read_text())
        size = built.disk.stat().st_blocks * 512 / 1e6
        print(
            f"OpenZFS {version}  image {built.key} ({size:.0f} MB, built in {facts['seconds']} s), "
            f"{chosen}, {'saved state' if saved else 'cold boot'}"
        )


def _up(arguments: argparse.Namespace) -> int:
    if lab.owner(arguments.name):
        raise LabError(
            f"start the lab {arguments.name!r}", "it runs already", "scripts/lab status, or scripts/lab down"
        )
    if arguments.detach:
        return _detach(arguments)
    for sig in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, _leave)
    began = time.monotonic()
    with Lab.up(arguments.source, arguments.box, arguments.name) as pair:
        print(_table(pair))
        print(f"\nup after {time.monotonic() - began:.1f} s; next: scripts/lab ssh source zpool status")
        print("scripts/lab down ends it" + ("." if arguments.child else ", and so does Ctrl-C."), flush=True)
        if arguments.child:
            _let_go()
        while True:
            signal.pause()


def _leave(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _detach(arguments: argparse.Namespace) -> int:
    argv = [sys.executable, "-m", "lab", "--name", arguments.name, "up", "--child"]
    argv += ["--source", arguments.source, "--box", arguments.box]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True) as child:
        try:
            # It closes its output when it is ready, or ends.
            for line in child.stdout or ():
                print(line.decode(), end="")
            if lab.owner(arguments.name) == child.pid:
                child.returncode = 0  # It stays: do not wait for it.
                return 0
            return child.wait()
        except KeyboardInterrupt:
            child.send_signal(signal.SIGTERM)
            child.wait()
            raise


def _let_go() -> None:
    """Nothing of the terminal is held any more."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)


def _down(arguments: argparse.Namespace) -> None:
    pid = lab.owner(arguments.name)
    if pid is None:
        print("no lab runs")
    elif not leash.end(pid, timeout=_DOWN_S) and not leash.end(pid, signal.SIGKILL):
        raise LabError("end the lab", f"process {pid} does not end")
    lab.clean_up()
    if pid:
        print("down: nothing is left running")


def _clean(_arguments: argparse.Namespace) -> None:
    freed = clean.clean()
    print(f"freed {freed / 1e6:.0f} MB; images and states in use by this checkout stay")


def _status(arguments: argparse.Namespace) -> int:
    print(f"cache    {paths.cache()}")
    for version in RECIPES:
        built = image.find(version)
        print(f"image    OpenZFS {version}: {built.key if built else 'not built; next: scripts/lab build'}")
    if lab.owner(arguments.name) is None:
        print("lab      not running; next: scripts/lab up --detach")
        return 3
    print(_table(Lab.attach(arguments.name)))
    return 0


def _table(pair: Lab) -> str:
    rows = [("guest", "OpenZFS", "power", "wire", "uplink port", "mgmt port")]
    for guest in pair.guests:
        power = "on" if guest.is_on() else "off"
        rows.append((guest.role, guest.version, power, guest.address, str(guest.uplink_port), str(guest.mgmt_port)))
    lines = ["  ".join(f"{cell:<11}" for cell in row).rstrip() for row in rows]
    return "\n".join([*lines, f"key      {pair.key_file}", f"emulated by {pair.source.accel}"])


def _ssh(arguments: argparse.Namespace) -> int:
    guest = _guest(arguments)
    if not guest.is_on():
        raise LabError(f"log in to {guest.role}", "it is off", f"scripts/lab power-on {guest.role}")
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    argv = guest.ssh_argv(command, arguments.user)
    os.execvp(argv[0], argv)  # noqa: S606 - argv is ours


def _guest(arguments: argparse.Namespace) -> Guest:
    pair = Lab.attach(arguments.name)
    return pair.source if arguments.guest == "source" else pair.box


def _for_guest(say: str, act: Callable[[Guest, argparse.Namespace], object]) -> Callable[[argparse.Namespace], None]:
    def run(arguments: argparse.Namespace) -> None:
        began = time.monotonic()
        guest = _guest(arguments)
        act(guest, arguments)
        print(f"{guest.role}: {say.format(**vars(arguments))} ({time.monotonic() - began:.1f} s)")

    return run


def _reset(arguments: argparse.Namespace) -> None:
    pair = Lab.attach(arguments.name)
    began = time.monotonic()
    if arguments.guest:
        _guest(arguments).reset()
    else:
        pair.reset()
    print(f"{arguments.guest or 'both'}: fresh pools, whole wires ({time.monotonic() - began:.1f} s)")


def _delay(guest: Guest, arguments: argparse.Namespace) -> None:
    act = guest.delay_uplink if arguments.nic == "uplink" else guest.delay_wire
    act(arguments.ms, arguments.kbit)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("scripts/lab", description="Two real ZFS machines under QEMU: source and box.")
    parser.add_argument("--name", default=lab.SESSION, help="which lab, where several run (default: %(default)s)")
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, text: str, act: Callable[[argparse.Namespace], object]) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(act=act)
        return command

    def add_guest(
        name: str, text: str, say: str, act: Callable[[Guest, argparse.Namespace], object]
    ) -> argparse.ArgumentParser:
        command = add(name, text, _for_guest(say, act))
        command.add_argument("guest", choices=ROLES)
        return command

    build = add("build", "build the images and saved states the cache lacks", _build)
    build.add_argument("version", nargs="*", choices=[*RECIPES, []], metavar="version", help=" or ".join(RECIPES))
    up = add("up", "start both guests; Ctrl-C ends them", _up)
    up.add_argument(
        "--source", choices=list(RECIPES), default="2.1", help="OpenZFS of the source (default: %(default)s)"
    )
    up.add_argument("--box", choices=list(RECIPES), default="2.3", help="OpenZFS of the box (default: %(default)s)")
    up.add_argument("--detach", action="store_true", help="return when they are up; `down` ends them")
    up.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    add("down", "end both guests", _down)
    add("clean", "delete images and states that this checkout no longer uses", _clean)
    add("status", "what is built and what runs (exit code 3: nothing runs)", _status)
    ssh = add("ssh", "log in to a guest, or run a command there", _ssh)
    ssh.add_argument("--user", default="root", help="root or zoffsite (default: %(default)s)")
    ssh.add_argument("guest", choices=ROLES)
    ssh.add_argument("command", nargs=argparse.REMAINDER)
    reset = add("reset", "fresh pools and whole wires", _reset)
    reset.add_argument("guest", nargs="?", choices=ROLES)

    add_guest("power-off", "pull the plug", "off", lambda guest, _: guest.power_off())
    on = add_guest(
        "power-on",
        "switch on with the same data disks, import the pools",
        "on, pools imported",
        lambda guest, arguments: guest.power_on(keep_root=arguments.keep_root),
    )
    on.add_argument("--keep-root", action="store_true", help="keep the root disk too; boots cold")
    for name, up_again, text in (("cut", False, "cut a wire: silence, no FIN"), ("restore", True, "mend a wire")):
        wire = add_guest(name, text, "{nic} " + ("restored" if up_again else "cut"), _switch(up_again))
        wire.add_argument("nic", nargs="?", choices=links.NICS, default="uplink")
    delay = add_guest("delay", "slow a wire down; 0 ends it", "{nic} has {ms:g} ms more round trip", _delay)
    delay.add_argument("ms", type=float)
    delay.add_argument("--kbit", type=int, help="and no more than this each way")
    delay.add_argument("--nic", choices=links.NICS, default="uplink")
    return parser


def _switch(up: bool) -> Callable[[Guest, argparse.Namespace], None]:
    return lambda guest, arguments: links.set_up(guest.folder, arguments.nic, up)
