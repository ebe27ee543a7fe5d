"""How large a send from a bookmark is, which no listing tells.

The snapshot of the bookmark is gone, so what is listed as written by the next one counts from an older snapshot, or is
all that there is. Only zfs itself can tell, by `zfs send -n`.
"""

from __future__ import annotations

from dataclasses import replace

from zoffsite.model.plan import DatasetPlan, ResumeSend, Send, SendStep

AT_MOST = "the size is the most that it can be, for what was written since a bookmark is not known yet"


def to_measure(plan: DatasetPlan) -> SendStep | None:
    """The step of `plan` whose size zfs must be asked: none but the first can start from a bookmark."""
    if not isinstance(plan, Send) or plan.steps[0].written is not None or not plan.steps[0].to.taken:
        return None
    return plan.steps[0]


def measured(plan: DatasetPlan, size: int | None) -> DatasetPlan:
    """`plan` with what zfs told; None where nothing could be asked, and then the plan says so if that matters."""
    if not isinstance(plan, Send) or plan.steps[0].written is not None:
        return plan
    first, *rest = plan.steps
    if size is None:
        return plan if isinstance(plan, ResumeSend) else replace(plan, reason=f"{plan.reason}; {AT_MOST}")
    left = first.estimated_bytes if isinstance(plan, ResumeSend) else size
    return replace(plan, steps=(replace(first, estimated_bytes=left, written=size), *rest))
