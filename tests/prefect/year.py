"""A year of hourly runs in a fresh database of Prefect, and then its own cleaning, once.

Run by a process of its own, because Prefect reads its settings when it is imported. Prints, as JSON, how many rows each
table had and has.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from prefect.server.database import PrefectDBInterface, provide_database_interface
from prefect.server.services import db_vacuum
from prefect.settings import get_current_settings

RUNS = 365 * 24
TASKS = ("snapshot", "find common base")
"""Most hourly runs find nothing to send, and a dataset with nothing to do has no task."""
STATES = ("RUNNING", "COMPLETED")
ARTIFACTS = ("report-home", "runs-home")
LINES = 1
EVENT_DAYS = 9
"""Events of the last days only: what is older the cleaning of the year before has taken away, week by week."""
OUTSIDE = 5
"""Artifacts that belong to no run: when what serves the jobs was started, it showed what had run meanwhile."""
Rows = dict[str, list[dict[str, Any]]]


async def main() -> None:
    """Fill, clean, count."""
    db = provide_database_interface()
    await db.create_db()
    await fill(db)
    before = await count(db)
    for clean in (
        db_vacuum.vacuum_old_flow_runs,
        db_vacuum.vacuum_events_with_retention_overrides,
        db_vacuum.vacuum_old_events,
        db_vacuum.vacuum_orphaned_logs,
        db_vacuum.vacuum_orphaned_artifacts,
        db_vacuum.vacuum_stale_artifact_collections,
    ):
        await clean(db=db)
    cleaned = get_current_settings().server.services.db_vacuum.enabled_vacuum_types
    print(json.dumps({"before": before, "left": await count(db), "cleaned": sorted(cleaned)}))


def tables(db: PrefectDBInterface) -> Mapping[str, Any]:
    """All that a run leaves rows in, in an order in which they can be filled."""
    found = (
        *(db.Flow, db.FlowRun, db.FlowRunState, db.TaskRun, db.TaskRunState, db.Log),
        *(db.Artifact, db.ArtifactCollection, db.Event, db.EventResource),
    )
    return {table.__tablename__: table for table in found}


async def count(db: PrefectDBInterface) -> dict[str, int]:
    """Rows by table."""
    async with db.session_context() as session:
        return {
            name: await session.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for name, table in tables(db).items()
        }


async def fill(db: PrefectDBInterface) -> None:
    """What each run leaves behind; and what is shown outside of runs."""
    rows: Rows = defaultdict(list)
    now, flow = datetime.now(UTC), uuid4()
    rows["flow"].append({"id": flow, "name": "backup"})
    for number in reversed(range(RUNS)):
        add_run(rows, flow, now - timedelta(hours=number, minutes=1), number)
    for number in range(OUTSIDE):
        when = now - timedelta(days=180 + number)
        rows["artifact"].append({"id": uuid4(), "key": "runs-home", "data": "x", "created": when})
    latest = {row["key"]: row for row in rows["artifact"] if "flow_run_id" in row}
    rows["artifact_collection"] = [
        {"id": uuid4(), "key": key, "latest_id": row["id"], "data": "x"} for key, row in latest.items()
    ]
    async with db.session_context(begin_transaction=True) as session:
        for name, table in tables(db).items():
            await session.execute(sa.insert(table), rows[name])


def add_run(rows: Rows, flow: UUID, when: datetime, number: int) -> None:
    """A run; the oldest sent a dataset that is no more."""
    run, told = uuid4(), number < EVENT_DAYS * 24
    ended = {"state_type": "COMPLETED", "state_name": "Completed", "start_time": when, "end_time": when}
    rows["flow_run"].append({"id": run, "flow_id": flow, "name": "home: nothing to send", **ended})
    add_states(rows, "flow_run", run, when, told=told)
    for task in TASKS:
        each = uuid4()
        rows["task_run"].append(
            {"id": each, "flow_run_id": run, "task_key": task, "dynamic_key": task, "name": task, **ended}
        )
        add_states(rows, "task_run", each, when, told=told)
    for _ in range(LINES):
        rows["log"].append({"name": "zoffsite", "level": 20, "flow_run_id": run, "message": "x", "timestamp": when})
    for key in (*ARTIFACTS, *(["send-tank-gone"] if number == RUNS - 1 else [])):
        rows["artifact"].append({"id": uuid4(), "key": key, "flow_run_id": run, "data": "x", "created": when})


def add_states(rows: Rows, kind: str, of: UUID, when: datetime, *, told: bool) -> None:
    """The states of a flow run or a task run, each with its event, as long as it was `told` of lately."""
    for place, state in enumerate(STATES):
        moment, event = when + timedelta(seconds=place), uuid4()
        rows[f"{kind}_state"].append(
            {"id": uuid4(), f"{kind}_id": of, "type": state, "name": state.title(), "timestamp": moment}
        )
        if not told:
            continue
        name, resource = f"prefect.{kind.replace('_', '-')}.{state.title()}", {"prefect.resource.id": str(of)}
        rows["events"].append(
            {
                "id": event,
                "event": name,
                "resource_id": str(of),
                "resource": resource,
                "payload": {},
                **dict.fromkeys(("occurred", "received", "recorded"), moment),
            }
        )
        rows["event_resources"].append(
            {
                "id": uuid4(),
                "event_id": event,
                "occurred": moment,
                "resource_id": str(of),
                "resource_role": "",
                "resource": resource,
            }
        )


if __name__ == "__main__":
    asyncio.run(main())
