"""The one error for an answer that cannot be what zfs prints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from zoffsite.model.errors import OperationError, SettingsError
from zoffsite.zfs.excerpt import excerpt


class MalformedError(ValueError):
    """Raised while reading an answer; its text says what is wrong. Never leaves this room."""


@contextmanager
def malformed_answer(host: str, line: str) -> Iterator[None]:
    """Turn MalformedError, or the refusal of a name or token, into OperationError "malformed-answer"."""
    try:
        yield
    except (MalformedError, SettingsError) as error:
        raise malformed(host, line, error) from None


def malformed(host: str, line: str, error: MalformedError | SettingsError) -> OperationError:
    """The error for an answer of which `line` is refused."""
    what = error.problem if isinstance(error, SettingsError) else str(error)
    return OperationError(
        "read the answer of",
        host,
        f"{what}: {excerpt(line)}",
        "check what zfs prints on that host: zfs version; if its zfs is sound, distrust the host",
        code="malformed-answer",
    )
