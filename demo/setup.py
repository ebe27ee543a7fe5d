"""The first chapter: the kit sets up both machines, and what they let in and out is tried."""

from __future__ import annotations

from demo.kit import BOX, DISK, Kit
from demo.screen import check, say, step
from demo.setting import USER, Stage
from lab import Guest


def set_up(stage: Stage) -> None:
    """From a bare box to a gate that answers through the tunnel."""
    step("The kit: written from the settings, installed on both machines, paired")
    stage.write_settings(exclude=[])
    kit = Kit(stage.lab, stage.folder, USER, stage.zoffsite)
    kit.make_key()
    kit.write()
    _install(kit, stage.lab.source, "kit/source/install")
    say("       the folder kit/box is carried to the box, as on a stick")
    kit.carry()
    _install(kit, stage.lab.box, f"./install --disks {DISK}", "--disks", DISK)
    kit.pair()
    kit.await_settled()
    kit.await_gate()
    check("the box dialled in, and settled by itself: firewall, WireGuard, SSH", True)
    _try_doors(kit)


def _install(kit: Kit, guest: Guest, shown: str, *options: str) -> None:
    """Show what a person types, and how much it changed."""
    say(f"{guest.role}# {shown}")
    changed = [line for line in kit.install(guest, *options).splitlines() if line.endswith("changes made")]
    say(f"       {changed[0]}, each of them said")


def _try_doors(kit: Kit) -> None:
    """SSH is answered in the tunnel only, and there by the gate only."""
    source, box = kit.lab.source, kit.lab.box
    code, said = kit.ask("hello")
    check("through the tunnel the gate answers", code == 0 and said.startswith("zoffsite-gate"), said)
    refused = {request: kit.ask(f"'{request}'") for request in ("zfs list", "hello; id")}
    check(
        "it refuses whatever is not one of its verbs",
        all(code == 77 and "refused" in said for code, said in refused.values()),
        refused,
    )
    check("SSH is answered at the box's address inside the tunnel", _answers(source, BOX))
    check("and not outside of it", not _answers(source, box.address))


def _answers(guest: Guest, address: str) -> bool:
    """Whether a TCP connection to port 22 is taken."""
    return guest.try_run(["timeout", "3", "bash", "-c", f"exec 3<>/dev/tcp/{address}/22"]).code == 0
