"""Which delegated permissions the user we run as lacks on a host; docs/how-to/delegate-with-zfs-allow.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from zoffsite.hosts.runner import Completed, Runner
from zoffsite.zfs import argv
from zoffsite.zfs.permissions import Grant, allow_line, allowed, parse_allow
from zoffsite.zfs.stderr import zfs_error


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacking:
    """`user` lacks `permissions` on `dataset`; `remedy` is the command for root on that host."""

    host: str
    user: str
    dataset: str
    permissions: tuple[str, ...]
    remedy: str


def lacking(runner: Runner, datasets: Sequence[str], needed: Sequence[str]) -> tuple[Lacking, ...]:
    """What is missing of `needed`, per dataset; what a parent's remedy gives is not said again of its children.

    Root lacks nothing. One command per dataset.
    """
    user, groups = _who(runner)
    if user == "root":
        return ()
    found: list[Lacking] = []
    for dataset in sorted(datasets):
        done = _checked(runner, argv.allow(dataset), dataset)
        grants = tuple(_as_own(grant, user, groups) for grant in parse_allow(done.stdout, runner.label))
        soon = {each for lack in found if dataset.startswith(f"{lack.dataset}/") for each in lack.permissions}
        missing = tuple(sorted(set(needed) - allowed(grants, user, dataset) - soon))
        if missing:
            remedy = allow_line(user, missing, dataset)
            found.append(Lacking(host=runner.label, user=user, dataset=dataset, permissions=missing, remedy=remedy))
    return tuple(found)


def _who(runner: Runner) -> tuple[str, frozenset[str]]:
    """The user we are there, by the host's own word, with all groups."""
    name = _checked(runner, ["id", "-un"], "id").stdout.strip()
    groups = _checked(runner, ["id", "-Gn"], "id").stdout.split()
    return name, frozenset(groups)


def _checked(runner: Runner, command: Sequence[str], subject: str) -> Completed:
    done = runner.run(command)
    if done.exit_code != 0:
        raise zfs_error("read the permissions of", subject, done.exit_code, done.stderr, runner.label)
    return done


def _as_own(grant: Grant, user: str, groups: frozenset[str]) -> Grant:
    """What a group of ours may do, we may do."""
    return replace(grant, kind="user", who=user) if grant.kind == "group" and grant.who in groups else grant
