"""Is it the disk, whose is its import, and has it been away for too long?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from zoffsite.model.errors import ExitCode, OperationError, SafetyError
from zoffsite.model.job import Disk
from zoffsite.model.pool import Pool
from zoffsite.planning.disks import ALTROOT, absence, absence_error, find_pool, is_ours, still_imported, too_long

from .make import job

DISK = Disk(pool="usb", guid=42, absent_after=timedelta(days=35))
SEEN = datetime(2026, 10, 1, 3, 0, tzinfo=UTC)


def pool(name: str = "usb", guid: int = 42, altroot: str | None = None) -> Pool:
    return Pool(name=name, guid=guid, altroot=altroot)


def test_the_guid_finds_it() -> None:
    assert find_pool(DISK, [pool("tank", 1), pool()]) == pool()
    assert find_pool(DISK, [pool("tank", 1)]) is None


def test_another_pool_of_its_name_is_refused() -> None:
    with pytest.raises(SafetyError) as caught:
        find_pool(DISK, [pool(guid=43)])
    assert (caught.value.code, caught.value.exit_code) == ("another-pool", ExitCode.REFUSED)
    assert "43, not 42" in caught.value.problem
    assert "zpool export usb" in caught.value.remedy


def test_a_disk_of_another_name_is_an_error_that_says_both_ways_out() -> None:
    with pytest.raises(OperationError) as caught:
        find_pool(DISK, [pool("offline")])
    assert caught.value.code == "disk-renamed"
    assert 'root = "offline/…"' in caught.value.remedy
    assert "zpool import -N 42 usb" in caught.value.remedy


def test_only_an_import_with_our_altroot_is_ours() -> None:
    assert is_ours(pool(altroot=ALTROOT))
    assert not is_ours(pool())
    assert not is_ours(pool(altroot="/mnt"))


def test_it_may_be_away_exactly_as_long_as_it_may() -> None:
    assert not too_long(DISK, SEEN, SEEN + timedelta(days=35))
    assert too_long(DISK, SEEN, SEEN + timedelta(days=35, seconds=1))


def test_an_absence_is_a_notice_at_first_and_then_an_error_with_the_same_code() -> None:
    notice, error = absence(job(), DISK, SEEN), absence_error(job(), DISK, SEEN, overdue=True)
    assert (notice.code, notice.alert, error.code) == ("disk-absent", False, "disk-absent")
    assert error.exit_code is ExitCode.UNREACHABLE
    assert notice.message == "it is not attached; it was last seen on 2026-10-01 03:00 UTC"
    assert error.problem == f"{notice.message}, more than 35 days ago"
    assert notice.remedy == error.remedy == "attach it, then: zoffsite backup --job home"


def test_a_disk_that_could_not_be_exported_is_not_to_be_pulled_out() -> None:
    notice = still_imported(DISK, "pool is busy")
    assert (notice.code, notice.alert) == ("disk-still-imported", False)
    assert "do not pull it out" in notice.message
