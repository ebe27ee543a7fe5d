"""Which of the job's hooks are run, and for which datasets."""

from __future__ import annotations

from collections.abc import Sequence

from zoffsite.model.errors import SettingsError
from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job
from zoffsite.model.patterns import covers
from zoffsite.model.plan import Conflict, HookPlan
from zoffsite.planning.choice import mistaken


def plan_hooks(job: Job, chosen: Sequence[DatasetState]) -> tuple[HookPlan, ...]:
    """The hooks of the datasets that this run is about, in the order of the settings.

    A hook's patterns take what is below a match too. A dataset that will be refused gets no snapshot, so no hook.
    """
    names = [s.dataset.name for s in chosen if s.dataset.encrypted and not mistaken(job, s.dataset)]
    plans = (
        HookPlan(hook=hook, datasets=tuple(name for name in names if covers(hook.datasets, name, recursive=True)))
        for hook in job.hooks
    )
    return tuple(plan for plan in plans if plan.datasets)


def check_hooks(job: Job, chosen: Sequence[DatasetState], gone: Sequence[Conflict] = ()) -> None:
    """Require that each pattern of each hook is about a dataset of the job, of all of them: `chosen` is not narrowed.

    A hook that is never run would freeze nothing, and nobody would know; of what is `gone` that is known. Raises
    SettingsError "hook-matches-nothing".
    """
    missed = [each.source for each in gone]
    names = [*(state.dataset.name for state in chosen), *missed]
    idle = [
        pattern
        for hook in job.hooks
        for pattern in hook.datasets
        if not covers(missed, pattern, recursive=True)
        and not any(covers((pattern,), name, recursive=True) for name in names)
    ]
    if idle:
        raise SettingsError(
            "choose",
            f"the hooks of job {job.name}",
            f"no dataset of the job is {', '.join(idle)}",
            f"see what there is: zfs list; then correct `datasets` in [[job.{job.name}.hooks]]",
            code="hook-matches-nothing",
        )
