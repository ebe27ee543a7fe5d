"""Give restored datasets the properties that they had, as far as those change nothing beside them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from shlex import quote

from zoffsite.hosts.receiver import Receiver
from zoffsite.model.errors import OperationError
from zoffsite.model.property import Property
from zoffsite.model.report import ErrorReport
from zoffsite.model.restore import RestoreOutcome

log = logging.getLogger(__name__)


def give_properties(outcomes: Iterable[RestoreOutcome], receiver: Receiver) -> Iterator[RestoreOutcome]:
    """The outcomes, parents first; one whose property zfs does not take has an error, and all the others.

    Everything has come by then: a quota could stop what is still to come.
    """
    for outcome in outcomes:
        refused = _give(outcome, receiver) if outcome.state.good else None
        yield outcome if refused is None else replace(outcome, error=ErrorReport.of(refused))


def _give(outcome: RestoreOutcome, receiver: Receiver) -> OperationError | None:
    properties, target = outcome.plan.properties, outcome.plan.target
    if not properties or _set(properties, target, receiver) is None:
        return None
    errors = [error for each in properties if (error := _set([each], target, receiver)) is not None]
    for error in errors:
        log.error("%s; %s", error, error.remedy)
    return errors[0] if errors else None


def _set(properties: Sequence[Property], target: str, receiver: Receiver) -> OperationError | None:
    settings = [each.setting for each in properties]
    try:
        receiver.set_properties(target, settings)
    except OperationError as error:
        return OperationError(
            "set",
            f"{' '.join(settings)} of {target}",
            error.problem,
            f"set another value: zfs set {' '.join(map(quote, settings))} {quote(target)}",
            code="property-refused",
        )
    return None
