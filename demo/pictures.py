"""The pictures of docs/images, of a server that is up: `python -m demo.pictures http://127.0.0.1:4200/api docs/images`.

`scripts/demo --ui` keeps one up. What the server has nothing of is left as it is, and said.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from demo.browser import picture_of

ARTIFACTS = {
    "plan": "plan-",
    "report": "report-",
    "freshness": "freshness-",
    "runs": "runs-",
    "retention": "retention-",
    "doctor": "doctor-",
    "progress": "send-",
}


def main(arguments: list[str]) -> int:
    """Take what can be taken."""
    api, folder = arguments[0].rstrip("/"), Path(arguments[1])
    for name, page in pages(api):
        file = folder / f"prefect-{name}.png"
        if page.startswith("/"):
            picture_of(f"{api.removesuffix('/api')}{page}", file)
            print(f"{file.name}: {page}")
        else:
            print(f"{file.name}: there is no {page}")
    return 0


def pages(api: str) -> Iterator[tuple[str, str]]:
    """Each picture with the path of its page, or with what is missing."""
    runs = asked(api, "/flow_runs/filter", {"sort": "START_TIME_DESC", "limit": 1})
    yield "run", f"/runs/flow-run/{runs[0]['id']}" if runs else "run"
    deployments = asked(api, "/deployments/filter", {"flows": {"name": {"any_": ["backup"]}}, "limit": 1})
    for name, path in (("deployment", ""), ("form", "/run")):
        yield name, f"/deployments/deployment/{deployments[0]['id']}{path}" if deployments else "deployment"
    for name, key in ARTIFACTS.items():
        query = {"artifacts": {"key": {"like_": f"{key}%"}}, "sort": "UPDATED_DESC", "limit": 1}
        found = asked(api, "/artifacts/filter", query)
        yield name, f"/artifacts/artifact/{found[0]['id']}" if found else f"artifact {key}…"


def asked(api: str, path: str, query: dict[str, Any]) -> list[dict[str, Any]]:
    """What the API answers."""
    body, kind = json.dumps(query).encode(), {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{api}{path}", body, kind)  # noqa: S310 - the developer's own server
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return list(json.load(answer))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
