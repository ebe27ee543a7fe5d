"""`zoffsite box kit` and `zoffsite box pair`: what both machines need, and what the box says of itself."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from rich.console import Console

from zoffsite.box.entry import Files
from zoffsite.box.kit import kit
from zoffsite.box.spec import LIBRARY, Spec
from zoffsite.cli.context import console
from zoffsite.config.loading import load_machines
from zoffsite.config.machines import Machine
from zoffsite.config.mistakes import WrongValueError, did_you_mean
from zoffsite.config.pairing import Pairing, pairing_file, parse_pairing
from zoffsite.files import write_whole
from zoffsite.hosts.identity import load_identity
from zoffsite.hosts.local import LocalRunner
from zoffsite.model.errors import ExitCode, OperationError, SettingsError


def write_kit(out: Path, name: str | None, contact: str) -> ExitCode:
    """Write both folders below `out`; a kit that is there is replaced, all but its pairing. `contact`: for the card."""
    settings, machine = _machine(name)
    if out.exists() and any(out.iterdir()) and not (out / "box/manifest").exists():
        raise SettingsError(
            "write the kit to", str(out), "other things are there", "name a new folder: --out DIR", code="kit-not-empty"
        )
    spec = Spec(
        machine=machine,
        keys={each.user: _public_key(each.identity_file) for each in machine.accounts},
        restore_keys={
            each.user: _public_key(each.restore_identity_file)
            for each in machine.accounts
            if each.restore_identity_file is not None
        },
        contact=contact,
    )
    for side in ("box", "source"):
        shutil.rmtree(out / side / "files", ignore_errors=True)
    _write(out, kit(spec))
    print_ = console().print
    print_(f"{out}/source and {out}/box for the box {machine.name}, from {settings}", markup=False, soft_wrap=True)
    print_(f"Next, here:       sudo {out}/source/install", markup=False, soft_wrap=True)
    print_(f"Then carry {out}/box to the box; as root, there: box/install", markup=False, soft_wrap=True)
    print_(f"For the friend:   print {out}/box/CARD.html", markup=False, soft_wrap=True)
    return ExitCode.OK


def pair(text: str, name: str | None, *, replace: bool) -> ExitCode:
    """Pin the host key that `text` names, and let the box's end of the tunnel in."""
    settings, machine = _machine(name)
    if Path(text).is_file():
        text = Path(text).read_text(encoding="utf-8", errors="replace")[:1000]
    try:
        pairing = parse_pairing(text)
    except WrongValueError as error:
        raise SettingsError("pair with", machine.name, error.problem, error.remedy, code="bad-pairing") from error
    _keep(pairing_file(settings, machine.name), text.strip(), replace=replace)
    _let_in(console(), machine, pairing)
    return ExitCode.OK


def _machine(name: str | None) -> tuple[Path, Machine]:
    """The settings file, and the box that was named, or the only one with a tunnel."""
    settings, machines = load_machines()
    chosen = [machine for machine in machines if name in (None, machine.name)]
    if len(chosen) == 1:
        return settings, chosen[0]
    names = [machine.name for machine in machines]
    if not names:
        remedy = "add [box.NAME.tunnel], as docs/how-to/set-up-the-box.md shows"
        raise SettingsError("find the box in", str(settings), "no box has a tunnel", remedy, code="no-tunnel")
    problem = "no box of this name has a tunnel" if name else f"there are {len(names)}: {', '.join(names)}"
    remedy = did_you_mean(name, names) if name else f"name one: --box {names[0]}"
    raise SettingsError("find the box", name or f"in {settings}", problem, remedy, code="which-box")


def _public_key(identity_file: Path) -> str:
    key = load_identity(identity_file)
    return f"{key.get_name()} {key.get_base64()}"


def _write(out: Path, files: Files) -> None:
    """Modes here are for who carries the kit; `install` sets those on the machine, by the manifest."""
    for path, entry in files.items():
        file = out / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_text(entry.text, encoding="utf-8")
        file.chmod(0o755 if entry.mode & 0o100 else 0o644)


def _keep(file: Path, text: str, *, replace: bool) -> None:
    """Write the pairing beside the settings. Another one that is there is a question for a person."""
    if file.exists() and file.read_text(encoding="utf-8", errors="replace").strip() != text and not replace:
        raise SettingsError(
            "pair with",
            file.stem,
            f"it is paired already, with other keys ({file}), and only a box that was set up anew has reason to change",
            "if it was set up anew, add --replace",
            code="paired-already",
        )
    try:
        write_whole(file, f"{text}\n".encode(), mode=0o644)
    except OSError as error:
        raise OperationError(
            "write", str(file), error.strerror or str(error), f"ls -ld {file.parent}", code="pairing-not-written"
        ) from error


def _let_in(out: Console, machine: Machine, pairing: Pairing) -> None:
    """Tell the tunnel, which is root's. Where this is not root on the source itself, say the command."""
    command = [f"{LIBRARY}/tunnel-{machine.name}", f"/etc/zoffsite/tunnel-{machine.name}", "pair", pairing.wireguard]
    out.print(f"ok  the host key of {machine.name} is pinned", markup=False)
    if os.geteuid() != 0 or not Path(command[0]).exists():
        out.print(f"Next, on the source: sudo {' '.join(command)}", markup=False, soft_wrap=True)
        return
    done = LocalRunner().run(command)
    if done.exit_code != 0:
        raise OperationError(
            "let in",
            machine.name,
            done.stderr.strip() or f"exit code {done.exit_code}",
            f"systemctl status zoffsite-{machine.name}-tunnel.service",
            code="tunnel-not-paired",
        )
    out.print("ok  its end of the tunnel is let in; within a minute it settles", markup=False)
    out.print("Next: zoffsite config check", markup=False)
