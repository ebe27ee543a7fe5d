"""A restore, where what is asked of the hosts is left out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.actions.crowd import Crowd
from tests.planning.make import JOB, snap
from zoffsite.actions import restore
from zoffsite.actions.progress import log_progress
from zoffsite.hosts.connections import Connections
from zoffsite.model.restore import Restoration, RestoreAction, RestorePlan, RestoreResult, Wanted

WANTED = Wanted(dataset="tank/home", to="tank/back")


def part(name: str, action: RestoreAction = RestoreAction.RECEIVE) -> Restoration:
    return Restoration(
        dataset=f"tank/home{name}",
        replica=f"vault/box/tank:home{name.replace('/', ':')}",
        target=f"tank/back{name}",
        action=action,
        reason="",
        snapshot=snap(1),
    )


@pytest.mark.parametrize("parallel", [1, 3])
def test_no_more_datasets_than_allowed_come_back_at_the_same_time_and_no_fewer(
    parallel: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = (part("", RestoreAction.THERE), *(part(f"/{number}") for number in range(2 * parallel)))
    plan = RestorePlan(job="home", wanted=WANTED, containers=(), datasets=parts)
    crowd = Crowd(parallel)

    def retrieve(*_: object, **__: object) -> int:
        crowd.join()
        return 7

    monkeypatch.setattr(restore, "preview_restore", lambda *_: plan)
    monkeypatch.setattr(restore, "retrieve", retrieve)
    for end in ("restore_box_of", "receiver_of"):
        monkeypatch.setattr(Connections, end, lambda *_: None)
    job = replace(JOB, parallel=parallel)
    outcomes = restore.bring_back(job, WANTED, Connections(), log_progress(), None)
    assert [(each.plan, each.bytes) for each in outcomes] == [(parts[0], 0), *((each, 7) for each in parts[1:])]
    assert {each.state for each in outcomes[1:]} == {RestoreResult.RESTORED}
    assert crowd.most == parallel
