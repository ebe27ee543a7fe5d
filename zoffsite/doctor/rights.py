"""What the box's user may do by zfs, and what root's policy lets the keeper do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

from zoffsite.doctor.case import Case, Unseen, moment
from zoffsite.model.checkup import Finding
from zoffsite.views.words import duration_words
from zoffsite.zfs.excerpt import plain
from zoffsite.zfs.permissions import BOX_PERMISSIONS, allowed, parse_allow

RECEIVES = ({"create", "mount", "receive"}, {"create", "mount", "receive:append"})
"""What the kit delegates, by what this OpenZFS knows."""
READS = {"send"}
"""For restores and proofs; it gives no more than what the source has sent."""
WANTED = {"canmount": "off", "mountpoint": "none", "readonly": "on"}
LIMITS = ("filesystem_limit", "snapshot_limit")
UNLIMITED = ("none", "0", "18446744073709551615")
AGAIN = "on the box: the kit's install again"
QUOTA = "`quota` in the box's settings, then write the kit anew, and run its install on the box"
DULL = timedelta(hours=6)
"""The keeper looks every hour."""


def delegation(case: Case) -> Iterator[Finding | Unseen]:
    """Exactly what receiving needs, and nothing that destroys."""
    text = case.box.text("allow")
    if text is None:
        yield case.box.unseen("delegation", "allow")
        return
    user, root = case.job.box.user, case.job.root  # type: ignore[union-attr]  # a box, or nobody would ask
    has = set(allowed(parse_allow(text, case.box.name), user, root)) - READS
    wanted = RECEIVES if case.kit else (set(BOX_PERMISSIONS),)
    if has in wanted:
        yield case.box.good("delegation", f"{user} may {', '.join(sorted(has))}")
        return
    least = min(wanted, key=lambda each: len(each ^ has))
    missing, extra = sorted(least - has), sorted(has - least)
    words = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"may also {plain(', '.join(extra), 200)}"] * bool(extra)
    remedy = AGAIN if case.kit else f"on the box, as root: zfs allow {root}; docs/how-to/delegate-with-zfs-allow.md"
    judge = case.box.critical if (extra and case.kit) or missing else case.box.warning
    yield judge("delegation", f"{user} {' and '.join(words)}", remedy)


def properties(case: Case) -> Iterator[Finding | Unseen]:
    """Those of the root, which replicas inherit."""
    text = case.box.text("properties")
    if text is None:
        yield case.box.unseen("properties", "properties")
        return
    there = dict(line.partition("\t")[::2] for line in text.splitlines())
    wrong = [f"{name}={there.get(name, '?')}" for name, value in WANTED.items() if there.get(name) != value]
    if case.kit:
        wrong += [f"{name}={there.get(name, '?')}" for name in LIMITS if there.get(name, "none") in UNLIMITED]
        if there.get("com.sun:auto-snapshot") != "false":
            wrong.append("com.sun:auto-snapshot is not false")
        if there.get("quota", "none") in UNLIMITED:
            what = f"{case.job.root} has no quota: a thief of the source's key could fill the whole pool"
            yield case.box.warning("properties", what, QUOTA, "quota")
    if wrong:
        remedy = (
            AGAIN
            if case.kit
            else f"on the box, as root: zfs set canmount=off mountpoint=none readonly=on {case.job.root}"
        )
        yield case.box.warning("properties", ", ".join(wrong), remedy, case.job.root)
    else:
        yield case.box.good(
            "properties",
            "not to be mounted, read-only, with limits" if case.kit else "not to be mounted, read-only",
            case.job.root,
        )


def floor(case: Case) -> Iterator[Finding | Unseen]:
    """The keeper's policy against the settings, and against what the job wants to prune."""
    if case.account is None:
        return
    text = case.box.text("policy")
    if text is None:
        yield case.box.unseen("floor", "policy")
        return
    tree = json.loads(text)
    there, minimum = timedelta(days=float(tree["floor_days"])), int(tree["minimum"])
    wanted = case.account.floor
    words = f"nothing younger than {duration_words(there)} is destroyed, and {minimum} snapshots always stay"
    within = case.job.keep_box.within
    if there < wanted or minimum < case.account.minimum:
        should = f"the settings say {duration_words(wanted)} and {case.account.minimum}"
        yield case.box.critical("floor", f"{words}; {should}", "write the kit anew, and run its install on the box")
    elif within is not None and there > within:
        what = f"{words}; the job prunes after {duration_words(within)}, which the keeper will refuse"
        yield case.box.warning("floor", what, "make `floor` of the box the same on both sides: write the kit anew")
    else:
        yield case.box.good("floor", words)


def keeper(case: Case) -> Iterator[Finding | Unseen]:
    """Whether it still looks at what arrives."""
    if not case.kit:
        return
    text, clock = case.box.text("observed"), case.box.text("clock")
    if text is None or clock is None:
        yield case.box.unseen("keeper", "observed")
        return
    age = moment(clock) - moment(text)
    words = f"the keeper last looked {duration_words(max(age, timedelta(0)))} ago"
    if age > DULL:
        yield case.box.warning("keeper", words, "on the box: systemctl status zoffsite-keeper.timer")
    else:
        yield case.box.good("keeper", words)
