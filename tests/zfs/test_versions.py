"""`zfs version` as distributions print it, and as a hostile box might."""

from __future__ import annotations

import pytest

from zoffsite.model.errors import OperationError
from zoffsite.zfs.versions import parse_versions


@pytest.mark.parametrize(
    ("line", "release", "packaged"),
    [
        ("2.1.11-1+deb12u1", "2.1.11", True),
        ("2.3.2-2~bpo12+2", "2.3.2", True),
        ("2.2.0~rc3-0ubuntu4", "2.2.0-rc3", True),
        ("0.8.3-1ubuntu12.18", "0.8.3", True),
        ("2.2.0-FreeBSD_g95785196f", "2.2.0", True),
        ("2.1.99-756_gf2c5bc150", "2.1.99", True),
        ("2.4.0-rc2", "2.4.0-rc2", False),
        ("2.3.4-1", "2.3.4", False),
        ("2.2.8", "2.2.8", False),
    ],
)
def test_the_numbers_are_read_and_a_distribution_is_noticed(line: str, release: str, packaged: bool) -> None:
    found = parse_versions(f"zfs-{line}\nzfs-kmod-{line}\n", "box")
    assert (str(found.tools), str(found.running)) == (release, release)
    assert found.tools.packaged is packaged


def test_the_module_counts_where_it_is_another_one_than_the_tools() -> None:
    found = parse_versions("zfs-2.3.4-1\nzfs-kmod-2.1.2-1\n", "box")
    assert (str(found.tools), str(found.running)) == ("2.3.4", "2.1.2")
    assert str(parse_versions("zfs-2.3.4-1\n", "box").running) == "2.3.4"


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "zfs-kmod-2.3.4-1\n",
        "zfs-2.3.4-1\nzfs-2.3.4-1\n",
        "zfs-2.3.4-1\nzfs-kmod-2.3.4-1\nzfs-kmod-2.3.4-1\n",
        "zfs-2.3\n",
        "zfs-99999.3.4\n",
        "zfs-2.3.4-1\nfoo\n",
        "zfs-2.3.4-\x1b[2J\n",
        "zfs-2.3.4-1\n" * 10_000,
        f"zfs-2.3.4-{'a' * 100}\n",
        "zfs-２.3.4\n",
    ],
)
def test_what_is_no_version_is_malformed(answer: str) -> None:
    with pytest.raises(OperationError) as caught:
        parse_versions(answer, "box")
    assert caught.value.code == "malformed-answer"
