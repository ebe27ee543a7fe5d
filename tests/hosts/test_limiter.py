"""The bandwidth limit, by counting and a clock that is only a number."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoffsite.hosts.limiter import BURST, LOOK, SMALLEST, Limiter
from zoffsite.hosts.runner import MIB


class Clock:
    """Time passes only by waiting. `changes` gives the rate from each time on."""

    def __init__(self, *changes: tuple[float, int | None]) -> None:
        self.now = 1000.0
        self.changes = changes

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def rate(self) -> int | None:
        """The rate of now: that of the last change, counted from the start."""
        return [rate for after, rate in self.changes if self.now >= 1000.0 + after][-1]


def always(rate: int | None) -> Callable[[], int | None]:
    return lambda: rate


def moments(limiter: Limiter, clock: Clock, sizes: list[int]) -> list[float]:
    """When each of these sizes went, counted from the start."""
    went = []
    for size in sizes:
        limiter.take(size)
        went.append(clock.now - 1000.0)
    return went


def test_without_a_limit_nothing_waits() -> None:
    limiter = Limiter(always(None))
    assert [limiter.delay(limiter.book(1 << 40)) for _ in range(3)] == [0, 0, 0]


@given(
    rate=st.integers(1_000, 1_000_000_000),
    sizes=st.lists(st.integers(1, MIB), min_size=2, max_size=100),
)
def test_no_more_than_the_rate_goes_through_in_any_stretch_of_time(rate: int, sizes: list[int]) -> None:
    clock = Clock((0, rate))
    went = moments(Limiter(clock.rate, clock=clock, wait=clock.wait), clock, sizes)
    for first, last in itertools.combinations(range(len(went)), 2):
        assert sum(sizes[first:last]) <= rate * (went[last] - went[first] + BURST) * (1 + 1e-9) + 1


@given(
    rates=st.lists(st.one_of(st.none(), st.integers(10_000, 10_000_000)), min_size=2, max_size=6),
    sizes=st.lists(st.integers(1, MIB), min_size=2, max_size=60),
)
def test_changing_rates_never_let_more_through_than_the_highest_of_the_time(
    rates: list[int | None], sizes: list[int]
) -> None:
    clock = Clock(*((7.0 * number, rate) for number, rate in enumerate(rates)))
    went = moments(Limiter(clock.rate, clock=clock, wait=clock.wait), clock, sizes)
    for first, last in itertools.combinations(range(len(went)), 2):
        begin, end = went[first], went[last]
        meanwhile = [rate for n, rate in enumerate(rates) if 7.0 * n <= end and (7.0 * (n + 1) > begin - LOOK)]
        meanwhile += rates[-1:]
        limits = [rate for rate in meanwhile if rate is not None]
        if len(limits) == len(meanwhile):
            assert sum(sizes[first:last]) <= max(limits) * (end - begin + BURST) * (1 + 1e-9) + 1


def test_the_line_is_used_fully_by_several_together() -> None:
    clock = Clock()
    limiter = Limiter(always(1000), clock=clock)
    places = [limiter.book(500) for _ in range(21)]
    assert max(limiter.delay(place) for place in places) == 20 * 500 / 1000


def test_an_idle_time_is_not_saved_up() -> None:
    clock = Clock()
    limiter = Limiter(always(1000), clock=clock)
    clock.now += 3600
    assert limiter.delay(limiter.book(1000)) == 0
    assert limiter.delay(limiter.book(1)) == 1.0 - BURST


@pytest.mark.parametrize("after", [None, 1_000_000])
def test_whoever_waits_for_a_slow_line_goes_within_a_second_of_its_end(after: int | None) -> None:
    clock = Clock((0, 1000), (10, after))
    limiter = Limiter(clock.rate, clock=clock, wait=clock.wait)
    went = moments(limiter, clock, [100_000, 100_000, 100_000])  # at the first rate: after 100 and 200 seconds
    assert went[0] == 0
    assert 10 <= went[1] <= 10 + LOOK + 0.1
    assert went[2] <= went[1] + 0.2


@pytest.mark.parametrize("before", [None, 1_000_000])
def test_a_limit_that_begins_holds_from_the_next_piece_on(before: int | None) -> None:
    clock = Clock((0, before), (10, 1000))
    limiter = Limiter(clock.rate, clock=clock, wait=clock.wait)
    limiter.take(1000)
    clock.now += 20
    went = moments(limiter, clock, [1000] * 5)
    assert went[0] == 20
    gaps = [later - earlier for earlier, later in itertools.pairwise(went)]
    assert gaps == pytest.approx([1 - BURST, 1, 1, 1] if before else [1, 1, 1, 1])


def test_a_limit_comes_and_goes_as_often_as_it_likes() -> None:
    clock = Clock((0, 1000), (5, None), (6, 1000), (16, 500))
    limiter = Limiter(clock.rate, clock=clock, wait=clock.wait)
    assert moments(limiter, clock, [10_000, 1_000, 1_000]) == pytest.approx([0, 5, 5], abs=LOOK)
    clock.now = 1010.0
    assert moments(limiter, clock, [2_000, 4_000, 1_000]) == pytest.approx([10, 12, 16])
    assert moments(limiter, clock, [500, 500]) == pytest.approx([18, 19])


def test_a_stop_ends_the_waiting() -> None:
    waited = list[float]()

    def stopped(seconds: float) -> bool:
        waited.append(seconds)
        return True

    limiter = Limiter(always(1), clock=Clock(), wait=stopped)
    limiter.take(1000)
    limiter.take(1000)
    assert waited == [LOOK]


def test_pieces_are_small_on_a_slow_line_and_large_on_a_fast_one() -> None:
    assert Limiter(always(1)).piece == SMALLEST
    assert Limiter(always(1_000_000)).piece == 250_000
    assert Limiter(always(10**9)).piece == Limiter(always(None)).piece == MIB
