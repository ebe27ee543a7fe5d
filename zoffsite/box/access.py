"""What the box's users may do beyond receiving: call the keeper, which obeys root's policy alone."""

from __future__ import annotations

import json

from zoffsite.box.entry import Entry
from zoffsite.box.spec import Spec

KEEPER = "/usr/local/lib/zoffsite/keeper"


def sudoers(spec: Spec) -> Entry:
    """One program, which takes no word on trust. `!fqdn`: a box whose DNS is away must not wait for it."""
    lines = [f"{account.user} ALL=(root) NOPASSWD: {KEEPER}" for account in spec.machine.accounts]
    return Entry(text="\n".join(["# Written by the kit.", "Defaults !fqdn", *lines, ""]), mode=0o440)


def policy(spec: Spec) -> Entry:
    """policy.json, which gate and keeper read: each user's root, and what may be destroyed there."""
    users = {
        account.user: {
            "root": account.root,
            "floor_days": account.floor.total_seconds() / 86400,
            "minimum": account.minimum,
        }
        for account in spec.machine.accounts
    }
    return Entry(text=json.dumps({"users": users}, indent=2) + "\n")


def accounts(spec: Spec) -> Entry:
    """A line for each user: name, root, quota, limits. `install` reads it. A blank cannot be in any of them."""
    rows = [
        f"{each.user} {each.root} {each.quota or 'none'} {each.filesystem_limit} {each.snapshot_limit}"
        for each in spec.machine.accounts
    ]
    return Entry(text="\n".join([*rows, ""]))
