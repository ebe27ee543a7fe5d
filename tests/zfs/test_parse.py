"""Listings, from hosts that may lie."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoffsite.model.dataset import KeyStatus, Kind
from zoffsite.model.errors import OperationError
from zoffsite.model.version import Bookmark, Snapshot
from zoffsite.zfs.argv import COLUMNS
from zoffsite.zfs.parse import parse_inventory, parse_snapshots

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
    assert state.snapshots == (
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
    )
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


def test_lines_without_end_are_refused() -> None:
    text = dataset_row() + "".join(row(name=f"tank/enc@{n}", guid=str(n + 1)) for n in range(20))
    assert len(parse_inventory(text, "box", max_lines=21).datasets["tank/enc"].snapshots) == 20
    with pytest.raises(OperationError, match="more than 20 lines"):
        parse_inventory(text, "box", max_lines=20)


def test_snapshots_alone_are_read_without_their_dataset() -> None:
    two = row() + row(name="data/x@y", guid="7")
    assert [snapshot.full_name for snapshot in parse_snapshots(two, "here")] == ["tank/enc@s1", "data/x@y"]
    for bad in (dataset_row(), row() + row(), "nonsense\n"):
        with pytest.raises(OperationError) as caught:
            parse_snapshots(bad, "here")
        assert caught.value.code == "malformed-answer"


def harmless(text: str) -> None:
    """Whatever comes, it is read, or it is our error."""
    for parse in (parse_inventory, parse_snapshots):
        try:
            parse(text, "box")
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
