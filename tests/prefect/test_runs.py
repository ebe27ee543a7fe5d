"""Runs through a real Prefect server, between two machines with real ZFS."""

from __future__ import annotations

import pytest

from tests.prefect.prefect_stage import PASSWORD, Killed, Seen, Stage
from tests.prefect.ui import Json

pytestmark = [pytest.mark.lab, pytest.mark.prefect]
DATASETS = ("tank/enc/a", "tank/enc/b", "tank/enc/c")
SECONDS = 20.0
"""Within which both processes of a transfer must be gone: with emulated CPU, and looked for over SSH."""


def test_each_job_is_a_deployment_of_each_flow_with_its_schedule_and_one_run_at_a_time(stage: Stage) -> None:
    crons = {"backup": ["30 2 * * *"], "verify": ["0 12 * * *"], "prune": []}
    for verb, cron in crons.items():
        deployment = stage.deployment(verb)
        assert [each["schedule"]["cron"] for each in deployment["schedules"]] == cron
        assert all(each["schedule"]["timezone"] == "Europe/Berlin" for each in deployment["schedules"])
        assert all(each["active"] for each in deployment["schedules"])
        assert deployment["global_concurrency_limit"]["limit"] == 1
        assert deployment["concurrency_options"]["collision_strategy"] == "ENQUEUE"
        assert deployment["parameters"] == {"job": "home"}
        assert set(deployment["tags"]) == {"zoffsite", "home", verb}


def test_the_form_of_a_run_explains_its_parameters_and_offers_the_jobs(stage: Stage) -> None:
    form = stage.deployment()["parameter_openapi_schema"]["properties"]
    assert form["job"]["enum"] == ["home"]
    assert form["datasets"]["description"].startswith("Only these datasets of the job")
    assert form["dry_run"]["description"].startswith("Change nothing")


def test_a_run_triggered_through_the_api_backs_up_everything(first: Seen) -> None:
    assert first.run["state_type"] == "COMPLETED"
    assert "all 3 datasets are on the box" in first.run["state"]["message"]
    assert {each["source"]: each["state"] for each in first.report["datasets"]} == dict.fromkeys(DATASETS, "sent")
    assert all(each["verified"] for each in first.report["datasets"])


def test_a_run_is_called_after_its_job_and_its_plan_and_found_by_the_name_in_the_report(
    first: Seen, second: Seen
) -> None:
    assert first.run["name"].startswith("home: 3 full, ")
    assert second.run["name"].startswith("home: 2 incremental, ")
    for seen in (first, second):
        assert seen.report["run"].startswith("home-20")
        assert {"zoffsite", "home", "backup", seen.report["run"]} == set(seen.run["tags"])


def test_every_step_of_every_dataset_is_a_task_run_with_a_name(first: Seen) -> None:
    steps = {f"{verb} {dataset}" for dataset in DATASETS for verb in ("send", "verify", "prune")}
    assert set(first.tasks) == {"snapshot", "find common base", *DATASETS, *steps}
    assert {task["state_type"] for task in first.tasks.values()} == {"COMPLETED"}


def test_no_task_needs_leave_from_the_server_to_start(first: Seen, second: Seen) -> None:
    """Prefect asks its server before it starts a task that has tags, and waits for minutes if that is gone."""
    assert {tag for seen in (first, second) for task in seen.tasks.values() for tag in task["tags"]} == set()


def test_plan_and_report_are_tables_and_each_transfer_is_a_bar(first: Seen) -> None:
    plan, report = first.artifacts["plan-home"]["data"], first.artifacts["report-home"]["data"]
    for dataset in DATASETS:
        assert f"| {dataset} | full |" in plan
        assert f"| {dataset} | sent |" in report
        assert first.artifacts[f"send-{dataset.replace('/', '-')}"]["type"] == "progress"
        assert first.artifacts[f"send-{dataset.replace('/', '-')}"]["data"] == 100


def test_log_lines_of_the_core_are_on_the_page_of_the_run(first: Seen) -> None:
    assert any(line.startswith("snapshot of 3 datasets on tank") for line in first.logs)
    assert any(line.startswith("tank/enc/a: ended after") for line in first.logs)


def test_of_all_runs_that_were_missed_one_is_made_up_for(stage: Stage, missed: list[Json]) -> None:
    states = sorted(run["state_type"] for run in missed)
    assert states == ["CANCELLED", "CANCELLED", "COMPLETED"]
    (done,) = [run for run in missed if run["state_type"] == "COMPLETED"]
    assert done["name"] == "home: verify, 3 of 3 good"
    for run in missed:
        if run is not done:
            assert run["state"]["message"].startswith("skipped: it was due at")


def test_one_failing_dataset_stops_no_other_and_the_run_fails_by_its_name(second: Seen) -> None:
    assert second.exit_code == 4, second.stderr
    assert {name: second.dataset(name)["state"] for name in "abc"} == {"a": "sent", "b": "refused", "c": "up-to-date"}
    assert second.run["state_type"] == "FAILED"
    assert "1 of 3 datasets refused: tank/enc/b" in second.run["state"]["message"]
    assert second.tasks["tank/enc/a"]["state_type"] == "COMPLETED"
    assert second.tasks["tank/enc/b"]["state_type"] == "FAILED"


def test_what_cannot_heal_by_itself_is_not_tried_again(second: Seen) -> None:
    assert second.dataset("b")["error"]["code"] == "key-changed"
    assert second.tasks["send tank/enc/b"]["run_count"] == 1


def test_our_own_failures_are_logged_without_tracebacks(second: Seen, stage: Stage) -> None:
    for text in (*second.logs, second.stderr, stage.serve_log):
        assert "Traceback" not in text
        assert "NoneType" not in text


def test_sigterm_ends_both_processes_and_the_run_is_reported(terminated: Seen) -> None:
    assert terminated.gone_after < SECONDS
    assert terminated.exit_code == 130, terminated.stderr
    assert "Traceback" not in terminated.stderr
    assert terminated.run["state_type"] == "CRASHED"
    assert terminated.report["run"] in terminated.run["tags"]
    assert terminated.report["error"]["code"] == "interrupted"
    assert terminated.lock == ""


def test_cancelling_in_the_ui_ends_both_processes_and_the_run_is_reported(cancelled: Seen) -> None:
    assert cancelled.gone_after < SECONDS
    assert cancelled.run["state_type"] == "CANCELLED"
    assert cancelled.report["run"] in cancelled.run["tags"]
    assert cancelled.report["error"]["code"] == "interrupted"
    assert cancelled.lock == ""


def test_a_run_that_was_killed_leaves_no_process_and_the_next_one_tells_of_it(
    stage: Stage, killed: Killed, resumed: Seen
) -> None:
    assert killed.gone_after < SECONDS
    assert "run-killed" in {notice["code"] for notice in resumed.report["notices"]}
    run = stage.ui.api(f"/flow_runs/{killed.run}")
    assert run["state_type"] == "CRASHED"
    assert "the next run found it" in run["state"]["message"]


def test_the_next_run_resumes_what_was_cut_off(stage: Stage, cancelled: Seen, resumed: Seen) -> None:
    assert "| tank/enc/a | resume |" in cancelled.artifacts["plan-home"]["data"]
    assert "| tank/enc/a | resume |" in resumed.artifacts["plan-home"]["data"]
    assert resumed.exit_code == 0, resumed.stderr
    assert resumed.run["state_type"] == "COMPLETED"
    assert resumed.dataset("a")["bytes"] < 15_500_000  # of 16 MiB
    assert stage.token("a") == "-"


def test_the_secrets_of_the_settings_reach_nothing_that_is_stored_or_said(stage: Stage, resumed: Seen) -> None:
    assert PASSWORD in (stage.folder / ".env").read_text()
    places = (stage.folder, stage.server.log.parent)
    said = [path for place in places for path in place.rglob("*") if path.is_file() and path.name != ".env"]
    assert any(path.suffix == ".db" for path in said)
    holding = [path for path in said if PASSWORD.encode() in path.read_bytes()]
    assert not holding
    assert PASSWORD not in resumed.stdout + resumed.stderr
