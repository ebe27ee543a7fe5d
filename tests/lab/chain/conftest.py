"""One pair of machines for all these tests; each stage is a tree and a root of its own on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab import Lab

from .stage import Stage

MakeStage = Callable[..., Stage]


@pytest.fixture(scope="module")
def make_stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeStage]:
    """Makes a stage named `name`: tank/`name`, encrypted, and vault/`name`, delegated."""
    made: list[Stage] = []

    def make(name: str, **settings: object) -> Stage:
        made.append(new_stage(lab, tmp_path_factory.mktemp(name), name, **settings))
        return made[-1]

    yield make
    for stage in made:
        stage.end()


def new_stage(lab: Lab, folder: Path, name: str, **settings: object) -> Stage:
    """An encrypted tree, a root on the box, settings that join them."""
    stage = Stage(lab, folder, f"tank/{name}", f"vault/{name}")
    lab.source.create_encrypted(stage.tree, recordsize="16K")
    lab.box.prepare_box(stage.root)
    stage.configure(**settings)
    return stage
