"""What surely does not fit is refused, what could fit never is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from zoffsite.model.inventory import DatasetState, Inventory
from zoffsite.model.plan import (
    FullSend,
    IncrementalSend,
    PrunePlan,
    Refused,
    ResumeSend,
    SendStep,
    Side,
    UpToDate,
)
from zoffsite.model.snapshots import Snapshots
from zoffsite.model.version import NOT_TAKEN, Version
from zoffsite.model.work import Work
from zoffsite.planning.space import MOST_ASKED, fits, least, refuse_what_does_not_fit, room, to_ask

from .make import REPLICA, job, mark, replica, replica_dataset, snap, source, there


def step(number: int, size: int, base: Version | None = None, **changes: Any) -> SendStep:
    return SendStep(to=snap(number, **changes), base=base, estimated_bytes=size)


def full(name: str, *steps: SendStep, **changes: Any) -> Work:
    plan = FullSend(source=name, replica=f"vault/box/{name}", steps=steps, reason="")
    return Work(plan=plan, source=source(name=name), replica=None, **changes)


def incremental(*steps: SendStep, available: int = 10**9) -> Work:
    plan = IncrementalSend(source="tank/home", replica=REPLICA, steps=steps, reason="")
    return Work(plan=plan, source=source(snap(1)), replica=replica(there(1), available=available))


def codes(works: list[Work], available: int, needs: Mapping[str, int]) -> list[str]:
    done = refuse_what_does_not_fit(job(root="vault/box"), works, available, needs, {})
    return [work.plan.code if isinstance(work.plan, Refused) else work.plan.action for work in done]


def box(*available: int) -> Inventory:
    states = (DatasetState(dataset=replica_dataset(f"vault/box/{n}", available=a)) for n, a in enumerate(available))
    return Inventory(host="box", datasets={state.dataset.name: state for state in states})


def test_the_room_is_the_most_that_any_dataset_says_less_the_reserve() -> None:
    assert room(job(reserve=10), box(20, 100, 40)) == 90
    assert room(job(reserve=10), box(3)) == -7


def test_what_fits_by_the_listing_to_the_last_byte_needs_no_question() -> None:
    works = [full("a", step(1, 40)), incremental(step(2, 60, snap(1)))]
    assert fits(works, 100)
    assert not fits(works, 99)


def test_nothing_to_send_fits_even_where_nothing_is_left() -> None:
    plan = UpToDate(source="a", replica="b", newest=snap(1), reason="")
    assert fits([Work(plan=plan, source=source(), replica=replica())], -5)


def test_a_quota_of_the_replica_alone_counts_too() -> None:
    work = incremental(step(2, 60, snap(1)), available=59)
    assert not fits([work], 1000)
    assert codes([work], 1000, {"tank/home": 60}) == ["no-space"]
    (refused,) = refuse_what_does_not_fit(job(), [work], 1000, {"tank/home": 60}, {})
    assert isinstance(refused.plan, Refused)
    assert f"only 59 Bytes are left below {REPLICA}" in refused.plan.reason


def test_one_that_does_not_fit_is_refused_and_those_after_it_that_fit_go_on() -> None:
    works = [full("a", step(1, 0)), full("b", step(1, 0)), full("c", step(1, 0))]
    assert codes(works, 100, {"a": 60, "b": 41, "c": 40}) == ["full", "no-space", "full"]


def test_what_is_refused_already_takes_no_room_and_stays_as_it_is() -> None:
    plan = Refused(source="a", replica="b", code="not-encrypted", reason="", remedy="")
    works = [Work(plan=plan, source=source(), replica=None), full("c", step(1, 0))]
    assert codes(works, 40, {"a": 60, "c": 40}) == ["not-encrypted", "full"]


def test_the_words_have_the_figures_and_what_retention_frees() -> None:
    snapshots = Snapshots.of([there(1), there(3)])
    prune = PrunePlan(side=Side.BOX, dataset=REPLICA, snapshots=snapshots, reasons={1: ("newest",)})
    work = incremental(step(2, 0, snap(1)))
    (refused,) = refuse_what_does_not_fit(
        job(root="vault/box", reserve=2048), [work], 1024, {"tank/home": 4096}, {"tank/home": prune}
    )
    assert isinstance(refused.plan, Refused)
    reason = "it takes at least 4.0 KiB, but only 1.0 KiB are left below vault/box beside the reserve of 2.0 KiB"
    assert refused.plan.reason == reason
    assert "zfs list -o space -r vault/box" in refused.plan.remedy
    assert "a run destroys the 1 snapshots there that retention keeps no longer" in refused.plan.remedy


def test_only_snapshots_that_are_taken_are_asked_of_and_not_too_many() -> None:
    pending = step(2, 70, snap(1), guid=NOT_TAKEN)
    assert to_ask(full("a", step(1, 50), pending).plan) == [step(1, 50)]
    assert len(to_ask(full("a", *(step(n, 1) for n in range(1, 500))).plan)) == MOST_ASKED
    resumed = ResumeSend(source="a", replica="b", token="1", steps=(step(1, 9), step(2, 8)), reason="")
    assert to_ask(resumed) == [step(2, 8)]


def test_a_tenth_of_a_stream_may_be_headers() -> None:
    plan = full("a", step(1, 10**6), step(2, 10**6)).plan
    assert least(plan, {101: 1000, 102: 500}) == 1350


def test_what_cannot_be_told_counts_nothing() -> None:
    assert least(full("a", step(1, 10**6), step(2, 10**6)).plan, {102: 1000}) == 900
    after_bookmark = incremental(step(2, 10**6, mark(1), guid=NOT_TAKEN)).plan
    assert least(after_bookmark, {}) == 0  # its `written` counts from whatever snapshot is left before it


def test_what_is_left_of_an_interrupted_receive_counts_as_the_token_tells() -> None:
    plan = ResumeSend(source="a", replica="b", token="1", steps=(step(1, 1000), step(2, 10**6)), reason="")
    assert least(plan, {102: 500}) == 1350


@given(needs=st.lists(st.integers(0, 100), min_size=1, max_size=8), available=st.integers(-50, 400))
def test_granted_together_never_exceed_the_room_and_none_is_refused_that_fits(needs: list[int], available: int) -> None:
    works = [full(f"d{number}", step(1, 0)) for number in range(len(needs))]
    seen = codes(works, available, {f"d{number}": need for number, need in enumerate(needs)})
    left = available
    for need, action in zip(needs, seen, strict=True):
        assert (action == "full") == (need <= left)
        left -= need if action == "full" else 0
