"""How a replica stands when the source cannot be asked: by what the box says of itself, which nobody can verify."""

from __future__ import annotations

from datetime import datetime

from zoffsite.model.checkup import Word
from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job
from zoffsite.model.status import ReplicaStatus
from zoffsite.planning.freshness import judge, objective_of, taken_at


def by_box(job: Job, source: str, replica: str, there: DatasetState | None, now: datetime) -> ReplicaStatus:
    """The replica of the dataset `source`, as old as its newest snapshot: what was written since, nobody knows.

    A time in the future counts as none.
    """
    newest = there.newest if there else None
    taken = taken_at(newest, None, now) if newest else None
    objective = objective_of(job, source)
    return ReplicaStatus(
        source=source,
        replica=replica,
        newest=newest.name if newest else None,
        guid=newest.guid if newest else None,
        taken=taken,
        as_of=taken,
        used=there.dataset.used if there else 0,
        freshness=judge(now - taken if taken else None, objective),
        objective=objective,
        base=None,
        error=None,
        referenced=newest.referenced if newest else 0,
        word=Word.BOX,
    )
