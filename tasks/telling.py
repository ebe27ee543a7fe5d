"""Tell Prefect how it goes, as long as that costs the backup next to nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from prefect.context import SettingsContext, get_settings_context
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, Settings

log = logging.getLogger(__name__)
P = ParamSpec("P")

RETRIES = 1
"""For a server that is busy. Prefect's own five would wait more than a minute for one that is gone, at each call."""


def best_effort(show: Callable[P, object]) -> Callable[P, bool]:
    """`show`, but a Prefect server that is gone only costs the picture and some seconds, never the backup.

    True where it was shown.
    """

    @wraps(show)
    def quietly(*args: P.args, **kwargs: P.kwargs) -> bool:
        try:
            context = get_settings_context()
            with SettingsContext(profile=context.profile, settings=_impatient.of(context.settings)):
                show(*args, **kwargs)
        except Exception as error:  # whatever Prefect's client raises
            log.warning("Prefect could not be shown how the run goes (%s)", type(error).__name__)
            return False
        return True

    return quietly


class _Impatient:
    """The same settings, but for the retries. A copy costs a tenth of a second, so that it is made once."""

    def __init__(self) -> None:
        self._made: tuple[Settings, Settings] | None = None

    def of(self, settings: Settings) -> Settings:
        made = self._made
        if made is None or made[0] is not settings:
            made = settings, settings.copy_with_update(updates={PREFECT_CLIENT_MAX_RETRIES: RETRIES})
            self._made = made
        return made[1]


_impatient = _Impatient()
