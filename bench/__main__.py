"""Beside the peers: `scripts/bench run` measures, `scripts/bench report` writes the table, the plots and the JSON."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator, Sequence

from bench import results
from bench.ground import Ground
from bench.meter import measure
from bench.own import measure_own
from bench.report import write_report
from bench.rows import ROWS, Row
from bench.tools import PREFECT, configure
from demo.server import prefect_server
from lab import Lab, paths


def main() -> None:
    """Parse the command line, and do it."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser("run", help="measure; every run is kept as soon as it has ended")
    run.add_argument("rows", nargs="*", choices=[*ROWS, []], help="which rows (default: all)")
    run.add_argument("--tools", help="only these, by commas")
    run.add_argument("--rounds", type=int, default=5, help="how often each tool runs, in turn (default: 5)")
    run.add_argument("--no-warm-up", action="store_true", help="every tool has run on this lab before")
    run.add_argument("--pair", default="2.3:2.3", help="OpenZFS of source and box (default: 2.3:2.3)")
    run.add_argument("--lab", help="the name of a lab that is up, instead of one for this run")
    verbs.add_parser("own", help="measure what has no peer: planning, and the digest")
    verbs.add_parser("report", help="write docs/reference/bench.md, the plots and bench/results.json")
    options = parser.parse_args()
    if options.verb == "run":
        _run(options)
    if options.verb == "own":
        measure_own()
    if options.verb == "report":
        write_report()


def _run(options: argparse.Namespace) -> None:
    with _lab(options) as lab:
        folder = paths.cache() / f"bench-{options.lab or 'own'}"
        for key in options.rows or ROWS:
            row = ROWS[key]
            (folder / row.tree.name).mkdir(parents=True, exist_ok=True)
            ground = Ground(lab, folder / row.tree.name, row.tree)
            ground.prepare()
            configure(ground)
            shape = f"{row.tree.shape}, OpenZFS {lab.source.version} → {lab.box.version}"
            _row(ground, row, options.tools.split(",") if options.tools else row.tools, shape, options)


def _row(ground: Ground, row: Row, tools: Sequence[str], shape: str, options: argparse.Namespace) -> None:
    ground.link(row.ms, row.kbit)
    try:
        with _prefect(ground, needed=PREFECT in tools):
            for number in range(1 if options.no_warm_up else -1, options.rounds + 1):
                for name in tools:
                    row.before(ground)
                    measured = measure(ground, row.among[name], row.key)
                    row.after(ground)
                    print(f"{row.key} {number} {name}: {measured}", flush=True)
                    if number > 0:  # before that two to warm up: what a tool remembers may count from the second on
                        results.keep(measured, shape)
    finally:
        ground.link(0)


@contextlib.contextmanager
def _lab(options: argparse.Namespace) -> Iterator[Lab]:
    if options.lab:
        yield Lab.attach(options.lab)
        return
    source, _, box = options.pair.partition(":")
    with Lab.up(source, box) as lab:
        yield lab


@contextlib.contextmanager
def _prefect(ground: Ground, *, needed: bool) -> Iterator[None]:
    """A server on loopback, for the tool that needs it."""
    if not needed:
        yield
        return
    with prefect_server(ground.folder / "prefect") as server:
        server.wait_until_ready()
        ground.prefect = server.environment
        try:
            yield
        finally:
            ground.prefect = {}


if __name__ == "__main__":
    main()
