"""What `zoffsite plan` shows in a terminal of 80 columns."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from tests.planning.make import dataset, job, replica, snap, source, there
from zoffsite.cli.plan import draw_plan
from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job
from zoffsite.model.plan import DatasetPlan, JobPlan
from zoffsite.model.snapshots import Snapshots
from zoffsite.planning.sends import plan_sends

TIB = 2**40


def drawn(chosen: Job, *plans: DatasetPlan) -> list[str]:
    """The lines of the plan."""
    out = StringIO()
    draw_plan(Console(file=out, width=80), chosen, JobPlan(job="home", to_snapshot=(), datasets=plans, prune=()))
    lines = out.getvalue().splitlines()
    assert all(len(line) <= 80 for line in lines[1:])
    return lines


def planned(here: DatasetState, box: DatasetState | None) -> DatasetPlan:
    return plan_sends(job(), here, box, None, f"vault/box/{here.dataset.name.replace('/', ':')}")


FULL = planned(source(snap(1, referenced=int(2.1 * TIB)), name="tank/photos"), None)
MORE = planned(source(snap(1), snap(2, written=3 * 2**20)), replica(there(1)))
SAME = planned(source(snap(1)), replica(there(1)))
PLAIN = planned(DatasetState(dataset=dataset("tank/plain", encryption="off"), snapshots=Snapshots.of([snap(1)])), None)


def test_each_dataset_says_in_words_what_is_done_and_why() -> None:
    text = " ".join(" ".join(drawn(job(), FULL, MORE, SAME, PLAIN)).split())
    assert "full tank/photos full send, 2.1 TiB, because the box has no snapshot of this dataset" in text
    assert f"incremental send, 3.0 MiB, because @{snap(1).name} is the newest snapshot both sides have" in text
    assert f"nothing to send, because the box has @{snap(1).name}, and nothing newer is to be sent" in text
    assert "refused tank/plain the source dataset is not encrypted" in text
    assert "about 2.1 TiB to send" in text


def test_with_a_bandwidth_it_says_how_long_each_takes_and_all_together() -> None:
    text = " ".join(" ".join(drawn(job(bandwidth=10 * 2**20), FULL, MORE, SAME)).split())
    assert "full send, 2.1 TiB, 2 days 13 h, because" in text
    assert "incremental send, 3.0 MiB, 0.3 s, because" in text
    assert "about 2.1 TiB to send, 2 days 13 h at 10.0 MiB/s" in text
