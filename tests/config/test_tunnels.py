"""A box with a tunnel: its host key may come from the pairing, and what no kit could set up is named."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from zoffsite.config.loading import load_machines
from zoffsite.config.mistakes import WrongValueError
from zoffsite.config.pairing import parse_pairing
from zoffsite.model.errors import SettingsError
from zoffsite.model.job import SshHost

from .conftest import HOST_KEY, House

WIREGUARD = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="
TUNNEL = '[box.friend.tunnel]\nendpoints = ["home.example.org"]\n'


def pairing(wireguard: str = WIREGUARD, host_key: str = HOST_KEY.split()[1]) -> str:
    text = f"zoffsite1:{wireguard}:{host_key}"
    return f"{text}:{hashlib.sha256(text.encode()).hexdigest()[:8]}"


@pytest.fixture
def tunnelled(house: House) -> House:
    house.replace(f'host_key = "{HOST_KEY}"\n', "")
    return house.add(TUNNEL)


def test_a_box_that_is_not_paired_yet_is_named_with_the_command_and_can_have_a_kit(tunnelled: House) -> None:
    problem = tunnelled.problem()
    assert (problem.key, problem.message.startswith("this box is not paired yet")) == ("box.friend.host_key", True)
    assert "zoffsite box pair --box friend" in problem.remedy
    assert [machine.name for machine in load_machines(tunnelled.file)[1]] == ["friend"]


def test_a_mistake_elsewhere_stops_the_kit_too(tunnelled: House) -> None:
    tunnelled.add("prot = 1\n").problems()
    with pytest.raises(SettingsError, match="prot: there is no such setting"):
        load_machines(tunnelled.file)


def test_the_pairing_beside_the_settings_pins_the_host_key(tunnelled: House) -> None:
    (tunnelled.path / "friend.pairing").write_text(pairing() + "\n")
    box = tunnelled.load().job("home").box
    assert isinstance(box, SshHost)
    assert box.host_key == HOST_KEY


def test_a_second_table_of_the_same_machine_is_pinned_by_the_same_pairing(tunnelled: House) -> None:
    table = tunnelled.text.split("[job.home]")[0]
    second = table.replace("friend", "second").replace("vault/home", "vault/two").replace('"zoffsite"', '"two"')
    tunnelled.add(f'{second}[job.two]\nbox = "second"\ndatasets = ["tank/two"]\n')
    (tunnelled.path / "friend.pairing").write_text(pairing())
    box = tunnelled.load().job("two").box
    assert isinstance(box, SshHost)
    assert box.host_key == HOST_KEY
    (machine,) = load_machines(tunnelled.file)[1]
    assert [(account.user, account.root) for account in machine.accounts] == [
        ("zoffsite", "vault/home"),
        ("two", "vault/two"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        pairing()[:-1],
        pairing().replace("QUJD", "QUJE"),
        pairing(wireguard="A" * 44),
        pairing(host_key=HOST_KEY.split()[1][:-4]),
        pairing() + "\n" + pairing(),
        pairing().replace("zoffsite1", "zoffsite2"),
        f"$(reboot){pairing()}",
    ],
)
def test_a_pairing_text_with_any_slip_is_refused(text: str) -> None:
    with pytest.raises(WrongValueError):
        parse_pairing(text)


def test_a_damaged_pairing_file_is_a_problem_of_that_file(tunnelled: House) -> None:
    (tunnelled.path / "friend.pairing").write_text(pairing()[:-1])
    assert tunnelled.problem().file == str(tunnelled.path / "friend.pairing")


def test_what_the_keeper_would_refuse_is_not_asked_for(tunnelled: House) -> None:
    (tunnelled.path / "friend.pairing").write_text(pairing())
    keep = tunnelled.replace('root = "vault/home"', 'root = "vault/home"\nfloor = "10d"').load().job("home").keep_box
    assert (keep.within, keep.last, keep.daily) == (timedelta(days=11), 3, 14)


def test_a_retention_that_keeps_longer_than_the_floor_is_left_as_it_is(tunnelled: House) -> None:
    (tunnelled.path / "friend.pairing").write_text(pairing())
    tunnelled.add('[job.home.keep.box]\nwithin = "90d"\nlast = 5\n')
    tunnelled.text = tunnelled.text.replace(TUNNEL, "") + TUNNEL
    keep = tunnelled.load().job("home").keep_box
    assert (keep.within, keep.last) == (timedelta(days=90), 5)


def test_an_empty_retention_still_keeps_everything(tunnelled: House) -> None:
    (tunnelled.path / "friend.pairing").write_text(pairing())
    tunnelled.add("[job.home.keep.box]\n")
    keep = tunnelled.load().job("home").keep_box
    assert (keep.within, keep.last) == (None, 0)


def test_without_a_tunnel_the_floor_is_nobodys(house: House) -> None:
    assert house.load().job("home").keep_box.within == timedelta(days=2)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('host = "10.77.0.2"', 'host = "box.example.org"', "box.friend.host"),
        ('host = "10.77.0.2"', 'host = "10.77.0.1"', "box.friend.tunnel.source"),
        ('endpoints = ["home.example.org"]', "endpoints = []", "box.friend.tunnel.endpoints"),
        ('example.org"]', 'example.org", "a b"]', "box.friend.tunnel.endpoints[1]"),
        ('endpoints = ["h', 'source = "fe80::1"\nendpoints = ["h', "box.friend.tunnel.source"),
    ],
)
def test_what_cannot_be_a_tunnel_is_named(tunnelled: House, old: str, new: str, key: str) -> None:
    (tunnelled.path / "friend.pairing").write_text(pairing())
    assert [problem.key for problem in tunnelled.replace(old, new).problems()] == [key]


@pytest.mark.parametrize(
    ("name", "changes", "key"),
    [
        ("second", {"friend": "second"}, "box.second.tunnel"),
        ("second", {"friend": "second", "10.77.0.2": "10.77.0.3"}, "box.second.tunnel.port"),
        ("second", {TUNNEL: "", "friend": "second"}, "box.second.user"),
    ],
)
def test_two_boxes_in_each_others_way_are_named(tunnelled: House, name: str, changes: dict[str, str], key: str) -> None:
    table = tunnelled.text.split("[job.home]")[0] + TUNNEL
    for old, new in {"vault/home": "vault/two", **changes}.items():
        table = table.replace(old, new)
    tunnelled.add(table)
    for each in ("friend", name):
        (tunnelled.path / f"{each}.pairing").write_text(pairing())
    assert key in [problem.key for problem in tunnelled.problems()]


def test_two_interfaces_of_one_name_are_noticed(tunnelled: House) -> None:
    table = tunnelled.text.split("[job.home]")[0] + TUNNEL + "port = 51821\n"
    long = "very-long-name"
    tunnelled.text = tunnelled.text.replace("friend", f"{long}-one")
    tunnelled.add(table.replace("friend", f"{long}-two").replace("10.77.0.2", "10.77.0.3"))
    for each in ("one", "two"):
        (tunnelled.path / f"{long}-{each}.pairing").write_text(pairing())
    assert [problem.key for problem in tunnelled.problems()] == [f"box.{long}-two"]
