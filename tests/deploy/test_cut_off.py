"""A deployment that was cut off is made good by the next one. systemctl is played by a script."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from zoffsite.actions.deploy import Machine, carry_out, plan_deployment
from zoffsite.deploy.spec import Deployment, Needs, Way
from zoffsite.deploy.units import SERVE, SERVER
from zoffsite.model.errors import OperationError

SYSTEMCTL = """#!/bin/sh
echo "$1" >> {folder}/orders
[ "$1" != "$(cat {folder}/broken 2>/dev/null)" ]
"""


class Living(Machine):
    """As if its folder were /."""

    @property
    def live(self) -> bool:
        return True


@dataclass(frozen=True)
class Stage:
    """A machine on which `order` of systemctl can be made to fail, which ends a deployment as a kill does."""

    folder: Path

    def deploy(self, broken: str = "", jobs: tuple[str, ...] = ("home",)) -> tuple[str, ...]:
        (self.folder / "broken").write_text(broken)
        deployment = Deployment(
            way=Way.PREFECT,
            config=self.folder / "zoffsite.toml",
            state_dir=self.folder / "state",
            python=Path("/usr/bin/python3"),
            zoffsite=Path("/usr/bin/zoffsite"),
            reachable=True,
            needs=Needs(zfs=False, disks=False, hooks=False),
            jobs=jobs,
        )
        machine = Living(root=self.folder / "root")
        return carry_out(deployment, machine, plan_deployment(deployment, machine, {}))


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    systemctl = tmp_path / "systemctl"
    systemctl.write_text(SYSTEMCTL.format(folder=tmp_path))
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return Stage(tmp_path)


@pytest.mark.parametrize("broken", ["daemon-reload", "enable", "restart"])
def test_wherever_a_deployment_was_cut_off_the_next_one_restarts_what_runs_with_old_files(
    stage: Stage, broken: str
) -> None:
    stage.deploy()
    with pytest.raises(OperationError):
        stage.deploy(broken, jobs=("home", "photos"))
    said = stage.deploy(jobs=("home", "photos"))
    assert said[0] == "systemctl daemon-reload"
    assert said[-1] == f"systemctl restart {SERVER} {SERVE}"
    assert (stage.folder / "orders").read_text().splitlines()[-1] == "restart"


def test_one_that_came_to_its_end_restarts_nothing_the_next_time(stage: Stage) -> None:
    stage.deploy()
    stage.deploy(jobs=("home", "photos"))
    assert not any("restart" in line for line in stage.deploy(jobs=("home", "photos")))
