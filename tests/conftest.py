"""What holds for every test."""

from __future__ import annotations

import pytest
from hypothesis import settings

# How long an example takes says nothing on a busy machine; what the examples show does.
settings.register_profile("zoffsite", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=20)  # `scripts/test --unit`
settings.load_profile("zoffsite")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes comes first: of two processes, neither should find the longest file at the end."""
    items.sort(key=lambda item: not (item.get_closest_marker("lab") or item.get_closest_marker("prefect")))
