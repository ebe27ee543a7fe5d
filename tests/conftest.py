"""What holds for every test."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from hypothesis import settings
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler import LoadFileScheduling, Scheduling  # type: ignore[import-untyped]

from zoffsite.config.places import CONFIG_VARIABLE
from zoffsite.hosts.transfers import transfers

DEFAULT_PAIR = os.environ.get("ZOFFSITE_LAB_PAIR", "2.1:2.3")
"""The versions of OpenZFS of the two machines, "SOURCE:BOX", for tests that do not ask for others."""

# How long an example takes says nothing on a busy machine; what the examples show does.
settings.register_profile("zoffsite", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=20)  # `scripts/test --unit`
settings.load_profile("zoffsite")


@pytest.fixture(autouse=True)
def environment_as_it_was() -> Iterator[None]:
    """A command sets ZOFFSITE_CONFIG for its process, which here goes on with other tests; a user may have set it."""
    with patch.dict(os.environ):
        os.environ.pop(CONFIG_VARIABLE, None)
        yield


@pytest.fixture(autouse=True)
def work_is_allowed() -> Iterator[None]:
    """A run that a test has stopped stops no other."""
    transfers.reset()
    yield
    transfers.reset()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs nothing comes first: it ends in a minute, and its process holds no thread of a Prefect client yet.

    Such a thread draws from the global `random` as long as the process lives, which Hypothesis takes for a strategy
    that does. Next comes what asks for a pair of machines of its own.
    """
    items.sort(key=lambda item: (needs_something(item), not pair_of(item.nodeid)))


def needs_something(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) for name in ("lab", "prefect", "sshd"))


def pair_of(nodeid: str) -> str:
    """The pair of machines that a test asks for by a parameter; none means the one of all others."""
    asked = re.search(r"\[.*?(\d+\.\d+:\d+\.\d+)", nodeid)
    return asked[1] if asked and asked[1] != DEFAULT_PAIR else ""


class ByPairsAndFiles(LoadFileScheduling):  # type: ignore[misc]
    """Each pair of machines that tests ask for is started by one process, once; all other tests go by their files."""

    def _split_scope(self, nodeid: str) -> str:
        return pair_of(nodeid) or nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    """Of `-n 2 --dist loadfile`."""
    return ByPairsAndFiles(config, log) if config.getvalue("dist") == "loadfile" else None
