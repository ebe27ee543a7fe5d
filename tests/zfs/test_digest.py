from __future__ import annotations

import json
import subprocess

import pytest

from tests.planning.make import snap
from zoffsite.hosts.commands import DIGEST_PROGRAM
from zoffsite.model.errors import OperationError
from zoffsite.model.plan import SendStep
from zoffsite.model.proof import StreamDigest
from zoffsite.zfs.argv import LONGEST_COMMAND
from zoffsite.zfs.digest import digest_send, parse_digest, parse_told

GOOD = {"digest": "ab" * 32, "toguid": str(2**64 - 1), "fromguid": "0", "bytes": 5, "records": 3}


def test_an_answer_is_read() -> None:
    assert parse_digest(json.dumps(GOOD), "the box") == StreamDigest(
        digest="ab" * 32, toguid=2**64 - 1, fromguid=0, bytes=5
    )


def test_a_line_says_how_far_it_is_or_is_the_answer() -> None:
    assert parse_told('{"bytes": 5}', "the source") == 5
    assert isinstance(parse_told(json.dumps(GOOD), "the source"), StreamDigest)
    with pytest.raises(OperationError):
        parse_told('{"bytes": -5}', "the source")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{" * 900,
        json.dumps({**GOOD, "digest": "AB" * 32}),
        json.dumps({**GOOD, "digest": "ab"}),
        json.dumps({**GOOD, "digest": 5}),
        json.dumps({**GOOD, "toguid": 5}),
        json.dumps({**GOOD, "toguid": str(2**64)}),
        json.dumps({**GOOD, "fromguid": "-1"}),
        json.dumps({**GOOD, "bytes": True}),
        json.dumps({**GOOD, "bytes": -1}),
        json.dumps({"bytes": 5}),
        json.dumps({**GOOD, "more": "x" * 1000}),
    ],
)
def test_anything_else_is_no_answer(text: str) -> None:
    with pytest.raises(OperationError) as caught:
        parse_digest(text, "the box")
    assert caught.value.code == "malformed-answer"


def test_the_shell_reads_nothing_of_what_it_is_given() -> None:
    step = SendStep(to=snap(1), base=None, estimated_bytes=0)
    command = digest_send(step, bytes(32), "import sys; print(sys.argv[1:], sys.stdin.read())")
    assert command[-4:] == ["zfs", "send", "-w", snap(1).full_name]
    words = [*command[:-4], "printf", "%s", "$(id); `id` 'x'"]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert said == f"['{'00' * 32}', '0'] $(id); `id` 'x'\n"
    assert "5000" in digest_send(step, bytes(32), "", 5000)
    telling = digest_send(step, bytes(32), "import sys; print(sys.argv[1:])", telling=True)
    said = subprocess.run([*telling[:-4], "true"], capture_output=True, text=True, check=True).stdout
    assert said == f"['{'00' * 32}', '0', 'tell']\n"


def test_the_program_fits_into_a_command() -> None:
    step = SendStep(to=snap(1), base=snap(1), estimated_bytes=0)
    assert sum(len(word) + 3 for word in digest_send(step, bytes(32), DIGEST_PROGRAM)) < LONGEST_COMMAND
