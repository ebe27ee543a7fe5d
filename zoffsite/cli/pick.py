"""`zoffsite restore --path`: one file or folder back from the box."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.text import Text

from zoffsite.actions.pick import Pick, Picked, pick_out, preview_pick
from zoffsite.cli.backup import stopping_on_signals
from zoffsite.cli.context import console, job_of, print_json
from zoffsite.cli.progress import shown_progress
from zoffsite.cli.report import draw_notices
from zoffsite.cli.restore import Asked, keys_of, origin_of, rate_of, wanted_of
from zoffsite.config.loading import load
from zoffsite.hosts.connections import Connections
from zoffsite.model.errors import ExitCode, SettingsError
from zoffsite.model.job import Job
from zoffsite.model.restore import RestorePlan
from zoffsite.views.restore import picked_json, restore_plan_json
from zoffsite.views.words import size_words

SCRATCH = "zoffsite-path-"


def run_pick(
    name: str | None, asked: Asked, path: str, scratch: str | None, *, dry_run: bool, as_json: bool
) -> ExitCode:
    """Say what has to come for it; then, unless `dry_run`, have it come and copy it out."""
    settings, now = load(), datetime.now(UTC)
    asked_job, rate = job_of(settings, name), rate_of(asked)
    keys = keys_of(asked.key_files, ask=asked.ask_key or not asked.key_files) if not dry_run else keys_of((), ask=False)
    pick = _pick(asked, asked_job, path, scratch)
    with Connections() as hosts, origin_of(settings, asked_job, asked, hosts, now) as job:
        plan = preview_pick(job, pick, hosts)
        if not as_json:
            _draw_plan(job, pick, plan)
        if not dry_run:
            with stopping_on_signals(), shown_progress() as progress:
                picked = pick_out(job, pick, keys, hosts, progress, rate)
    if as_json:
        print_json(restore_plan_json(plan) if dry_run else _json(plan, picked))
    elif not dry_run:
        _draw(picked)
    return ExitCode.OK


def _pick(asked: Asked, job: Job, path: str, scratch: str | None) -> Pick:
    if not asked.to.startswith("/"):
        raise SettingsError(
            "restore to",
            asked.to,
            "with --path this is the folder that the copy goes into, and no whole path",
            "write it from the root: --to /root/rescued",
            code="bad-path",
        )
    to = scratch or f"{asked.dataset.partition('/')[0]}/{SCRATCH}{job.name}"
    return Pick(wanted=wanted_of(asked, to=to, alone=True), path=path, folder=asked.to)


def _draw_plan(job: Job, pick: Pick, plan: RestorePlan) -> None:
    out = console()
    (part,) = plan.datasets
    name = f"@{part.snapshot.name} of " if part.snapshot else ""
    words = f"{pick.path} of {part.dataset}, from {job.box.label}, into {pick.folder}"
    out.print(Text(words), soft_wrap=True)
    out.print(
        Text(
            f"For that all of {name}it has to come, about {size_words(plan.estimated_bytes)}, into {pick.wanted.to}, "
            "which is destroyed in the end."
        ),
        soft_wrap=True,
    )
    if part.remedy:
        out.print(Text(f"{part.reason}; {part.remedy}"), soft_wrap=True)
    draw_notices(out, [each for each in plan.notices if each.alert])  # the others are about what stays


def _json(plan: RestorePlan, picked: Picked) -> dict[str, object]:
    return picked_json(plan, picked.place, picked.entries, picked.bytes, picked.received)


def _draw(picked: Picked) -> None:
    count = f"{picked.entries} files, folders and links, {size_words(picked.bytes)}"
    console().print(Text(f"{picked.place}: {count}, as of @{picked.snapshot}"), soft_wrap=True)
