"""Work that nothing can break off, such as finding a name's address or connecting to a machine that is away: when the
run is stopped, nobody waits for it any longer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from zoffsite.hosts.transfers import transfers

T = TypeVar("T")


class _Waiting:
    """What a watch ends of such work: the waiting for it."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self.wait = self._over.wait
        self.kill = self._over.set


def unless_stopped(
    operation: str, subject: str, work: Callable[[], T], undo: Callable[[T], object], *, undoing: bool = False
) -> T:
    """What `work` gives, or raises. Work that is given up goes on until it ends by itself: then `undo` it.

    `undoing`: it is waited for although the run is being stopped. Otherwise RunInterruptedError says that it is.
    """
    given: Future[T] = Future()
    waiting = _Waiting()
    given.add_done_callback(lambda _: waiting.kill())
    with transfers.watch(undoing=undoing) as watch:
        watch.add(waiting)
        threading.Thread(target=_work, args=(work, given), name="zoffsite-unless-stopped", daemon=True).start()
        waiting.wait()
    if not given.done():
        given.add_done_callback(lambda late: late.exception() or undo(late.result()))
        transfers.check(operation, subject)
    return given.result()


def _work(work: Callable[[], T], given: Future[T]) -> None:
    try:
        given.set_result(work())
    except BaseException as error:  # it is raised again by whoever waits
        given.set_exception(error)
