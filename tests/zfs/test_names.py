"""Names as ZFS allows them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.planning.make import job
from zoffsite.model.errors import SettingsError
from zoffsite.zfs.names import (
    check_bookmark,
    check_dataset,
    check_snapshot,
    is_dataset,
    is_version,
    replica_name,
    replicas_by_dataset,
    split_version,
)


@pytest.mark.parametrize("name", ["tank", "tank/a b", "tank/-x", "tank/a:b.c_d", "tank/x ", "T/" + "a" * 253])
def test_what_zfs_allows_is_allowed(name: str) -> None:
    assert check_dataset(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "-rf",
        "-tank",
        " tank",
        "1tank",
        "/tank",
        "tank/",
        "tank//a",
        "tank/.",
        "tank/../x",
        "tank/a@b",
        "tank/a#b",
        "tank/%recv",
        "tank/a\n",
        "tank/a\tb",
        "tank/a\0",
        "tank/ä",
        "tank/٣",
        "tank/$(id)",
        "tank/a;b",
        "tank/a,b",
        "tank/a'b",
        "T/" + "a" * 254,
    ],
)
def test_what_zfs_does_not_allow_can_reach_no_command(name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check_dataset(name)
    assert caught.value.code == "bad-name"


@pytest.mark.parametrize(
    "name", ["tank@", "@a", "tank", "tank@a@b", "tank@a/b", "tank@a#b", "tank@a%b", "tank@a,b", "tank@a\n"]
)
def test_a_snapshot_is_one_dataset_and_one_name(name: str) -> None:
    with pytest.raises(SettingsError):
        check_snapshot(name)
    with pytest.raises(SettingsError):
        check_bookmark(name.replace("@", "#"))


def test_splitting_gives_dataset_and_version() -> None:
    assert split_version("tank/a b@c d", "@") == ("tank/a b", "c d")
    assert split_version("tank/a#c", "#") == ("tank/a", "c")
    assert split_version("tank/a#c", "@") is None


def test_the_whole_name_is_bounded_version_included() -> None:
    assert split_version("tank@" + "a" * 250, "@") is not None
    assert split_version("tank@" + "a" * 251, "@") is None


def test_a_refused_name_is_shown_escaped_and_short() -> None:
    with pytest.raises(SettingsError) as caught:
        check_dataset("tank/\x1b[31m" + "x" * 10_000)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_replicas_lie_flat_below_the_root() -> None:
    assert replica_name("vault/box", "tank/home/ann") == "vault/box/tank:home:ann"


def test_a_replica_is_of_what_is_remembered_then_of_what_is_set_then_of_what_its_name_says() -> None:
    settings = job(replicas=(("tank/odd", "strange"),))
    names = ("tank:home", "strange", "tank:a:b", "gone")
    replicas = [f"vault/box/{name}" for name in names]
    found = replicas_by_dataset(settings, ["vault/box", *replicas, "vault/other/x"], {"vault/box/gone": "tank/renamed"})
    assert found == {
        "tank/home": ["vault/box/tank:home"],
        "tank/odd": ["vault/box/strange"],
        "tank/a/b": ["vault/box/tank:a:b"],
        "tank/renamed": ["vault/box/gone"],
    }


def test_of_several_replicas_of_one_dataset_that_in_use_is_first() -> None:
    settings = job(replicas=(("tank/home", "zz-new"),))
    found = replicas_by_dataset(settings, ["vault/box/tank:home", "vault/box/zz-new"], {})
    assert found == {"tank/home": ["vault/box/zz-new", "vault/box/tank:home"]}


@given(st.text(alphabet="abz019-_.: /@#%\t\n\0é$", max_size=20))
def test_the_rules_are_those_of_zfs_namecheck(name: str) -> None:
    components = name.split("/")
    expected = (
        all(re.fullmatch(r"[a-zA-Z0-9\-_.: ]+", part) and part not in (".", "..") for part in components)
        and name[0].isalpha()
    )
    assert is_dataset(name) == expected
    if is_version(name):
        assert split_version(f"tank@{name}", "@") == ("tank", name)
