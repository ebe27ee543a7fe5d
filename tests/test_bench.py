"""The bench's own arithmetic: what is counted, and what is made of it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bench import accounting, arrival, results
from bench.meter import Measured
from bench.plot import bars

RUN = Measured(
    tool="zoffsite",
    row="nothing",
    at="2026-11-23T15:00:00Z",
    seconds=2.0,
    cpu=1.0,
    guest_cpu=3.0,
    zfs_processes=3,
    connections=2,
    packets=100,
    load=0.5,
)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(results, "MEASUREMENTS", tmp_path / "measurements.jsonl")
    monkeypatch.setattr(results, "OWN", tmp_path / "own.json")
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results.json")
    return tmp_path


def test_the_ratio_is_that_of_the_medians_to_the_quickest_peer(place: Path) -> None:
    for seconds in (2.0, 9.0, 3.0):
        results.keep(replace(RUN, seconds=seconds), "2 × 2")
        results.keep(replace(RUN, tool="bzfs", seconds=seconds * 4), "2 × 2")
        results.keep(replace(RUN, tool="syncoid", seconds=seconds * 40), "2 × 2")
    results.write_json(results.figures())
    assert json.loads((place / "results.json").read_text()) == {
        "rows": [
            {
                "row": "Nothing to do, 20 ms, 2 × 2",
                "ours": 3.0,
                "best_peer": 12.0,
                "ratio": 0.25,
                "goal": 0.2,
                "higher_is_better": False,
            }
        ]
    }


def test_runs_of_another_shape_are_figures_of_their_own() -> None:
    results.keep(RUN, "2 × 2")
    results.keep(replace(RUN, seconds=8.0), "3 × 3")
    assert [each["zoffsite"].seconds for each in results.figures().values()] == [2.0, 8.0]
    assert {key[0] for key in results.figures()} == {"2 × 2", "3 × 3"}
    assert asdict(RUN)["seconds"] == 2.0


def test_a_row_without_a_peer_is_no_result(place: Path) -> None:
    results.keep(RUN, "2 × 2")
    results.write_json(results.figures())
    assert json.loads((place / "results.json").read_text()) == {"rows": []}


def entries(place: Path) -> dict[str, tuple[float, float, float]]:
    results.write_json(results.figures())
    rows = json.loads((place / "results.json").read_text())["rows"]
    return {each["row"]: (each["ours"], each["best_peer"], each["goal"]) for each in rows}


def test_the_first_byte_is_compared_with_peers_that_look_what_there_is(place: Path) -> None:
    for tool, first in (("zoffsite", 1.0), ("bzfs", 4.0), ("two lines", 0.1)):
        results.keep(replace(RUN, tool=tool, row="change", first=first), "2 × 2")
    assert entries(place)["First byte, A small increment of each, 20 ms, 2 × 2"] == (1.0, 4.0, 1.0)


def test_the_cost_of_a_large_transfer_is_compared_with_openssh(place: Path) -> None:
    for tool, cpu, guest in (("zoffsite", 1.0, 2.0), ("bzfs", 0.1, 0.1), ("two lines", 4.0, 2.0)):
        results.keep(replace(RUN, tool=tool, row="large", cpu=cpu, source_cpu=guest, first=1.0), "1 × 1")
    assert entries(place)["CPU here and on the source, One large full send, no delay, 1 × 1"] == (3.0, 6.0, 1.0)


def test_how_the_time_grows_with_the_datasets_is_beside_our_own(place: Path) -> None:
    results.keep(RUN, "100 × 20")
    results.keep(replace(RUN, row="thousand", seconds=5.0), "1000 × 2")
    assert entries(place) == {"Nothing to do, 1000 datasets beside 100": (5.0, 2.0, 3.0)}


def test_a_line_of_the_kernels_trace_tells_when(place: Path) -> None:
    line = "             zfs-812     [001] ..... 10345.678901: bench_receive: (zfs_ioc_recv_new+0x0/0x4e0 [zfs])"
    assert arrival.stamp(line) == 10345.678901


def test_a_record_of_process_accounting_has_the_size_that_linux_gives_it() -> None:
    assert accounting.RECORD.size == 64


@pytest.mark.parametrize(("short", "ticks"), [(0, 0), (5, 5), (0x1FFF, 8191), (1 << 13 | 3, 24), (2 << 13 | 1, 64)])
def test_the_short_numbers_of_process_accounting_are_read(short: int, ticks: int) -> None:
    assert accounting.ticks(short) == ticks


def test_a_picture_holds_what_it_shows_and_nothing_that_is_markup() -> None:
    drawn = bars("a < b", {"zoffsite": 1.0, "a&b": 2.5})
    assert "a &lt; b" in drawn
    assert "a&amp;b" in drawn
    assert drawn.count("<rect") == 3
