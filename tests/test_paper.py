from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoffsite.model.errors import OperationError
from zoffsite.paper import from_paper, to_paper

KEY = bytes(range(7, 39))
FILES = {"settings/zoffsite.toml": b'[box.friend]\nhost = "10.77.0.2"\n\n  # two\n', "keys/root/keys/photos": KEY}
LINES = list(to_paper(FILES))


def problem_of(lines: list[str]) -> str:
    with pytest.raises(OperationError) as caught:
        from_paper("\n".join(lines))
    assert caught.value.code == "bad-paper"
    return caught.value.problem


@given(st.dictionaries(st.from_regex(r"[a-z/.]{1,90}", fullmatch=True), st.binary() | st.text().map(str.encode)))
def test_whatever_is_put_on_paper_is_read_back_from_it(files: dict[str, bytes]) -> None:
    lines = list(to_paper(files))
    assert all(each.isascii() for each in lines)
    if files:
        assert from_paper("\n".join(lines)) == files


@pytest.mark.parametrize(
    "line", ["a" * 500, " " * 10 + "b" * 70 + "   c" * 50, "d" + " " * 63 + "e", "tail ", "\t", "ä"]
)
def test_what_a_person_could_not_see_or_what_is_long_comes_back_too(line: str) -> None:
    files = {"a": f"before\n{line}\nafter\n".encode()}
    lines = list(to_paper(files))
    assert max(map(len, lines)) <= 80
    assert from_paper("\n".join(lines)) == files


def test_text_is_readable_as_it_stands_and_a_key_is_in_short_groups() -> None:
    assert any(each.endswith('| host = "10.77.0.2"') for each in LINES)
    groups = next(each for each in LINES if " * " in each).partition(" * ")[2].split()
    assert {len(each) for each in groups[:-1]} == {4}
    assert len([each for each in LINES if " * " in each]) == 2


def test_one_file_alone_is_enough_typed_small_and_with_zeros_for_os() -> None:
    start = next(at for at, each in enumerate(LINES) if "= keys" in each)
    typed = [LINES[start], *(each.lower().replace("o", "0").replace("b", "8") + "  " for each in LINES[start + 1 :])]
    assert from_paper("\n".join(["# mine", "", *typed])) == {"keys/root/keys/photos": KEY}


@given(st.data())
def test_no_slip_of_the_pen_goes_unnoticed_and_the_line_is_named(data: st.DataObject) -> None:
    at = data.draw(st.sampled_from([number for number, each in enumerate(LINES) if each and not each.startswith("#")]))
    letters = [place for place, each in enumerate(LINES[at]) if place > 3 and each not in " |=*."]
    place = data.draw(st.sampled_from(letters[:-1]))  # the last of base32 has bits that mean nothing
    wrong = "Q" if LINES[at][place].upper() != "Q" else "R"
    typed = [*LINES[:at], LINES[at][:place] + wrong + LINES[at][place + 1 :], *LINES[at + 1 :]]
    assert f"line {at + 1} " in problem_of(typed)


def test_a_line_left_out_or_twice_or_an_end_that_is_missing_is_noticed() -> None:
    text = next(at for at, each in enumerate(LINES) if "| host" in each)
    assert f"before line {text + 1} " in problem_of([*LINES[:text], *LINES[text + 1 :]])
    assert f"before line {text + 2} " in problem_of([*LINES[: text + 1], *LINES[text:]])
    assert "the end of keys/root/keys/photos is missing" in problem_of(LINES[:-1])
    assert "no file" in problem_of(["# nothing"])
