"""Prefect's server on the source, and its UI from another computer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lab.forward import forward
from tests.prefect.ui import Json, Ui, patiently

from .home import BOUND, Home

SECRETS = "/etc/zoffsite/prefect.env"
SERVER, SERVE, WORKER = "zoffsite-prefect.service", "zoffsite-serve.service", "zoffsite-worker.service"


@contextmanager
def ui_of(home: Home) -> Iterator[Ui]:
    """Through ssh -L, as docs/how-to/run-on-a-schedule.md says."""
    login = home.source.run(f"sed -n s/^PREFECT_API_AUTH_STRING=//p {SECRETS}").strip()
    with forward(home.source, "127.0.0.1", 4200) as port:
        yield Ui(f"http://127.0.0.1:{port}/api", login, BOUND)


def await_server(ui: Ui) -> None:
    """Until it answers: neither a connection that is refused nor one that is cut is an answer."""
    for _ in patiently("Prefect's server", BOUND):
        try:
            ui.api("/health")
        except OSError:
            continue
        return


def await_scheduled(ui: Ui) -> Json:
    """The first run that a schedule has started, and that has ended."""
    query = {"flow_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED"]}}}}
    for _ in patiently("a run by the schedule", BOUND):
        for run in ui.api("/flow_runs/filter", query):
            if run["auto_scheduled"]:
                return dict(run)
    raise AssertionError


def pause(ui: Ui) -> None:
    """Let the schedule of the backups rest, as by its switch in the UI."""
    ui.api(f"/deployments/{ui.deployment('home')['id']}/pause_deployment", {})


def artifacts(ui: Ui, run: str) -> dict[str, str]:
    """What a run has drawn, by key."""
    found = ui.api("/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run]}}})
    return {each["key"]: str(each["data"]) for each in found}


def last_runs(ui: Ui) -> str:
    """The table of the last runs, whoever started them."""
    found = ui.api("/artifacts/latest/filter", {"artifacts": {"key": {"any_": ["runs-home"]}}})
    return str(found[0]["data"]) if found else ""
