"""The bandwidth limit, by counting and a clock that is only a number."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from zoffsite.hosts.limiter import BURST, SMALLEST, Limiter
from zoffsite.hosts.runner import MIB


class Clock:
    """Time passes only by waiting."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


def test_without_a_limit_nothing_waits() -> None:
    assert Limiter(None).delay(1 << 40) == 0


@given(
    rate=st.integers(1_000, 1_000_000_000),
    sizes=st.lists(st.integers(1, MIB), min_size=2, max_size=200),
)
def test_no_more_than_the_rate_goes_through_in_any_stretch_of_time(rate: int, sizes: list[int]) -> None:
    clock = Clock()
    limiter = Limiter(rate, clock=clock, wait=clock.wait)
    went: list[tuple[float, int]] = []
    for size in sizes:
        limiter.take(size)
        went.append((clock.now, size))
    for first, last in itertools.combinations(range(len(went)), 2):
        stretch = went[last][0] - went[first][0]
        sent = sum(size for _, size in went[first:last])
        assert sent <= rate * (stretch + BURST) + 1


def test_the_line_is_used_fully_by_several_together() -> None:
    clock = Clock()
    limiter = Limiter(1000, clock=clock)
    delays = [limiter.delay(500) for _ in range(21)]
    assert max(delays) == 20 * 500 / 1000


def test_an_idle_time_is_not_saved_up() -> None:
    clock = Clock()
    limiter = Limiter(1000, clock=clock)
    clock.now += 3600
    assert limiter.delay(1000) == 0
    assert limiter.delay(1) == 1.0 - BURST


def test_pieces_are_small_on_a_slow_line_and_large_on_a_fast_one() -> None:
    assert Limiter(1).piece == SMALLEST
    assert Limiter(1_000_000).piece == 250_000
    assert Limiter(10**9).piece == Limiter(None).piece == MIB
