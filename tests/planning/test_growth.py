"""Twice as much to plan takes twice the work. Counted in operations of the interpreter, so that no clock decides."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

import pytest

from bench.planning import Planning
from bench.shapes import Shape

if TYPE_CHECKING:
    from _typeshed import TraceFunction


def operations(step: Callable[[], object]) -> int:
    """How many bytecodes `step` runs, all that it calls included. What C does inside of one counts as one."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: object) -> TraceFunction:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        step()
    finally:
        sys.settrace(before)
    return count


def work_of(shape: Shape) -> list[int]:
    work = Planning(shape.source(), shape.box())
    return [operations(step) for step in (work.parse, work.choose, work.plan, work.retain)]


@pytest.mark.parametrize(
    ("small", "large"),
    [
        (Shape(datasets=1, snapshots=200, arrived=100), Shape(datasets=1, snapshots=400, arrived=200)),
        (Shape(datasets=1, snapshots=200, arrived=0), Shape(datasets=1, snapshots=400, arrived=0)),
        (Shape(datasets=1, snapshots=200, arrived=200), Shape(datasets=1, snapshots=400, arrived=400)),
        (Shape(datasets=50, snapshots=2, arrived=1), Shape(datasets=100, snapshots=2, arrived=1)),
    ],
    ids=["many snapshots, half sent", "many snapshots, none sent", "many snapshots, all sent", "many datasets"],
)
def test_twice_as_much_to_plan_takes_about_twice_the_work(small: Shape, large: Shape) -> None:
    for few, many in zip(work_of(small), work_of(large), strict=True):
        assert many <= 2.4 * few + 1000
