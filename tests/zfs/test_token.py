"""What a token stands for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoffsite.model.errors import OperationError, ZoffsiteError
from zoffsite.model.inventory import TokenContents
from zoffsite.zfs.token import MAX_TEXT, parse_token

from .answers import INCREMENTAL_SIZE, TOKEN, TOKEN_CONTENTS

GONE = "cannot resume send: 'tank/enc@s2' used in the initial send no longer exists\n"


def test_an_incremental_token_is_read_with_the_bytes_that_are_left() -> None:
    assert parse_token(TOKEN_CONTENTS + INCREMENTAL_SIZE, "", TOKEN) == TokenContents(
        token=TOKEN,
        sends="tank/enc@s2",
        toguid=0xFB2E5025864D4951,
        fromguid=0xD992975044EC476F,
        raw=True,
        received_bytes=0x16D10C,
        remaining_bytes=2628700,
    )


def test_a_token_of_a_full_send_has_no_base() -> None:
    text = TOKEN_CONTENTS.replace("\tfromguid = 0xd992975044ec476f\n", "") + "full\ttank/enc@s2\t5\nsize\t5\n"
    assert parse_token(text, "", TOKEN).fromguid == 0


def test_a_token_that_is_not_raw_says_so() -> None:
    text = TOKEN_CONTENTS.replace("\trawok = 1\n", "") + INCREMENTAL_SIZE
    assert parse_token(text, "", TOKEN).raw is False


@pytest.mark.parametrize(
    "stderr",
    [
        GONE,
        "cannot resume send: 'tank/enc@s2' is no longer the same snapshot used in the initial send\n",
        "cannot resume send: incremental source 0xd992975044ec476f no longer exists\n",
    ],
)
def test_a_token_whose_snapshot_or_base_is_gone_is_stale(stderr: str) -> None:
    found = parse_token(TOKEN_CONTENTS, stderr, TOKEN, exit_code=255)
    assert found.stale == stderr.strip()
    assert found.toguid == 0xFB2E5025864D4951


def test_a_corrupt_token_is_stale_and_stands_for_nothing() -> None:
    found = parse_token(
        "", "cannot resume send: resume token is corrupt (decompression failed)\n", TOKEN, exit_code=255
    )
    assert found.stale == "cannot resume send: resume token is corrupt (decompression failed)"
    assert (found.toguid, found.raw) == (0, False)


@pytest.mark.parametrize(
    ("stderr", "code"),
    [
        ("cannot resume send: permission denied\n", "not-permitted"),
        ("The ZFS modules are not loaded.\nTry running 'modprobe zfs' as root to load them.\n", "zfs-module-missing"),
        ("cannot resume send: I/O error\n", "io-error"),
    ],
)
def test_a_source_that_could_not_look_does_not_make_a_token_stale(stderr: str, code: str) -> None:
    with pytest.raises(ZoffsiteError) as caught:
        parse_token("", stderr, TOKEN, exit_code=1)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        TOKEN_CONTENTS,
        INCREMENTAL_SIZE,
        TOKEN_CONTENTS + INCREMENTAL_SIZE * 2,
        TOKEN_CONTENTS.replace("0xfb2e5025864d4951", "0x" + "f" * 17) + INCREMENTAL_SIZE,
        TOKEN_CONTENTS.replace("0xfb2e5025864d4951", "1") + INCREMENTAL_SIZE,
        TOKEN_CONTENTS.replace("\tbytes = 0x16d10c\n", "") + INCREMENTAL_SIZE,
        TOKEN_CONTENTS + INCREMENTAL_SIZE.replace("tank/enc@s2", "tank/enc"),
        TOKEN_CONTENTS + "full\ttank/enc@s2\t5\n" + INCREMENTAL_SIZE,
        TOKEN_CONTENTS + INCREMENTAL_SIZE + "x" * MAX_TEXT,
    ],
)
def test_what_zfs_would_not_print_is_refused(text: str) -> None:
    with pytest.raises(OperationError) as caught:
        parse_token(text, "", TOKEN)
    assert caught.value.code == "malformed-answer"


def test_what_would_be_sent_is_what_the_source_says_and_not_the_name_in_the_token() -> None:
    """zfs looks for the guid, and begins below the name in the token: here the dataset was renamed since."""
    text = TOKEN_CONTENTS.replace("tank/enc@s2", "tank/old@s2") + INCREMENTAL_SIZE
    assert parse_token(text, "", TOKEN).sends == "tank/enc@s2"


def test_what_no_send_of_ours_leaves_in_a_token_is_said() -> None:
    assert parse_token(TOKEN_CONTENTS + "\tsavedok = 1\n" + INCREMENTAL_SIZE, "", TOKEN).strange == ("savedok",)


@pytest.mark.parametrize(
    "line", ["\ttoguid = 0x1", "\trawok = 1", "\tfromguid = 0x1", "size\t1", "full\ttank/enc@s2\t1"]
)
def test_a_name_with_line_breaks_cannot_forge_what_the_token_is_for(line: str) -> None:
    forged = TOKEN_CONTENTS.replace("tank/enc@s2", f"tank/enc@s2\n{line}")
    with pytest.raises(OperationError):
        parse_token(forged + INCREMENTAL_SIZE, "", TOKEN)


@given(st.text(max_size=300), st.text(max_size=100), st.integers(0, 255))
def test_no_answer_raises_anything_but_ours(text: str, stderr: str, exit_code: int) -> None:
    for answer in (text, TOKEN_CONTENTS + text, text + INCREMENTAL_SIZE):
        try:
            parse_token(answer, stderr, TOKEN, exit_code=exit_code)
        except ZoffsiteError as error:
            assert len(str(error)) < 1500
