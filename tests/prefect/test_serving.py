"""What serves the jobs on one machine: told to stop, killed, started anew with other settings. No ZFS is needed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.environment import clean_environment
from demo.server import PrefectServer, prefect_server
from deployments.catalog import FLOWS
from tests.notify.servers import web_server, web_url
from tests.prefect.silence import silent_host
from tests.prefect.test_without_server import OTHER, SETTINGS
from tests.prefect.ui import Json, Ui, patiently

pytestmark = pytest.mark.prefect
SCHEDULES = '\n[job.home.schedule]\ncron = "0 3 1 1 *"\nverify = "0 4 1 1 *"\n'


@dataclass(frozen=True)
class House:
    """A machine whose hosts are silent, so that a run lasts until it is ended."""

    folder: Path
    server: PrefectServer
    settings: str

    def write(self, more: str = "") -> None:
        (self.folder / "zoffsite.toml").write_text(self.settings + more)

    @property
    def environment(self) -> dict[str, str]:
        mine = {"ZOFFSITE_STATE_DIR": str(self.folder / "state"), "PREFECT_RUNNER_POLL_FREQUENCY": "1"}
        return {**clean_environment(), **self.server.environment, **mine}

    def serve(self) -> subprocess.Popen[bytes]:
        """As the unit does."""
        return self._start(sys.executable, "-m", "deployments.serve")

    def zoffsite(self, *words: str) -> subprocess.Popen[bytes]:
        """Start the command."""
        return self._start(str(Path(sys.executable).with_name("zoffsite")), *words)

    def _start(self, *argv: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            whole = ["setpriv", "--pdeathsig", "TERM", *argv]
            return subprocess.Popen(whole, cwd=self.folder, env=self.environment, stdout=log, stderr=log)

    @property
    def ui(self) -> Ui:
        return Ui(self.server.url)

    def deployed(self) -> dict[str, int]:
        """How many schedules each deployment has, by FLOW/NAME."""
        flows = {flow["id"]: flow["name"] for flow in self.ui.api("/flows/filter", {})}
        found: list[Json] = self.ui.api("/deployments/filter", {})
        return {f"{flows[each['flow_id']]}/{each['name']}": len(each["schedules"]) for each in found}

    def await_deployed(self, wanted: dict[str, int]) -> None:
        """Until these are there, and nothing else."""
        for _ in patiently(f"just {wanted}"):
            if self.deployed() == wanted:
                return

    @property
    def lock(self) -> str:
        file = self.folder / "state/locks/home.lock"
        return file.read_text() if file.exists() else ""

    def holder(self) -> int:
        """The process of a run, once it has the job's lock."""
        for _ in patiently("a run that holds the lock"):
            if self.lock:
                return int(json.loads(self.lock)["pid"])
        raise AssertionError

    def report(self) -> Json:
        return dict(json.loads((self.folder / "state/reports/home.json").read_text()))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """With a server of its own: two that serve without a work pool would take each other's deployments."""
    folder = tmp_path_factory.mktemp("house")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key")], check=True)
    with prefect_server(tmp_path_factory.mktemp("server")) as server, silent_host() as port:
        server.wait_until_ready()
        yield House(folder, server, SETTINGS.replace("port = 9", f'port = {port}\nconnect_timeout = "5m"'))


def of(job: str, **scheduled: int) -> dict[str, int]:
    return {f"{verb}/{job}": scheduled.get(verb, 0) for verb in FLOWS}


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(120)


def await_end(pid: int) -> None:
    for _ in patiently(f"the end of process {pid}"):
        if not Path(f"/proc/{pid}").exists():
            return


def test_jobs_and_schedules_that_the_settings_no_longer_name_go_from_the_server(house: House) -> None:
    house.write(SCHEDULES + OTHER)
    serving = house.serve()
    house.await_deployed({**of("home", backup=1, verify=1), **of("photos")})
    stop(serving)
    house.write(SCHEDULES.replace('verify = "0 4 1 1 *"\n', ""))
    serving = house.serve()
    house.await_deployed(of("home", backup=1))
    stop(serving)


def test_a_run_without_the_server_is_shown_by_it_as_soon_as_the_jobs_are_served(house: House) -> None:
    (house.folder / "zoffsite.toml").write_text(SETTINGS)
    house.zoffsite("backup", "--direct").wait(120)  # nobody is there, which is soon told
    house.write()
    serving = house.serve()
    for _ in patiently("the last runs"):
        shown = house.ui.api("/artifacts/latest/filter", {"artifacts": {"key": {"any_": ["runs-home"]}}})
        if shown:
            break
    stop(serving)
    assert "| zoffsite backup |" in shown[0]["data"]
    house.write(OTHER)
    serving = house.serve()
    house.await_deployed({**of("home"), **of("photos")})  # which comes after what is shown
    stop(serving)
    # The report, too, with what failed and what to do next; and once, though it was served twice.
    (report,) = house.ui.api("/artifacts/filter", {"artifacts": {"key": {"any_": ["report-home"]}}})
    assert house.report()["error"]["remedy"].split()[0] in report["data"]
    assert len(house.ui.api("/artifacts/filter", {"artifacts": {"key": {"any_": ["runs-home"]}}})) == 1


def test_told_to_stop_it_ends_its_run_which_reports_alerts_and_tells_prefect(house: House) -> None:
    house.write(SCHEDULES)
    with web_server() as (port, posted):
        secret = house.folder / ".env"
        secret.write_text(f"ZOFFSITE_NOTIFY_URLS='{web_url(port).get_secret_value()}'\n")
        secret.chmod(0o600)
        serving = house.serve()
        run = house.ui.run("home")
        pid = house.holder()
        stop(serving)
        await_end(pid)
        assert "ended from outside" in posted.get(timeout=300)["message"]
    secret.unlink()
    assert house.ui.wait_for(run)["state_type"] in ("CANCELLED", "CRASHED")
    assert house.report()["error"]["code"] == "interrupted"
    assert house.lock == ""


def test_killed_with_all_it_had_started_the_next_run_finds_it_and_says_so(house: House) -> None:
    """As systemd does when a unit does not end in time."""
    house.write(SCHEDULES)
    serving = house.serve()
    run = house.ui.run("home")
    pid = house.holder()
    group = os.getpgid(pid)
    os.kill(pid, signal.SIGKILL)
    serving.kill()
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    serving.wait(60)
    await_end(pid)
    following = house.zoffsite("backup", "--prefect")
    for _ in patiently("the word of the next run"):
        if "ended without a report" in " ".join((house.folder / "log").read_text().split()):
            break
    assert house.ui.wait_for(run)["state_type"] == "CRASHED"
    stop(following)
    assert "run-killed" in {notice["code"] for notice in house.report()["notices"]}
