"""What a dataset itself says about being backed up: its user property `zoffsite:backup`, its own or inherited.

`on`, `off`, or the names of jobs with commas between. A name that no job has is a mistake unless this job is named too:
a dataset must not be left out by a slip of the pen.
"""

from __future__ import annotations

from shlex import quote

from zoffsite.model.dataset import CHOICE, Dataset
from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job
from zoffsite.model.plan import Refused

ON, OFF = "on", "off"


def opted_in(job: Job, dataset: Dataset) -> bool:
    """The dataset asks for this job."""
    return dataset.choice == ON or job.name in _names(dataset)


def opted_out(job: Job, dataset: Dataset) -> bool:
    """The dataset asks for no job, or only for others."""
    return dataset.choice == OFF or bool(dataset.choice and not opted_in(job, dataset) and not mistaken(job, dataset))


def mistaken(job: Job, dataset: Dataset) -> bool:
    """Nobody can tell what the dataset asks for."""
    if dataset.choice in ("", ON, OFF) or opted_in(job, dataset):
        return False
    return not _names(dataset) <= {job.name, *job.siblings}


def refused_choice(job: Job, source: DatasetState, replica: str) -> Refused | None:
    """The plan for a dataset whose choice is a mistake."""
    dataset = source.dataset
    if not mistaken(job, dataset):
        return None
    name = quote(dataset.name)
    known = ", ".join(sorted({job.name, *job.siblings}))
    return Refused(
        source=dataset.name,
        replica=replica,
        code="bad-choice",
        reason=f'its property {CHOICE} says "{dataset.choice}": neither on nor off nor a list of jobs ({known})',
        remedy=f"zfs set {CHOICE}=on {name}, or take back what it says itself: zfs inherit {CHOICE} {name}",
    )


def _names(dataset: Dataset) -> set[str]:
    return {name.strip() for name in dataset.choice.split(",")}
