"""The system that a box with a locked boot chain would have, built once: with a TPM 2.0, or opened by the source."""

from __future__ import annotations

from lab import image
from lab.firmware.recipe import LAB, RECIPES
from lab.image import Image


def system(name: str = "boot") -> Image:
    """Built first if the cache lacks it; OpenZFS comes compiled from the lab's own image. `name`: boot or unlock."""
    image.ensure(LAB.version)
    return image.made_of(RECIPES[name])
