"""What `zpool` says of a removable disk."""

from __future__ import annotations

from datetime import timedelta

import pytest

from zoffsite.model.errors import OperationError, SettingsError
from zoffsite.model.job import Disk
from zoffsite.model.pool import Pool
from zoffsite.zfs import argv
from zoffsite.zfs.pools import carried_error, import_error, is_absent, parse_pools

DISK = Disk(pool="usb", guid=12891563716317484925, absent_after=timedelta(days=1))
FOREIGN = """cannot import 'usb': pool was previously in use from another system.
Last accessed by nas (hostid=11223344) at Mon Nov 23 05:00:00 2026
The pool can be imported, use 'zpool import -f' to import the pool.
"""


def test_the_commands_find_a_pool_by_its_guid_and_mount_nothing() -> None:
    assert argv.import_pool(7, "/run/x") == ["zpool", "import", "-N", "-o", "cachefile=none", "-R", "/run/x", "7"]
    assert argv.export_pool("usb") == ["zpool", "export", "usb"]
    assert argv.list_pools() == ["zpool", "list", "-H", "-p", "-o", "name,guid,altroot"]


def test_a_disk_that_was_carried_here_is_imported_by_name_or_guid_and_never_written_to() -> None:
    options = ["-N", "-f", "-o", "cachefile=none", "-o", "readonly=on", "-R", "/run/x"]
    assert argv.import_to_read("vault", "/run/x") == ["zpool", "import", *options, "vault"]
    assert argv.import_to_read("123", "/run/x")[-1] == "123"
    with pytest.raises(SettingsError):
        argv.import_to_read("-a", "/run/x")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("cannot import 'vault': no such pool available\n", "disk-not-importable"),
        ("cannot import 'vault': more than one matching pool\nimport by numeric ID instead\n", "disk-not-importable"),
        ("Permission denied the ZFS utilities must be run as root.\n", "not-permitted"),
    ],
)
def test_a_carried_disk_that_cannot_be_imported_says_why(said: str, code: str) -> None:
    error = carried_error("vault", 1, said, "nas")
    assert error.code == code
    assert "vault" in str(error)


def test_the_imported_pools_are_read() -> None:
    assert parse_pools("tank\t1\t-\nusb\t2\t/run/zoffsite\n", "nas") == (
        Pool(name="tank", guid=1, altroot=None),
        Pool(name="usb", guid=2, altroot="/run/zoffsite"),
    )
    assert parse_pools("", "nas") == ()


@pytest.mark.parametrize("line", ["tank\t1", "tank\tx\t-", "-f\t1\t-", "tank\t1\t-\t-", "\n"])
def test_what_is_no_list_of_pools_is_malformed(line: str) -> None:
    with pytest.raises(OperationError) as caught:
        parse_pools(f"{line}\n", "nas")
    assert caught.value.code == "malformed-answer"


def test_a_disk_that_is_not_attached_is_no_error() -> None:
    assert is_absent("cannot import '1234': no such pool available\n")
    assert is_absent("no pools available to import\n")


def test_a_user_who_may_not_look_is_not_told_that_it_is_absent() -> None:
    said = "no pools found: some devices require root privileges\ncannot import '1': no such pool available\n"
    assert not is_absent(said)
    error = import_error(DISK, 1, said, "me@localhost")
    assert (error.code, "zpool import -N 12891563716317484925" in error.remedy) == ("not-permitted", True)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (FOREIGN, "disk-in-use"),
        ("cannot import 'usb': pool already exists\n", "another-pool"),
        ("cannot import '7': a pool with that name already exists\n", "another-pool"),
        ("cannot import 'usb': I/O error\n\tDestroy and re-create the pool\n", "disk-not-importable"),
        ("", "disk-not-importable"),
    ],
)
def test_every_other_failure_has_its_code_and_a_command(said: str, code: str) -> None:
    assert not is_absent(said)
    error = import_error(DISK, 1, said, "root@localhost")
    assert (error.code, error.subject) == (code, "the disk usb")
    assert "zpool " in error.remedy
    assert error.problem
