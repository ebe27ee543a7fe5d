"""What a long step is doing, and for how long: one line that moves on a terminal, elsewhere one a step and a minute."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import Final, TextIO

_WIDTH: Final = 79


class Progress:
    """`with Progress("image 2.3") as say: say("downloading")`; silent when `out` is None."""

    def __init__(self, subject: str, out: TextIO | None = sys.stderr) -> None:
        self._subject = subject
        self._out = out
        self._began = time.monotonic()
        self._step = "starting"
        self._moving = out is not None and out.isatty()
        self._over = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Progress:
        self._ticker.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None) -> None:
        self._over.set()
        self._ticker.join()
        self._step = "done" if kind is None else f"failed while {self._step}"
        self._print(end="\n")

    def __call__(self, step: str) -> None:
        """Name the step that begins."""
        self._step = step
        self._print(end="" if self._moving else "\n")

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def _tick(self) -> None:
        while not self._over.wait(1 if self._moving else 60):
            self._print(end="" if self._moving else "\n")

    def _print(self, end: str) -> None:
        if self._out is None:
            return
        minutes, seconds = divmod(int(self.elapsed), 60)
        line = f"{minutes:3d}:{seconds:02d}  {self._subject}: {self._step}"[:_WIDTH]
        self._out.write((f"\r\033[K{line}" if self._moving else line) + end)
        self._out.flush()
