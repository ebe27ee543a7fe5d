from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from zoffsite.model.proof import Proofs, Unit
from zoffsite.model.snapshots import Snapshots
from zoffsite.planning.coverage import Coverage

from .blocks import LAST, Block, blocks, stream
from .make import REPLICA, snap

START = datetime(2027, 1, 1, tzinfo=UTC)
NUMBERS = st.integers(0, LAST)


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def since(proved: dict[tuple[int, int], int], base: int, to: int, differed: int | None = None) -> datetime | None:
    """By proofs of (base, to) on a day."""
    last: dict[Unit, datetime] = {(REPLICA, *each): day(when) for each, when in proved.items()}
    known = Proofs(last=last, differed={} if differed is None else {REPLICA: day(differed)})
    return Coverage(known).since((REPLICA, base, to))


def test_the_next_oldest_is_proved_in_full_by_what_led_to_it_as_of_the_older_of_both() -> None:
    assert since({(0, 1): 5, (1, 2): 3, (2, 3): 4}, 0, 3) == day(3)
    assert since({(0, 1): 5, (1, 2): 3, (2, 3): 4}, 1, 3) == day(3)
    assert since({(0, 1): 5, (2, 3): 4}, 0, 3) is None
    assert since({(1, 2): 3, (2, 3): 4}, 0, 3) is None


def test_a_proof_of_its_own_counts_where_it_is_newer_and_the_best_way_where_there_are_several() -> None:
    assert since({(0, 1): 5, (1, 2): 3, (0, 2): 4}, 0, 2) == day(4)
    assert since({(0, 1): 5, (1, 2): 6, (0, 2): 4}, 0, 2) == day(5)
    assert since({(0, 1): 5, (1, 3): 1, (1, 2): 4, (2, 3): 4}, 0, 3) == day(4)


def test_what_was_proved_before_a_difference_is_put_together_no_more() -> None:
    steps = {(0, 1): 5, (1, 2): 6}
    assert since(steps, 0, 2, differed=4) == day(5)
    assert since(steps, 0, 2, differed=5) is None
    assert since(steps, 0, 1, differed=6) == day(5)


@given(blocks(), st.dictionaries(st.tuples(NUMBERS, NUMBERS).filter(lambda each: each[0] < each[1]), st.integers(0, 9)))
def test_whatever_is_said_to_be_proved_each_block_of_it_was_in_a_stream_that_was_proved_then_or_later(
    world: set[Block], proved: dict[tuple[int, int], int]
) -> None:
    for base in range(LAST):
        for to in range(base + 1, LAST + 1):
            when = since(proved, base, to)
            if when is None:
                continue
            seen = [stream(world, *each) for each, on in proved.items() if day(on) >= when]
            assert stream(world, base, to) <= set[Block]().union(*seen)


@given(st.sets(st.integers(1, LAST), min_size=1))
def test_whatever_is_pruned_of_what_was_proved_all_that_is_left_stays_proved(left: set[int]) -> None:
    proved = dict.fromkeys(pairwise(range(LAST + 1)), 1)
    for base, to in pairwise((0, *sorted(left))):
        assert since(proved, base, to) == day(1)


def test_all_that_was_there_at_that_time_was_proved_since() -> None:
    def all_since(*proofs: tuple[int, int, datetime]) -> datetime | None:
        last = {(REPLICA, base and 100 + base, 100 + to): when for base, to, when in proofs}
        return Coverage(Proofs(last=last)).all_since(REPLICA, Snapshots.of((snap(1), snap(2), snap(3))))

    taken = datetime.fromtimestamp(snap(3).creation, UTC)
    full, first, second = (0, 1, day(3)), (1, 2, day(2)), (2, 3, day(4))
    assert all_since(full, first, second) == day(2)
    assert all_since(full, first) == min(taken, day(2)) == taken
    assert all_since(first, second) is None
    assert Coverage(Proofs()).all_since(REPLICA, Snapshots.of(())) is None
