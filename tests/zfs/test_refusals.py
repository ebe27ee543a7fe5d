"""Which snapshots zfs says that it refused."""

from __future__ import annotations

from zoffsite.zfs.refusals import refused_snapshots

NAMES = ("tank/a@x", "tank/a/b@x", "tank/ab@x", "tank/c@x")


def line(name: str) -> str:
    return f"cannot create snapshot '{name}': out of space"


def test_each_that_is_named_is_one_with_what_is_said_of_it() -> None:
    said = f"{line('tank/a@x')}\n{line('tank/c@x')}\nno snapshots were created"
    assert refused_snapshots(said, NAMES) == {"tank/a@x": line("tank/a@x"), "tank/c@x": line("tank/c@x")}


def test_where_a_limit_is_reached_it_is_all_below_the_dataset_that_has_it() -> None:
    assert set(refused_snapshots(line("tank/a"), NAMES)) == {"tank/a@x", "tank/a/b@x"}


def test_what_names_none_of_them_is_none() -> None:
    for said in ("cannot create snapshots : permission denied", line("tank/z@x"), ""):
        assert refused_snapshots(said, NAMES) == {}
