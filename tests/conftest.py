"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# How long an example takes says nothing on a busy machine; what the examples show does.
settings.register_profile("zoffsite", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=20)  # `scripts/test --unit`
settings.load_profile("zoffsite")
