"""A year of hourly runs in a fresh database of Prefect, and then its own cleaning, once.

Run by a process of its own, because Prefect reads its settings when it is imported. Prints what is left, as JSON.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from prefect.server.database import PrefectDBInterface, provide_database_interface
from prefect.server.services.db_vacuum import vacuum_old_flow_runs
from prefect.settings import get_current_settings

HOURS = 365 * 24
Rows = list[dict[str, Any]]


async def main() -> None:
    """Fill, clean, count."""
    db = provide_database_interface()
    await db.create_db()
    await fill(db)
    await vacuum_old_flow_runs(db=db)
    async with db.session_context() as session:
        left = {
            table.__tablename__: await session.scalar(sa.select(sa.func.count()).select_from(table))
            for table in (db.FlowRun, db.TaskRun, db.Log, db.Artifact)
        }
    cleaned = get_current_settings().server.services.db_vacuum.enabled_vacuum_types
    print(json.dumps({"left": left, "cleaned": sorted(cleaned)}))


async def fill(db: PrefectDBInterface) -> None:
    """What each run leaves behind: itself, a task run, a line of log, an artifact."""
    now, flow = datetime.now(UTC), uuid4()
    runs, tasks, logs, artifacts = Rows(), Rows(), Rows(), Rows()
    for hour in range(HOURS):
        when, run = now - timedelta(hours=hour, minutes=1), uuid4()
        ended = {"state_type": "COMPLETED", "state_name": "Completed", "start_time": when, "end_time": when}
        runs.append({"id": run, "flow_id": flow, "name": "home: nothing to send", **ended})
        tasks.append(
            {"id": uuid4(), "flow_run_id": run, "task_key": "send", "dynamic_key": "0", "name": "send", **ended}
        )
        logs.append({"name": "zoffsite", "level": 20, "flow_run_id": run, "message": "line", "timestamp": when})
        artifacts.append({"id": uuid4(), "key": "report-home", "flow_run_id": run, "data": "x", "created": when})
    async with db.session_context(begin_transaction=True) as session:
        await session.execute(sa.insert(db.Flow), [{"id": flow, "name": "backup"}])
        for table, rows in ((db.FlowRun, runs), (db.TaskRun, tasks), (db.Log, logs), (db.Artifact, artifacts)):
            await session.execute(sa.insert(table), rows)


if __name__ == "__main__":
    asyncio.run(main())
