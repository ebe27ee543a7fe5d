"""The kit: one folder for each machine, with everything that its `install` puts there. docs/reference/kit.md."""

from __future__ import annotations

from zoffsite.box import access, boot, card, nftables, readme, sshd, systemd, unlock, wireguard
from zoffsite.box.entry import Entry, Files, shell_settings
from zoffsite.box.parts import program, script
from zoffsite.box.spec import INTERFACE, LIBRARY, Spec


def kit(spec: Spec) -> Files:
    """Every file of both folders, by its path in the kit. Nothing in them is secret."""
    return {
        **_folder("box", spec, box_files(spec), _box_conf(spec)),
        "box/accounts": access.accounts(spec),
        "box/CARD.html": card.card(spec),
        **_folder("source", spec, source_files(spec), _source_conf(spec)),
    }


def box_files(spec: Spec) -> Files:
    """What is put on the box, by its path there."""
    keys = {f"{sshd.KEYS}/{each.user}": sshd.authorized_keys(spec, each.user) for each in spec.machine.accounts}
    return {
        "/etc/zoffsite/firewall.nft": nftables.box_firewall(spec),
        "/etc/zoffsite/tunnel/tunnel.conf": wireguard.box_end(spec),
        "/etc/zoffsite/sshd.conf": sshd.sshd(spec),
        "/etc/zoffsite/policy.json": access.policy(spec),
        "/etc/zoffsite/kit.conf": _box_conf(spec),
        **keys,
        "/etc/sudoers.d/zoffsite": access.sudoers(spec),
        f"{LIBRARY}/gate": _executable(program("gate")),
        f"{LIBRARY}/keeper": _executable(program("keeper")),
        f"{LIBRARY}/facts": _executable(program("facts")),
        f"{LIBRARY}/digest": _executable(program("digest", "zoffsite.stream")),
        f"{LIBRARY}/tunnel": _executable(script("tunnel")),
        f"{LIBRARY}/settle": _executable(script("settle")),
        **systemd.box_units(spec),
        **boot.boot_files(),
        **unlock.unlock_box_files(spec),
    }


def source_files(spec: Spec) -> Files:
    """What is put on the source, by its path there. Every name has the box's in it: there may be several."""
    return {
        f"/etc/zoffsite/firewall-{spec.name}.nft": nftables.source_firewall(spec),
        f"/etc/zoffsite/tunnel-{spec.name}/tunnel.conf": wireguard.source_end(spec),
        f"{LIBRARY}/tunnel-{spec.name}": _executable(script("tunnel")),
        **systemd.source_units(spec, nftables.source_table(spec)),
        **unlock.unlock_source_files(spec),
    }


def _folder(side: str, spec: Spec, files: Files, conf: Entry) -> Files:
    manifest = "".join(f"{entry.mode:04o} {entry.owner} {path}\n" for path, entry in files.items())
    return {
        f"{side}/install": _executable(script(f"install-{side}")),
        f"{side}/common": Entry(text=script("common")),
        f"{side}/kit.conf": conf,
        f"{side}/manifest": Entry(text=manifest),
        f"{side}/README": readme.readme(side, spec),
        **{f"{side}/files{path}": entry for path, entry in files.items()},
    }


def _box_conf(spec: Spec) -> Entry:
    text = shell_settings(
        "What the kit's scripts know of this box.",
        name=spec.name,
        interface=INTERFACE,
        units=" ".join(systemd.SETTLED),
        timers=" ".join(systemd.TIMERS),
        pools=" ".join(spec.pools),
    )
    return Entry(text=text)


def _source_conf(spec: Spec) -> Entry:
    text = shell_settings(
        "What the kit's scripts know of this source.",
        name=spec.name,
        port=str(spec.machine.port),
        units=" ".join(systemd.source_unit_names(spec)),
    )
    return Entry(text=text)


def _executable(text: str) -> Entry:
    return Entry(text=text, mode=0o755)
