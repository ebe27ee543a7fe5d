"""Real answers, damaged in every way that one who sits on the other side could think of."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from zoffsite.model.errors import OperationError, ZoffsiteError
from zoffsite.model.inventory import DatasetState
from zoffsite.model.version import Version
from zoffsite.zfs.names import is_dataset, is_version
from zoffsite.zfs.parse import parse_inventory, read_snapshots
from zoffsite.zfs.permissions import parse_allow
from zoffsite.zfs.rows import lines_of
from zoffsite.zfs.token import parse_token

from .answers import ALLOWED, INCREMENTAL_SIZE, LISTING, TOKEN, TOKEN_CONTENTS, UNFINISHED

NASTY = (
    "",
    "-",
    "0",
    "-1",
    "18446744073709551616",
    "9" * 5000,
    "１２",
    "1e9",
    "-rf",
    "tank/../../etc",
    "tank/enc@s1",
    "\x1b[2J",
    "\r",
    "\0",
    "\u202e",
    "\ud800",
    "\u2028",
    "$(reboot)",
    "a" * 300,
)
"""Instead of a field: nothing, what overflows, what other readers take for a number, an option or a name."""

Damage = Callable[[str], str]


def flipped(place: int, bit: int) -> Damage:
    def damage(text: str) -> str:
        data = bytearray(text.encode("utf-8", "surrogatepass"))
        if data:
            data[place % len(data)] ^= 1 << bit
        return data.decode("utf-8", "replace")

    return damage


def cut(start: int, length: int) -> Damage:
    return lambda text: text[: start % (len(text) + 1)] + text[start % (len(text) + 1) + length :]


def repeated(line: int, to: int) -> Damage:
    def damage(text: str) -> str:
        lines = text.split("\n")
        lines.insert(to % (len(lines) + 1), lines[line % len(lines)])
        return "\n".join(lines)

    return damage


def exchanged(line: int, first: int, second: int) -> Damage:
    """Two columns of one line."""

    def damage(fields: list[str]) -> None:
        one, other = first % len(fields), second % len(fields)
        fields[one], fields[other] = fields[other], fields[one]

    return in_line(line, damage)


def doubled(line: int, column: int) -> Damage:
    return in_line(line, lambda fields: fields.insert(column, fields[column % len(fields)]))


def replaced(line: int, column: int, value: str) -> Damage:
    return in_line(line, lambda fields: fields.__setitem__(column % len(fields), value))


def in_line(line: int, damage: Callable[[list[str]], None]) -> Damage:
    def on_text(text: str) -> str:
        lines = text.split("\n")
        fields = lines[line % len(lines)].split("\t")
        damage(fields)
        lines[line % len(lines)] = "\t".join(fields)
        return "\n".join(lines)

    return on_text


places = st.integers(0, 5000)
few = st.integers(0, 30)
damages = st.one_of(
    st.builds(flipped, places, st.integers(0, 7)),
    st.builds(cut, places, st.integers(1, 60) | st.just(10**6)),
    st.builds(repeated, few, few),
    st.builds(exchanged, few, few, few),
    st.builds(doubled, few, few),
    st.builds(replaced, few, few, st.sampled_from(NASTY)),
)


@st.composite
def damaged(draw: st.DrawFn, text: str) -> str:
    for damage in draw(st.lists(damages, min_size=1, max_size=4)):
        text = damage(text)
    return text


def fine(read: Callable[[], object]) -> bool:
    """Whether it was read; if not, it is our error: short, and nothing in it can drive a terminal or forge a log."""
    try:
        read()
    except ZoffsiteError as error:
        assert isinstance(error, OperationError)
        assert error.code == "malformed-answer"
        assert not error.transient
        assert len(str(error)) < 1000
        assert str(error).isprintable()
        assert "answer of box" in str(error)
        return False
    return True


def check_state(name: str, state: DatasetState) -> None:
    """What was read is what ZFS could have: no name that a command could take for an option, no number too large."""
    assert state.dataset.name == name
    assert is_dataset(name)
    versions: tuple[Version, ...] = (*state.snapshots, *state.bookmarks)
    assert all(is_version(v.name) and v.dataset == name and 0 < v.guid < 2**64 for v in versions)
    assert all(0 <= v.createtxg < 2**64 and 0 <= v.creation < 2**38 for v in versions)
    assert list(state.snapshots) == sorted(state.snapshots, key=lambda s: (s.createtxg, s.creation, s.name))
    assert len({s.guid for s in state.snapshots}) == len({s.name for s in state.snapshots}) == len(state.snapshots)


@settings(max_examples=5 * settings().max_examples)
@given(damaged(LISTING + UNFINISHED))
def test_a_damaged_listing_is_read_as_something_zfs_could_have_or_refused(text: str) -> None:
    def read() -> None:
        for name, state in parse_inventory(text, "box").datasets.items():
            check_state(name, state)

    fine(read)


SNAPSHOTS = "".join(line + "\n" for line in LISTING.splitlines() if line.startswith("snapshot"))


@settings(max_examples=3 * settings().max_examples)
@given(damaged(SNAPSHOTS))
def test_a_damaged_list_of_snapshots_is_read_as_different_ones_or_refused(text: str) -> None:
    def read() -> None:
        for name, found in read_snapshots(lines_of(text), "box").items():
            assert is_dataset(name)
            assert len({(name, snapshot.full_name) for snapshot in found}) == len(found)
            assert all(snapshot.dataset == name for snapshot in found)

    fine(read)


@settings(max_examples=3 * settings().max_examples)
@given(damaged(TOKEN_CONTENTS + INCREMENTAL_SIZE))
def test_damaged_contents_of_a_token_are_read_as_those_of_that_token_or_refused(text: str) -> None:
    def read() -> None:
        found = parse_token(text, "", TOKEN, host="box")
        assert found.token == TOKEN
        assert 0 <= found.toguid < 2**64 > found.fromguid >= 0

    fine(read)


@settings(max_examples=3 * settings().max_examples)
@given(damaged("cannot resume send: 'tank/enc@s2' used in the initial send no longer exists\n"), st.integers(1, 255))
def test_damaged_complaints_about_a_token_are_an_error_of_ours_or_make_it_stale(stderr: str, code: int) -> None:
    try:
        found = parse_token("", stderr, TOKEN, exit_code=code, host="box")
    except ZoffsiteError as error:
        assert len(str(error)) < 1500
        assert str(error).isprintable()
    else:
        assert found.stale
        assert found.stale.isprintable()
        assert len(found.stale) < 400


@settings(max_examples=3 * settings().max_examples)
@given(damaged(ALLOWED))
def test_damaged_permissions_are_read_or_refused(text: str) -> None:
    fine(lambda: parse_allow(text, "box"))


def test_what_is_damaged_is_both_read_and_refused() -> None:
    """Otherwise the tests above would show nothing."""
    outcomes: set[bool] = set()

    @settings(max_examples=2 * settings().max_examples, database=None)
    @given(damaged(LISTING))
    def look(text: str) -> None:
        outcomes.add(fine(lambda: parse_inventory(text, "box")))

    look()
    assert outcomes == {True, False}
