"""The firewalls of both machines, and what starts at boot."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff

from zoffsite.box.facts import BOX_UNITS, SSHD_UNITS
from zoffsite.doctor.case import Case, Side, Unseen
from zoffsite.doctor.read.units import units
from zoffsite.model.checkup import Finding

SSHD = "sshd"
MASKED = ("zfs-mount.service", "zfs-share.service")


def firewalls(case: Case) -> Iterator[Finding | Unseen]:
    """What each kernel has loaded, against what the kit's file says."""
    if case.machine is None:
        return
    yield _firewall(case.box, "zoffsite-firewall.service")
    yield _firewall(case.source, f"zoffsite-{case.machine.name}-firewall.service")


def _firewall(side: Side, unit: str) -> Finding | Unseen:
    loaded, written = side.text("firewall"), side.text("written")
    if loaded is None and written is None:
        return side.unseen("firewall", "firewall")
    again = f"on {side.name}: systemctl restart {unit}; then see who changed it"
    if loaded is None:
        return side.critical("firewall", "the kit's table is not loaded", again)
    if written is None:
        return side.unseen("firewall", "written")
    changes = _changes(written, loaded)
    if changes:
        return side.critical("firewall", f"loaded is not what the kit's file says: {'; '.join(changes)}", again)
    return side.good("firewall", "loaded as the kit wrote it")


def _changes(written: str, loaded: str) -> list[str]:
    """`- ` what is missing, `+ ` what is too much."""
    before, after = ([line.strip() for line in text.splitlines()] for text in (written, loaded))
    changes = unified_diff(before, after, lineterm="", n=0)
    return [line for line in changes if line[0] in "+-" and line[:3] not in ("+++", "---")]


def lan(case: Case) -> Iterator[Finding | Unseen]:
    """Whether what comes out of the tunnel is dropped on the source unless it is an answer."""
    if case.machine is None:
        return
    text, forwarding = case.source.text("firewall"), case.source.text("forwarding")
    if text is None and case.source.text("written") is None:
        return  # "firewall" says that it could not be seen
    chains = _chains(text or "")
    open_ = [name for name in ("input", "forward") if not any(_drops(line) for line in chains.get(name, ()))]
    routes = (
        "the source forwards for others, too" if (forwarding or "").strip() == "1" else "the source forwards nothing"
    )
    if not open_:
        yield case.source.good("lan", f"from the box come answers only; all else is dropped ({routes})")
        return
    remedy = f"systemctl restart zoffsite-{case.machine.name}-firewall.service"
    words = f"nothing drops what comes from the box in: {', '.join(open_)} ({routes})"
    yield case.source.critical("lan", words, remedy)


def _drops(line: str) -> bool:
    return line.startswith('iifname "zo-') and line.endswith(" drop")


def _chains(text: str) -> dict[str, list[str]]:
    chains: dict[str, list[str]] = {}
    name = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("chain "):
            name = line.split()[1]
        elif name:
            chains.setdefault(name, []).append(line)
    return chains


def started(case: Case) -> Iterator[Finding | Unseen]:
    """The kit's units run, and will after the next boot; nothing mounts what is received."""
    if case.machine is None:
        return
    name = case.machine.name
    yield _units(case.box, BOX_UNITS)
    yield _sshd(case.box)
    yield _units(case.source, (f"zoffsite-{name}-firewall.service", f"zoffsite-{name}-tunnel.service"))


def _sshd(side: Side) -> Finding | Unseen:
    text = side.text("units")
    if text is None:
        return side.unseen("units", "units")
    told = {name: unit for name, unit in units(text).items() if name in SSHD_UNITS}
    if not told:
        return side.blind("units", "its facts do not tell of sshd: run the kit's install again")
    if any((unit.active, unit.enabled) == ("active", "enabled") for unit in told.values()):
        return side.good("units", "sshd runs, and starts at boot", SSHD)
    name = next((name for name, unit in told.items() if unit.enabled), SSHD_UNITS[0])
    wrong = "will not start at boot" if any(unit.active == "active" for unit in told.values()) else "does not run"
    return side.critical("units", f"{name} {wrong}", f"on {side.name}: systemctl enable --now {name}", SSHD)


def _units(side: Side, wanted: tuple[str, ...]) -> Finding | Unseen:
    text = side.text("units")
    if text is None:
        return side.unseen("units", "units")
    there = units(text)
    wrong = []
    for name in wanted:
        unit = there.get(name)
        if name in MASKED:
            if unit is not None and (unit.active == "active" or unit.enabled not in ("masked", "")):
                wrong.append(f"{name} is not masked")
        elif unit is None or unit.active != "active":
            wrong.append(f"{name} does not run")
        elif unit.enabled != "enabled":
            wrong.append(f"{name} will not start at boot")
    if wrong:
        return side.critical("units", "; ".join(wrong), f"on {side.name}: the kit's install again")
    return side.good("units", "firewall, tunnel and timers run, and start at boot")
