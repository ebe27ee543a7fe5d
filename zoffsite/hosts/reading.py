"""A long answer, line by line as it comes: nothing of it is kept here, so that nobody has to hold it all."""

from __future__ import annotations

import contextlib
from codecs import getincrementaldecoder
from collections.abc import Iterator

from zoffsite.hosts.capture import LAST_WORDS, PIECE, end_of, not_text
from zoffsite.hosts.runner import Completed, Process
from zoffsite.hosts.transfers import Watch, transfers
from zoffsite.model.errors import ZoffsiteError
from zoffsite.zfs.rows import MAX_LINE


class Reading:
    """What a program says. `ended`: how it did, once all of its lines were read."""

    def __init__(self, process: Process, subject: str, watch: Watch, timeout: float) -> None:
        self._process = process
        self._subject = subject
        self._watch = watch
        self._timeout = timeout
        self.ended: Completed | None = None

    def lines(self) -> Iterator[str]:
        """Each without its end; of one that is too long as much as shows that it is. See Runner.run for the errors."""
        decoder = getincrementaldecoder("utf-8")()
        rest = ""
        try:
            while piece := self._process.read(PIECE):
                *lines, rest = (rest + decoder.decode(piece)).split("\n")
                yield from lines
                if len(rest) > MAX_LINE:
                    yield rest
                    rest = ""
            self.ended = end_of(self._process, self._subject, self._watch, self._timeout)
            rest += decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            raise not_text(self._subject) from error
        if rest:
            yield rest


@contextlib.contextmanager
def reading(process: Process, subject: str, timeout: float) -> Iterator[Reading]:
    """What `process` says within `timeout` seconds; it is ended where nobody reads it to its end.

    Nothing here bounds how much it says: that is up to whoever takes the lines.
    """
    with transfers.watch() as watch:
        watch.add(process)
        watch.expect_within(timeout)
        process.close_stdin()
        said = Reading(process, subject, watch, timeout)
        try:
            yield said
        finally:
            if said.ended is None:
                process.kill()
                with contextlib.suppress(ZoffsiteError, TimeoutError):
                    process.wait(LAST_WORDS)
