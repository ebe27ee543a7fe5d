"""One Prefect server and one pair of machines for all tests of this room, and the five runs that they look at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from demo.server import PrefectServer, prefect_server
from lab import Lab
from tests.prefect.prefect_stage import Killed, Seen, Stage
from tests.prefect.ui import Json


@pytest.fixture(scope="session")
def starting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    with prefect_server(tmp_path_factory.mktemp("prefect")) as server:
        yield server


@pytest.fixture(scope="session")
def server(starting: PrefectServer) -> PrefectServer:
    starting.wait_until_ready()
    return starting


@pytest.fixture(scope="session")
def stage(starting: PrefectServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Server and machines start at once; deployments are served by a process of their own, as a user would have it."""
    with Lab.up() as lab:
        stage = Stage(lab=lab, server=starting, folder=tmp_path_factory.mktemp("stage"))
        stage.prepare()
        starting.wait_until_ready()
        with stage.serving():
            yield stage


@pytest.fixture(scope="session")
def first(stage: Stage) -> Seen:
    """Triggered through the API, carried out by what is served: everything is sent in full."""
    return stage.seen(stage.ui.wait_for(stage.trigger()))


@pytest.fixture(scope="session")
def missed(stage: Stage, first: Seen) -> list[Json]:
    """Three nights in which the machine was off: the runs of each, once it is back."""
    return [stage.ui.wait_for(run) for run in stage.miss("verify", 3)]


@pytest.fixture(scope="session")
def second(stage: Stage, first: Seen) -> Seen:
    """The same job by `zoffsite backup --prefect`, while nobody has approved the new key of tank/enc/b."""
    stage.write_files("a", "b")
    key = "-o keyformat=raw -o keylocation=file:///root/keys/tank_enc"
    stage.lab.source.run(f"zfs change-key {key} tank/enc/b")
    process = stage.zoffsite("backup", "--prefect", "--json")
    out, err = process.communicate(timeout=300)
    stage.zoffsite("approve-key", "tank/enc/b").communicate(timeout=300)
    return stage.seen(stage.newest_command(), exit_code=process.returncode, stdout=out, stderr=err)


@pytest.fixture(scope="session")
def terminated(stage: Stage, second: Seen) -> Seen:
    """SIGTERM to `zoffsite backup --prefect` in the middle of a transfer."""
    stage.write_files("big", size="16M", into="a")  # two minutes, in which three runs are ended
    stage.write_settings(bandwidth="150 kB/s")
    process = stage.zoffsite("backup", "--prefect")
    stage.wait_until_bytes_flow("a")
    process.terminate()
    gone_after = stage.wait_until_nothing_flows()
    out, err = process.communicate(timeout=300)
    return stage.seen(stage.newest_command(), gone_after, exit_code=process.returncode, stdout=out, stderr=err)


@pytest.fixture(scope="session")
def cancelled(stage: Stage, terminated: Seen) -> Seen:
    """Cancelled, as by the button of the UI, while a served run sends what the one before could not."""
    run = stage.trigger()
    stage.wait_until_bytes_flow("a")
    stage.ui.cancel(run)
    gone_after = stage.wait_until_nothing_flows()
    return stage.seen(stage.ui.wait_for(run), gone_after)


@pytest.fixture(scope="session")
def killed(stage: Stage, cancelled: Seen) -> Killed:
    """SIGKILL to `zoffsite backup --prefect` in the middle of a transfer."""
    process = stage.zoffsite("backup", "--prefect")
    stage.wait_until_bytes_flow("a")
    process.kill()
    process.communicate(timeout=300)
    return Killed(gone_after=stage.wait_until_nothing_flows(), run=stage.newest_command()["id"])


@pytest.fixture(scope="session")
def resumed(stage: Stage, killed: Killed) -> Seen:
    """Whatever was left by then, sent to its end."""
    stage.write_settings()
    process = stage.zoffsite("backup", "--prefect", "--json")
    out, err = process.communicate(timeout=300)
    return stage.seen(stage.newest_command(), exit_code=process.returncode, stdout=out, stderr=err)
