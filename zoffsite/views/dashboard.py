"""A dashboard for Grafana, drawn from the metrics that there are: import it, and choose the Prometheus data source."""

from __future__ import annotations

import json
from typing import Any

_SOURCE = {"type": "prometheus", "uid": "${source}"}
_PANELS: tuple[tuple[str, str, str, str, str], ...] = (
    ("stat", "Replicas that are not good", "sum(zoffsite_replica_good == bool 0)", "none", ""),
    ("stat", "Sides that cannot be asked", "sum(zoffsite_up == bool 0)", "none", ""),
    ("stat", "Since the last good run", "time() - zoffsite_last_success_timestamp_seconds", "s", "{{job}}"),
    ("stat", "Days until the box is full", "zoffsite_box_full_days", "d", "{{job}}"),
    (
        "timeseries",
        "Age of the data on the box, as a share of the objective",
        "(time() - zoffsite_replica_data_timestamp_seconds) / zoffsite_replica_objective_seconds",
        "percentunit",
        "{{job}} {{dataset}}",
    ),
    ("timeseries", "Size of each replica", "zoffsite_replica_used_bytes", "bytes", "{{job}} {{dataset}}"),
    ("timeseries", "Room on the box", "zoffsite_box_free_bytes", "bytes", "{{job}}"),
    ("timeseries", "What a day brings", "zoffsite_replica_growth_bytes", "bytes", "{{job}} {{dataset}}"),
    ("timeseries", "How long runs take", "zoffsite_last_run_duration_seconds", "s", "{{job}}"),
    ("timeseries", "Runs under way", "zoffsite_running", "none", "{{job}}"),
    ("table", "Next runs", "zoffsite_next_run_timestamp_seconds * 1000", "dateTimeAsIso", "{{job}}"),
)
"""Kind, title, expression, unit and legend of each panel."""


def dashboard_json() -> str:
    """The file that Grafana imports."""
    return json.dumps(
        {
            "title": "zoffsite",
            "uid": "zoffsite",
            "tags": ["zoffsite", "backup"],
            "schemaVersion": 39,
            "refresh": "5m",
            "time": {"from": "now-30d", "to": "now"},
            "templating": {
                "list": [{"name": "source", "type": "datasource", "query": "prometheus", "label": "Source"}]
            },
            "panels": [_panel(number, *panel) for number, panel in enumerate(_PANELS)],
        },
        indent=2,
    )


def _panel(number: int, kind: str, title: str, expression: str, unit: str, legend: str) -> dict[str, Any]:
    """Four small ones in the first line, then two large ones a line."""
    place = (
        {"x": 6 * number, "y": 0, "w": 6, "h": 5}
        if number < 4
        else {"x": 12 * (number % 2), "y": 5 + 8 * ((number - 4) // 2), "w": 12, "h": 8}
    )
    return {
        "id": number + 1,
        "type": kind,
        "title": title,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "targets": [
            {
                "refId": "A",
                "datasource": _SOURCE,
                "expr": expression,
                "legendFormat": legend,
                "instant": kind != "timeseries",
            }
        ],
    }
