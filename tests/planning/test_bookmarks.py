"""What remembers the base."""

from __future__ import annotations

from zoffsite.planning.bookmarks import bookmark_name, is_our_bookmark, superseded, to_bookmark

from .make import JOB, job, mark, snap, source


def test_the_name_carries_the_whole_guid() -> None:
    assert bookmark_name(JOB, 2**64 - 1) == "zoffsite-home-ffffffffffffffff"
    assert bookmark_name(JOB, 1) == "zoffsite-home-0000000000000001"


def test_a_job_never_takes_another_jobs_bookmark_for_its_own() -> None:
    more = bookmark_name(job(name="home-more"), 5)
    assert not is_our_bookmark(JOB, more)
    assert is_our_bookmark(job(name="home-more"), more)
    assert not is_our_bookmark(job(name="h.me"), bookmark_name(JOB, 5))


def test_only_our_older_bookmarks_are_superseded() -> None:
    state = source(snap(3), bookmarks=[mark(1), mark(2), mark(2, name="mine"), mark(3)])
    assert superseded(JOB, state, 103) == (mark(1), mark(2))


def test_a_foreign_bookmark_is_no_reason_not_to_make_ours() -> None:
    assert to_bookmark(JOB, source(snap(1), bookmarks=[mark(1, name="mine")]), 101) == snap(1)
    assert to_bookmark(JOB, source(snap(1), bookmarks=[mark(1)]), 101) is None


def test_where_the_snapshot_is_gone_ours_is_made_from_the_bookmark_of_another() -> None:
    """Else the next increment would depend on whether that other one cleans up."""
    theirs = mark(1, name=bookmark_name(job(name="other"), 101))
    assert to_bookmark(JOB, source(snap(2), bookmarks=[theirs]), 101) == theirs
    assert to_bookmark(JOB, source(snap(2), bookmarks=[theirs, mark(1)]), 101) is None
    assert to_bookmark(JOB, source(snap(2)), 101) is None
