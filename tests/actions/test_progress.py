"""Bytes, rate and remaining time."""

from __future__ import annotations

from zoffsite.actions.progress import Meter, MeteredProgress


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_meter_says_how_much_how_fast_and_how_long_still() -> None:
    clock = Clock()
    meter = Meter(total=4 << 20, clock=clock)
    clock.now += 2
    meter.done = 1 << 20
    assert meter.percent == 25
    assert meter.words() == "1.0 MiB of 4.0 MiB (25 %), 512.0 KiB/s, 6 s left"


def test_an_estimate_that_was_too_small_never_shows_more_than_all() -> None:
    meter = Meter(total=10)
    meter.done = 20
    assert meter.percent == 100
    assert "left" not in meter.words()


def test_progress_is_drawn_at_the_end_with_what_really_went() -> None:
    drawn: list[tuple[str, int, int, bool]] = []
    progress = MeteredProgress(
        lambda name, meter, last: drawn.append((name, meter.done, meter.total, last)), every=3600
    )
    progress.start("tank/a", 100)
    progress.advance("tank/a", 30)
    progress.advance("tank/a", 30)
    progress.finish("tank/a", complete=True)
    assert drawn == [("tank/a", 60, 60, True)]


def test_a_transfer_that_broke_off_is_not_drawn_as_complete() -> None:
    drawn: list[float] = []
    progress = MeteredProgress(lambda _name, meter, _last: drawn.append(meter.percent), every=3600)
    progress.start("tank/a", 100)
    progress.advance("tank/a", 30)
    progress.finish("tank/a", complete=False)
    assert drawn == [30]


def test_progress_is_drawn_on_the_way_when_it_is_time() -> None:
    drawn: list[bool] = []
    progress = MeteredProgress(lambda _name, _meter, last: drawn.append(last), every=0)
    progress.start("tank/a", 100)
    progress.advance("tank/a", 30)
    progress.finish("tank/a", complete=True)
    assert drawn == [False, True]
