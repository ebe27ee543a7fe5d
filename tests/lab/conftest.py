"""Two real ZFS machines, one pair for the whole session, fresh pools for each file.

Where QEMU or the images are impossible these tests fail with the remedy: a skipped test would promise nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import Guest, Lab
from tests.conftest import DEFAULT_PAIR

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.lab)


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The pair "SOURCE:BOX" of a parameter (indirect), else that of all other tests."""
    pair: str = getattr(request, "param", DEFAULT_PAIR)
    source, _, box = pair.partition(":")
    with Lab.up(source, box) as running:
        yield running


@pytest.fixture(scope="module")
def fresh(lab: Lab) -> Lab:
    """Both machines, with fresh pools and whole wires."""
    lab.reset()
    return lab


@pytest.fixture
def source(fresh: Lab) -> Guest:
    return fresh.source


@pytest.fixture
def box(fresh: Lab) -> Guest:
    return fresh.box
