"""What there is on this machine, before there are any settings."""

from __future__ import annotations

from zoffsite.hosts.commands import Commands
from zoffsite.hosts.local import LocalRunner
from zoffsite.planning.first_choice import Offer, offer
from zoffsite.zfs import argv
from zoffsite.zfs.parse import parse_inventory


def look_around() -> Offer:
    """The datasets of all pools of this machine. Raises OperationError where zfs cannot be asked."""
    zfs = Commands(LocalRunner())
    done = zfs.do("list", "the datasets of this machine", argv.list_all_datasets())
    found = parse_inventory(done.stdout, zfs.label).datasets
    return offer({name: state.dataset for name, state in found.items()})
