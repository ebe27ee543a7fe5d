from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from zoffsite.model.memory import Memory, Remembered
from zoffsite.model.property import Property
from zoffsite.model.restore import RestorePlan, Wanted
from zoffsite.planning.properties import due_again

from .test_restoration import ROOT, on_box, plan


def of(name: str, value: str, origin: str = "") -> Property:
    return Property(name=name, value=value, origin=origin)


def remembering(**datasets: tuple[Property, ...]) -> Memory:
    """What is known of tank/home/…, by the last component; `home` is tank/home itself."""
    names = {name: "tank:home" if name == "home" else f"tank:home:{name}" for name in datasets}
    return Memory(replicas={f"{ROOT}/{names[name]}": Remembered(properties=found) for name, found in datasets.items()})


NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("read", "due"),
    [
        (None, True),
        (NOW - timedelta(days=1), True),
        (NOW - timedelta(hours=23), False),
        (NOW, False),
        (NOW + timedelta(hours=1), True),  # the clock was wrong then, or is now
    ],
)
def test_the_user_properties_of_others_are_read_once_a_day(read: datetime | None, due: bool) -> None:
    assert due_again(read, NOW) is due


def settings(found: RestorePlan) -> list[tuple[str, list[str], list[str]]]:
    return [
        (each.target, [p.setting for p in each.properties], [p.setting for p in each.properties_later])
        for each in found.datasets
    ]


def test_what_reaches_beyond_the_dataset_is_only_told() -> None:
    every = (of("recordsize", "1048576"), of("mountpoint", "/home"), of("canmount", "noauto"), of("quota", "5"))
    backup, others = of("zoffsite:backup", "on"), of("com.sun:auto-snapshot", "false", "tank")
    assert settings(plan(on_box("tank/home", 1), memory=remembering(home=(*every, backup, others)))) == [
        (
            "tank/back",
            ["recordsize=1048576", "quota=5"],
            ["mountpoint=/home", "canmount=noauto", "zoffsite:backup=on", "com.sun:auto-snapshot=false"],
        )
    ]


def test_what_is_inherited_within_the_tree_is_inherited_again_and_from_outside_it_is_set_once() -> None:
    memory = remembering(
        home=(of("compression", "zstd"), of("atime", "off", "tank")),
        ann=(of("compression", "zstd", "tank/home"), of("atime", "off", "tank"), of("sync", "always", "tank/lost")),
    )
    assert settings(plan(on_box("tank/home", 1), on_box("tank/home/ann", 1), memory=memory)) == [
        ("tank/back", ["compression=zstd", "atime=off"], []),
        ("tank/back/ann", ["sync=always"], []),
    ]
    alone = plan(on_box("tank/home/ann", 1), memory=memory, wanted=Wanted(dataset="tank/home/ann", to="tank/back"))
    assert settings(alone) == [("tank/back", ["compression=zstd", "atime=off", "sync=always"], [])]


def test_a_key_that_was_typed_is_typed_again_and_one_in_a_file_has_its_place_told() -> None:
    memory = remembering(home=(of("keylocation", "file:///root/key"),), ann=(of("keylocation", "prompt"),))
    assert settings(plan(on_box("tank/home", 1), on_box("tank/home/ann", 1), memory=memory)) == [
        ("tank/back", [], ["keylocation=file:///root/key"]),
        ("tank/back/ann", [], []),
    ]


def test_what_nobody_has_written_down_is_said() -> None:
    states, memory = (on_box("tank/home", 1), on_box("tank/home/ann", 1)), remembering(home=())
    (notice,) = plan(*states, memory=memory, ever_sent={101}).notices
    assert notice.code == "properties-unknown"
    assert "of tank/home/ann:" in notice.message
