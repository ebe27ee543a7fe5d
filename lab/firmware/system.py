"""The system that a box with a locked boot chain would have, built once."""

from __future__ import annotations

from lab import image
from lab.firmware.recipe import LAB, RECIPE
from lab.image import Image


def system() -> Image:
    """Built first if the cache lacks it; OpenZFS comes compiled from the lab's own image."""
    image.ensure(LAB.version)
    return image.made_of(RECIPE)
