"""Where on the source its part of the kit is."""

from __future__ import annotations

from zoffsite.box.facts import Place
from zoffsite.box.nftables import source_table
from zoffsite.box.spec import Spec
from zoffsite.box.systemd import source_unit_names
from zoffsite.config.machines import Machine


def place_on_source(machine: Machine | None, pools: tuple[str, ...]) -> Place:
    """As zoffsite/box/kit.py writes it; without a kit only what every machine has is asked."""
    if machine is None:
        return Place(pools=pools, units=())
    spec = Spec(machine=machine, keys={})
    return Place(
        pools=pools,
        interface=spec.source_interface,
        conf=f"/etc/zoffsite/tunnel-{machine.name}",
        unlock=f"/etc/zoffsite/unlock-{machine.name}",
        table=source_table(spec),
        firewall=f"/etc/zoffsite/firewall-{machine.name}.nft",
        units=source_unit_names(spec),
    )
