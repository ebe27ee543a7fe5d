"""Runs the demo: `python -m demo [--ui]`; exit 0 only if every claim was true."""

from __future__ import annotations

import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from demo.kit import through_the_source
from demo.screen import NotTrueError, out, say, step
from demo.server import prefect_server
from demo.setting import Stage, make_tree
from demo.setup import set_up
from demo.story import CHAPTERS
from lab import Lab, LabError
from lab.bare import make_bare

EXIT_NOT_TRUE = 1


def main(arguments: list[str]) -> int:
    """Two machines, a Prefect server, the chapters, a summary."""
    out.print("[bold]zoffsite demo[/]: a source and a box with real ZFS, both on this computer")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(prefix="zoffsite-demo-") as folder:
            play(Path(folder), keep="--ui" in arguments)
    except NotTrueError as error:
        out.print(f"\n[bold red]Not true:[/] {error}", markup=True)
        return EXIT_NOT_TRUE
    except (LabError, RuntimeError) as error:
        out.print(f"\n{error}", style="bold red", markup=False)
        return EXIT_NOT_TRUE
    except KeyboardInterrupt:
        out.print("\nInterrupted; the machines and the server are gone.")
        return 130
    return 0


def play(folder: Path, *, keep: bool) -> None:
    """The whole demo in `folder`."""
    step("Start two machines with ZFS (the first time, their images are built: some minutes)")
    with prefect_server(folder / "prefect") as server, Lab.up() as lab:
        say(f"source: OpenZFS {lab.source.version}, box: OpenZFS {lab.box.version}")
        step("Make an encrypted tree on the source; the box is bare: no account, no pool, nothing of ours")
        make_tree(lab)
        make_bare(lab.box)
        stage = Stage(lab=lab, folder=folder, environment=server.environment)
        set_up(stage)
        step("A Prefect server on loopback")
        server.wait_until_ready()
        with through_the_source(lab) as way:
            at_work = replace(stage, environment={**stage.environment, **way})
            for chapter in CHAPTERS:
                chapter(at_work)
            summary(at_work, server.url.removesuffix("/api"), keep=keep)


def summary(stage: Stage, url: str, *, keep: bool) -> None:
    """What was shown, where the UI is, what to run next."""
    step("All of it was true")
    say("Encrypted datasets travelled raw, through WireGuard and the gate, to a box that the kit had set up: it holds")
    say("no key, mounts nothing, and can read nothing. Only changes travel, an interrupted run is resumed, and a")
    say("dataset came back bit by bit.")
    if not keep:
        say("Next: scripts/demo --ui   keeps the Prefect UI and both machines up")
        say("      scripts/test        runs all tests;  README.md: your own first configuration")
        return
    say(f"Prefect UI: {url}   (runs of the flow `backup`, with plan and report as artifacts)")
    say(f"Settings:   {stage.folder}/zoffsite.toml")
    for guest in stage.lab.guests:
        say(f"Log in:     scripts/lab --name {stage.lab.folder.name} ssh {guest.folder.name}")
    say("Ctrl-C ends everything.")
    signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
