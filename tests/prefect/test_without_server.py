"""A broken Prefect server stops no backup; and what is imported as `flows` and `tasks` is ours."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from demo.environment import clean_environment
from tasks.artifacts import show_plan
from zoffsite.model.plan import JobPlan

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMERKkMTZA6OQs2mNTAC68xWf5DtojAJZYgCDIVWmyaN"
HOST = f"""\
host = "127.0.0.1"
port = 9
user = "zoffsite"
host_key = "{HOST_KEY}"
identity_file = "key"
"""
SETTINGS = f"""\
[source.nas]
{HOST}
[box.friend]
{HOST}
root = "vault/home"

[job.home]
source = "nas"
box = "friend"
datasets = ["tank/home"]
retries = {{count = 0}}
"""
OTHER = f"""
[box.other]
{HOST}
root = "vault/photos"

[job.photos]
source = "nas"
box = "other"
datasets = ["tank/photos"]
"""
"""A second job, with a box of its own."""
DEAD = "http://127.0.0.1:9/api"
PLACES = {
    ".env": f"PREFECT_API_URL={DEAD}\n",
    "prefect.toml": f'[api]\nurl = "{DEAD}"\n',
    "pyproject.toml": f'[tool.prefect.api]\nurl = "{DEAD}"\n',
    ".prefect/profiles.toml": f'active = "home"\n[profiles.home]\nPREFECT_API_URL = "{DEAD}"\n',
}
"""What Prefect reads, in the folder of the command or at home; here they are one."""
LOOKED = """
import sys
from zoffsite.cli.prefect_api import configured_url
print([configured_url(), "prefect" in sys.modules])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    (tmp_path / "zoffsite.toml").write_text(SETTINGS)
    return tmp_path


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Nothing of Prefect but what a test puts there."""
    return {**clean_environment(), "HOME": str(folder), "ZOFFSITE_STATE_DIR": str(folder / "state"), **more}


def zoffsite(folder: Path, *words: str, api: str | None = None) -> subprocess.CompletedProcess[str]:
    env = environment(folder, **({"PREFECT_API_URL": api} if api else {}))
    command = [str(Path(sys.executable).with_name("zoffsite")), *words]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)


def looked(folder: Path, **more: str) -> str:
    """The URL that is found in `folder`, and whether Prefect was imported for it."""
    command = [sys.executable, "-c", LOOKED]
    env = environment(folder, **more)
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=True).stdout.strip()


def put(folder: Path, place: str, text: str) -> None:
    (folder / place).parent.mkdir(exist_ok=True)
    (folder / place).write_text(text)


@pytest.mark.parametrize(
    ("api", "why"), [(None, "no Prefect API is configured"), (DEAD, f"the Prefect API at {DEAD} does not answer")]
)
def test_without_a_server_the_job_runs_directly_and_says_so(folder: Path, api: str | None, why: str) -> None:
    ended = zoffsite(folder, "backup", api=api)
    assert f"Running directly: {why}." in " ".join(ended.stderr.split())
    assert (folder / "state/reports/home.json").exists()  # it really was carried out, as far as the dead hosts let it


def test_prefect_that_was_asked_for_and_is_not_there_is_exit_code_3(folder: Path) -> None:
    ended = zoffsite(folder, "backup", "--prefect", api=DEAD)
    assert ended.returncode == 3
    assert "zoffsite backup --direct" in " ".join(ended.stderr.split())
    assert not (folder / "state/reports").exists()


@contextmanager
def broken_server(status: int) -> Iterator[str]:
    """The URL of what answers `/health` as a sound Prefect API does, and everything else with `status` and a page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sound = self.path.endswith("/health")
            body = b"true" if sound else b"<html>"
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(200 if sound else status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PATCH = do_GET  # noqa: N815 (theirs)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/api"
        finally:
            server.shutdown()


@pytest.mark.parametrize("status", [200, 401, 500], ids=["a page", "another password", "broken"])
def test_a_server_that_takes_no_run_stops_no_backup(folder: Path, status: int) -> None:
    with broken_server(status) as api:
        ended = zoffsite(folder, "backup", "--wait", api=api)
    assert "Running directly: Prefect cannot run it (" in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr
    assert (folder / "state/reports/home.json").exists()


def test_a_server_that_takes_no_run_is_exit_code_3_where_prefect_was_asked_for(folder: Path) -> None:
    with broken_server(401) as api:
        ended = zoffsite(folder, "backup", "--prefect", api=api)
    assert ended.returncode == 3
    assert "PREFECT_API_AUTH_STRING is the server's" in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr
    assert not (folder / "state/reports").exists()


@pytest.mark.parametrize("place", PLACES)
def test_the_api_is_found_wherever_prefect_itself_finds_it(tmp_path: Path, place: str) -> None:
    put(tmp_path, place, PLACES[place])
    assert looked(tmp_path) == str([DEAD, True])


def test_a_profile_that_the_environment_chooses_is_found(tmp_path: Path) -> None:
    assert looked(tmp_path, PREFECT_PROFILE="local") == str(["http://127.0.0.1:4200/api", True])


def test_the_environment_goes_before_every_file_and_costs_no_import(tmp_path: Path) -> None:
    put(tmp_path, "prefect.toml", PLACES["prefect.toml"])
    other = "http://127.0.0.1:10/api"
    assert looked(tmp_path, PREFECT_API_URL=other) == str([other, False])


def test_nothing_that_could_name_an_api_costs_no_import(tmp_path: Path) -> None:
    put(tmp_path, ".env", "ZOFFSITE_NOTIFY_URLS=json://127.0.0.1:9\n")
    put(tmp_path, "pyproject.toml", "[tool.other]\nurl = 1\n")
    assert looked(tmp_path) == str(["", False])


def test_an_api_that_a_profile_names_is_the_one_that_is_asked(folder: Path) -> None:
    put(folder, ".prefect/profiles.toml", PLACES[".prefect/profiles.toml"])
    ended = zoffsite(folder, "backup", "--prefect")
    assert ended.returncode == 3
    assert f"the Prefect API at {DEAD} does not answer" in " ".join(ended.stderr.split())


def test_a_file_that_prefect_cannot_read_stops_no_backup(folder: Path) -> None:
    put(folder, "prefect.toml", "[api")
    ended = zoffsite(folder, "backup")
    assert "Running directly: Prefect cannot read its settings" in " ".join(ended.stderr.split())
    assert (folder / "state/reports/home.json").exists()


def test_a_plan_that_cannot_be_shown_is_a_line_in_the_log_and_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    with temporary_settings({PREFECT_API_URL: DEAD, PREFECT_CLIENT_MAX_RETRIES: 0}):
        show_plan(JobPlan(job="home", datasets=(), to_snapshot=(), prune=()))
    assert "Prefect could not be shown" in caplog.text


def test_the_flows_and_tasks_that_are_imported_are_ours(tmp_path: Path) -> None:
    code = "import flows.backup as f, tasks.send as t, zoffsite as z; print(f.__file__, t.__file__, z.__file__)"
    printed = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert len({Path(path).parent.parent for path in printed.stdout.split()}) == 1


WATCHED = """
import importlib, os, sys
class Watch:
    def find_spec(name, path=None, target=None):
        if name == "prefect":
            print(os.environ.get("DO_NOT_TRACK"))
sys.meta_path.insert(0, Watch)
importlib.import_module(sys.argv[1])
"""
"""What Prefect finds when it is imported: that is when it decides whether to report to its makers."""


@pytest.mark.parametrize("module", ["flows.api", "tasks.options", "deployments.catalog"])
@pytest.mark.parametrize(("set_", "found"), [({}, "1"), ({"DO_NOT_TRACK": "0"}, "0")], ids=["unset", "set"])
def test_prefect_reports_to_nobody_unless_somebody_wants_it_to(
    folder: Path, module: str, set_: dict[str, str], found: str
) -> None:
    own = {name: text for name, text in environment(folder).items() if name != "DO_NOT_TRACK"}
    argv = [sys.executable, "-c", WATCHED, module]
    done = subprocess.run(argv, env={**own, **set_}, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [found]
