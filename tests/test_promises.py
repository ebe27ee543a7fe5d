"""docs/reference/promises.md names tests; a promise whose test is gone is none."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/reference/promises.md").read_text()
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)


def test_every_test_that_a_promise_names_exists() -> None:
    assert len(NAMED) > 50
    assert [f"{path}::{name}" for path, name in NAMED if name not in functions(ROOT / path)] == []


def test_every_promise_names_a_test() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| Promise ")]
    assert [row for row in rows if "::test_" not in row] == []


def functions(path: Path) -> set[str]:
    """The test functions of a file, read and not imported."""
    if not path.exists():
        return set()
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}
