"""What both sides have."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zoffsite.model.version import Bookmark, Snapshot
from zoffsite.planning.common_base import Base, Diverged, NothingThere, find_base

from .make import mark, replica, snap, source, there


def test_the_newest_of_the_box_is_the_base_when_the_source_has_it() -> None:
    assert find_base(source(snap(1), snap(2)), replica(there(1))) == Base(version=snap(1), replica=there(1))


def test_the_guid_decides_and_the_name_does_not() -> None:
    renamed = there(1, name="another-name")
    assert find_base(source(snap(1)), replica(renamed)) == Base(version=snap(1), replica=renamed)
    impostor = there(1, guid=999)
    assert isinstance(find_base(source(snap(1)), replica(impostor)), Diverged)


def test_incremental_is_possible_after_the_common_snapshot_was_destroyed() -> None:
    found = find_base(source(snap(2), bookmarks=[mark(1)]), replica(there(1)))
    assert found == Base(version=mark(1), replica=there(1))


def test_a_snapshot_is_preferred_to_its_bookmark() -> None:
    found = find_base(source(snap(1), bookmarks=[mark(1)]), replica(there(1)))
    assert isinstance(found, Base)
    assert found.version == snap(1)


def test_a_box_without_the_dataset_or_without_snapshots_has_nothing() -> None:
    assert find_base(source(snap(1)), None) == NothingThere()
    assert find_base(source(snap(1)), replica()) == NothingThere()


def test_a_snapshot_that_only_the_box_has_is_a_divergence_even_where_older_ones_are_common() -> None:
    found = find_base(source(snap(1), snap(3)), replica(there(1), there(2)))
    assert isinstance(found, Diverged)
    assert found.last_common == snap(1)
    assert list(found.unknown) == [there(2)]
    assert found.source == (snap(1), snap(3))
    assert list(found.replica) == [there(1), there(2)]


def test_without_anything_in_common_all_of_the_box_is_unknown() -> None:
    found = find_base(source(snap(3)), replica(there(1), there(2)))
    assert isinstance(found, Diverged)
    assert found.last_common is None
    assert list(found.unknown) == [there(1), there(2)]


numbers = st.sets(st.integers(1, 28))


@given(numbers, numbers, numbers)
def test_a_base_is_always_the_newest_of_the_box_and_a_divergence_is_always_true(
    on_source: set[int], marked: set[int], on_box: set[int]
) -> None:
    here = source(*map(snap, sorted(on_source)), bookmarks=[mark(number) for number in sorted(marked)])
    found = find_base(here, replica(*map(there, sorted(on_box))))
    match found:
        case NothingThere():
            assert not on_box
        case Base():
            assert found.version.guid == found.replica.guid == 100 + max(on_box)
            assert isinstance(found.version, Snapshot if max(on_box) in on_source else Bookmark)
        case Diverged():
            assert max(on_box) not in on_source | marked
            common = on_box & (on_source | marked)
            assert (found.last_common.guid if found.last_common else 100) == 100 + max(common, default=0)
