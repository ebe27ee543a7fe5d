"""Listings, from hosts that may lie."""

from __future__ import annotations

import itertools
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoffsite.model.dataset import KeyStatus, Kind
from zoffsite.model.errors import OperationError
from zoffsite.model.version import Bookmark, Snapshot
from zoffsite.zfs.argv import COLUMNS
from zoffsite.zfs.gathering import Budget
from zoffsite.zfs.parse import parse_inventory, read_inventory, read_snapshots
from zoffsite.zfs.rows import lines_of

from .answers import LISTING, TOKEN, UNFINISHED


def refused(text: str) -> OperationError:
    with pytest.raises(OperationError) as caught:
        parse_inventory(text, "root@box:22")
    assert caught.value.code == "malformed-answer"
    assert caught.value.subject == "root@box:22"
    assert not caught.value.transient
    return caught.value


def test_a_real_listing_is_read_whole() -> None:
    found = parse_inventory(LISTING, "here")
    assert list(found.datasets) == ["tank", "tank/enc", "tank/enc/sp ace:x", "tank/enc/vol"]
    state = found.datasets["tank/enc"]
    assert (state.dataset.kind, state.dataset.keystatus) == (Kind.FILESYSTEM, KeyStatus.AVAILABLE)
    assert (state.dataset.mounted, state.dataset.readonly, state.dataset.resume_token) == (True, False, None)
    assert (state.dataset.referenced, state.dataset.available) == (8298496, 3872395264)
    assert list(state.snapshots) == [
        Snapshot(
            dataset="tank/enc",
            name="s1",
            guid=15677759623839631215,
            createtxg=24,
            creation=1795397502,
            written=8298496,
            referenced=8298496,
            holds=1,
        ),
    ]
    assert state.bookmarks == (
        Bookmark(dataset="tank/enc", name="b1", guid=15677759623839631215, createtxg=24, creation=1795397502),
    )
    plain, volume = found.datasets["tank"].dataset, found.datasets["tank/enc/vol"].dataset
    assert (plain.encrypted, plain.encryptionroot, plain.keystatus) == (False, None, KeyStatus.NONE)
    assert (volume.kind, volume.mounted) == (Kind.VOLUME, False)


def test_an_interrupted_first_receive_shows_its_token() -> None:
    dataset = parse_inventory(UNFINISHED, "box").datasets["vault/box/tank:enc"].dataset
    assert (dataset.resume_token, dataset.keystatus, dataset.readonly) == (TOKEN, KeyStatus.UNAVAILABLE, True)


def test_nothing_is_an_empty_inventory() -> None:
    assert parse_inventory("", "box").datasets == {}


def row(**changes: str) -> str:
    fields = dict(zip(COLUMNS, LISTING.splitlines()[2].split("\t"), strict=True))
    return "\t".join((fields | changes).values()) + "\n"


def dataset_row(**changes: str) -> str:
    fields = dict(zip(COLUMNS, LISTING.splitlines()[1].split("\t"), strict=True))
    return "\t".join((fields | changes).values()) + "\n"


def test_versions_are_ordered_by_txg_whatever_the_order_of_the_answer() -> None:
    text = dataset_row() + "".join(row(name=f"tank/enc@{n}", guid=str(n), createtxg=str(n)) for n in (30, 5, 200))
    assert [s.name for s in parse_inventory(text, "box").datasets["tank/enc"].snapshots] == ["5", "30", "200"]


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "snap"},
        {"name": "tank/enc@"},
        {"name": "tank/enc@a/b"},
        {"name": "-rf@a"},
        {"name": "tank/enc@a\x1b[2J"},
        {"name": "tank/enc@\u202e"},
        {"name": "tank/enc@a\r"},
        {"name": "tank/other@s1"},
        {"guid": "0"},
        {"guid": "-1"},
        {"guid": "1.5"},
        {"guid": "0x10"},
        {"guid": "１"},
        {"guid": "²"},
        {"guid": " 1"},
        {"guid": "1_0"},
        {"guid": str(2**64)},
        {"guid": "9" * 5000},
        {"guid": "-"},
        {"createtxg": ""},
        {"creation": "253402300800"},
        {"written": "1K"},
        {"userrefs": "-"},
        {"receive_resume_token": "-\t-"},
    ],
)
def test_a_snapshot_that_zfs_could_not_print_is_refused(changes: dict[str, str]) -> None:
    refused(dataset_row() + row(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "tank/enc@x"},
        {"name": "tank/%recv"},
        {"encryption": "-"},
        {"encryption": "aes 256"},
        {"encryption": "a" * 33},
        {"encryptionroot": "tank/../x"},
        {"keystatus": "maybe"},
        {"keystatus": "AVAILABLE"},
        {"mounted": "perhaps"},
        {"readonly": ""},
        {"written": "-"},
        {"available": "-1"},
        {"receive_resume_token": ""},
        {"receive_resume_token": "$(reboot)"},
        {"receive_resume_token": "-F"},
    ],
)
def test_a_dataset_that_zfs_could_not_print_is_refused(changes: dict[str, str]) -> None:
    refused(dataset_row(**changes))


def test_the_same_name_twice_is_refused() -> None:
    refused(dataset_row() + dataset_row())
    refused(dataset_row() + row() + row())
    refused(dataset_row() + row() + row(guid="7"))
    refused(dataset_row() + 2 * row(type="bookmark", name="tank/enc#b"))


def test_two_snapshots_with_one_guid_are_refused() -> None:
    refused(dataset_row() + row() + row(name="tank/enc@again"))


@pytest.mark.parametrize("columns", [1, len(COLUMNS) - 1, len(COLUMNS) + 1])
def test_another_number_of_columns_is_refused(columns: int) -> None:
    refused("\t".join(["x"] * columns) + "\n")


def test_the_error_shows_a_short_escaped_piece_of_what_came() -> None:
    error = refused("\x1b[31mpwned\n" + "x" * 10)
    assert "\\x1b[31mpwned" in error.problem
    assert "\x1b" not in str(error)
    assert len(str(refused("x" * 60_000))) < 500


def test_an_endless_line_is_refused_without_a_copy_of_it() -> None:
    endless = dataset_row() + "x" * 50_000_000
    tracemalloc.start()
    error = refused(endless)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "a line of more than" in error.problem
    assert peak < 2_000_000


ENDLESS = {
    "snapshots": lambda n: row(name=f"tank/enc@{n:0200}", guid=str(n)),
    "snapshots of one name": lambda n: dataset_row(name=f"tank/enc/{n}") + row(name=f"tank/enc/{n}@s", guid=str(n)),
    "bookmarks": lambda n: row(type="bookmark", name=f"tank/enc#{n}", guid=str(n)),
    "datasets": lambda n: dataset_row(name=f"tank/enc/{n}"),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_a_listing_without_end_is_refused_before_it_has_taken_the_memory_that_it_may_take(what: str) -> None:
    made = (ENDLESS[what](number) for number in itertools.count(1))
    lines = (line for text in (dataset_row() for _ in range(1)) for line in text.splitlines())
    endless = itertools.chain(lines, (line for text in made for line in text.splitlines()))
    tracemalloc.start()
    with pytest.raises(OperationError, match="more datasets and snapshots than 16 MiB have room for"):
        read_inventory(endless, "box", Budget(16 << 20))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 << 20  # far above what a table of all interned names may take when it grows


def test_more_snapshots_of_one_dataset_than_can_be_sorted_in_little_memory_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = dataset_row() + "".join(row(name=f"tank/enc@{n}", guid=str(n + 1)) for n in range(20))
    monkeypatch.setattr("zoffsite.zfs.gathering.MOST_OF_ONE", 20)
    assert len(parse_inventory(text, "box").datasets["tank/enc"].snapshots) == 20
    monkeypatch.setattr("zoffsite.zfs.gathering.MOST_OF_ONE", 19)
    assert "more than 19 snapshots of one dataset" in refused(text).problem


def test_snapshots_alone_are_read_without_their_dataset() -> None:
    two = row() + row(name="data/x@y", guid="7")
    found = read_snapshots(lines_of(two), "here")
    assert {name: [each.full_name for each in snapshots] for name, snapshots in found.items()} == {
        "tank/enc": ["tank/enc@s1"],
        "data/x": ["data/x@y"],
    }
    for bad in (dataset_row(), row() + row(), "nonsense\n"):
        with pytest.raises(OperationError) as caught:
            read_snapshots(lines_of(bad), "here")
        assert caught.value.code == "malformed-answer"


def test_a_snapshot_of_a_dataset_that_nobody_asked_for_is_refused() -> None:
    assert list(read_snapshots(lines_of(row()), "box", ["tank/enc"])) == ["tank/enc"]
    for asked in ([], ["tank"], ["tank/enc@s1"]):
        with pytest.raises(OperationError) as caught:
            read_snapshots(lines_of(row()), "box", asked)
        assert caught.value.code == "malformed-answer"


def harmless(text: str) -> None:
    """Whatever comes, it is read, or it is our error."""
    for read in (read_inventory, read_snapshots):
        try:
            read(lines_of(text), "box")
        except OperationError as error:
            assert error.code == "malformed-answer"
            assert len(str(error)) < 1000
            assert str(error).isprintable()


@given(st.text(max_size=400) | st.binary(max_size=400).map(lambda data: data.decode("latin-1")))
def test_no_text_raises_anything_but_our_error(text: str) -> None:
    harmless(text)


fields = st.sampled_from(
    ["-", "0", "1", "snapshot", "filesystem", "bookmark", "tank", "tank@a", "tank#a", "on", "yes", "off"]
)


@given(st.lists(st.lists(fields | st.text(max_size=6), min_size=16, max_size=16).map("\t".join), max_size=6))
def test_no_row_of_the_right_width_raises_anything_but_our_error(rows: list[str]) -> None:
    harmless("\n".join(rows))


@given(st.data())
def test_no_damage_to_a_real_listing_raises_anything_but_our_error(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(LISTING)))
    end = data.draw(st.integers(start, min(start + 40, len(LISTING))))
    harmless(LISTING[:start] + data.draw(st.text(alphabet="\t\n-09azé\0", max_size=8)) + LISTING[end:])
