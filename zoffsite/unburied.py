"""Floor 2: killed runs of which their driver does not know yet: an empty file each, `unburied/` in the state directory.

A run that finds a killed one may be none of that driver's, or the driver does not answer: whoever reaches it next tells
it. The name of the file is what the driver knows the run by. A file that is lost costs a run that seems to go on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)


def keep_unburied(ident: str, directory: Path) -> None:
    """Remember that this run is dead."""
    path = directory / "unburied" / ident
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError as error:
        log.error("that the run %s was killed could not be saved: %s", ident, error.strerror)


def bury_all(directory: Path, bury: Callable[[str], bool]) -> None:
    """Tell the driver of each, which is then forgotten; but those of which `bury` says that it did not hear."""
    try:
        for each in sorted((directory / "unburied").iterdir()):
            if bury(each.name):
                each.unlink(missing_ok=True)  # another run may have told it meanwhile
    except FileNotFoundError:
        return
    except OSError as error:
        log.warning("which runs were killed cannot be read, or not be forgotten: %s", error)
