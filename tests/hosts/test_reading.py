"""A long answer, read line by line as it comes."""

from __future__ import annotations

import pytest

from zoffsite.hosts.commands import Commands
from zoffsite.hosts.local import LocalRunner
from zoffsite.hosts.transfers import transfers
from zoffsite.model.errors import OperationError, RunInterruptedError
from zoffsite.zfs.rows import MAX_LINE

HERE = Commands(LocalRunner())
PATIENCE = 60.0


def lines(script: str) -> list[str]:
    with HERE.lines("list", "tank", ["sh", "-c", script], PATIENCE) as found:
        return list(found)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("true", []),
        (r"printf 'one\n'", ["one"]),
        (r"printf 'one\n\ntwo'", ["one", "", "two"]),
        (r"printf '\303'; sleep 0.2; printf '\244\nx'", ["ä", "x"]),
        (r"printf 'on'; sleep 0.2; printf 'e\n'", ["one"]),
        ("seq 100000", [str(number) for number in range(1, 100_001)]),
    ],
    ids=["nothing", "one", "without an end", "a letter in two pieces", "a line in two pieces", "many pieces"],
)
def test_every_line_comes_once_and_whole(script: str, expected: list[str]) -> None:
    assert lines(script) == expected


def test_of_a_line_that_is_too_long_only_pieces_come_that_show_it() -> None:
    with HERE.lines("list", "tank", ["cat", "/dev/zero"], PATIENCE) as found:
        first = next(found)
    assert MAX_LINE < len(first) < MAX_LINE + 2**17


def test_a_failure_is_raised_once_all_lines_were_read() -> None:
    seen: list[str] = []

    def take() -> None:
        script = "echo one; echo \"cannot open 'tank': dataset does not exist\" >&2; exit 1"
        with HERE.lines("list", "tank", ["sh", "-c", script], PATIENCE) as found:
            seen.extend(found)

    with pytest.raises(OperationError) as caught:
        take()
    assert (caught.value.code, seen) == ("dataset-missing", ["one"])


@pytest.mark.parametrize("script", [r"printf '\377\n'", r"printf 'cut \303'"])
def test_what_is_no_text_is_malformed(script: str) -> None:
    with pytest.raises(OperationError) as caught:
        lines(script)
    assert caught.value.code == "malformed-answer"


def test_a_program_whose_answer_nobody_reads_on_is_ended() -> None:
    with HERE.reading(["sh", "-c", "exec yes"], PATIENCE) as said:
        assert next(said.lines()) == "y"
    assert said.ended is None


def test_an_answer_that_takes_too_long_is_a_timeout() -> None:
    with pytest.raises(OperationError) as caught, HERE.reading(["sleep", "60"], 0.2) as said:
        list(said.lines())
    assert (caught.value.code, caught.value.transient) == ("timeout", True)


def test_half_an_answer_is_never_taken_for_a_whole_one_when_the_run_is_stopped() -> None:
    def take() -> None:
        with HERE.reading(["sh", "-c", "echo one; exec sleep 60"], PATIENCE) as said:
            for _ in said.lines():
                transfers.stop_all()

    try:
        with pytest.raises(RunInterruptedError):
            take()
    finally:
        transfers.reset()
