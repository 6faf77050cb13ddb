"""8: every status is where its trail of allowed moves ends, and each move has somebody who made it."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from django.db.models import QuerySet

from uploads.models import (
    Attempt,
    Batch,
    Destination,
    File,
    Job,
    Parcel,
    Patient,
    Series,
    StateChange,
    Stateful,
)
from uploads.verification.pieces import PIECE, Violations, keys, pieces

JOBS_AT_ONCE: Final = 50
# Where each kind of row says which job it belongs to.
JOB_OF: Final[dict[type[Stateful], str]] = {
    Job: "pk",
    File: "job",
    Parcel: "job",
    Series: "job",
    Patient: "job",
    Batch: "job",
    Attempt: "batch__job",
}
Steps = dict[int, list[tuple[str, str]]]  # by primary key: (from, to), oldest first


def every_status_is_where_its_trail_ends() -> Violations:
    """8. Each status is where its trail of allowed moves ends."""
    yield from _follow(Destination, Destination.objects.all(), _steps(StateChange.objects.filter(job=None)))
    for jobs in pieces(keys(Job.objects.all()), JOBS_AT_ONCE):
        steps = _steps(StateChange.objects.filter(job__in=jobs))
        for model, path in JOB_OF.items():
            yield from _follow(model, model._base_manager.filter(**{f"{path}__in": jobs}), steps)


def every_move_was_made_by_somebody() -> Violations:
    """8. Each move names the person, the script or the task that made it."""
    for pk in keys(StateChange.objects.filter(by="")):
        yield f"8: nobody made change {pk}"


def _steps(changes: QuerySet[StateChange]) -> dict[str, Steps]:
    """The moves of all rows, by kind."""
    steps: dict[str, Steps] = defaultdict(lambda: defaultdict(list))
    rows = changes.order_by("pk").values_list("kind", "subjects", "from_status", "to_status")
    for kind, subjects, before, to in rows.iterator(PIECE):
        for pk in subjects:
            steps[kind][pk].append((before, to))
    return steps


def _follow(
    model: type[Stateful], rows: QuerySet[Any], steps: dict[str, Steps]
) -> Violations:  # Any: each model
    kind = str(model._meta.model_name)
    for pk, status in rows.order_by("pk").values_list("pk", model.status_column).iterator(PIECE):
        if _end(model, steps[kind].get(pk, [])) != status:
            yield f"8: the trail of {kind} {pk} does not lead to its status"


def _end(model: type[Stateful], trail: Sequence[tuple[str, str]]) -> str | None:
    """Where the trail ends, if each step begins where the one before it ended and is in the table of moves.

    A row is born at the first status of its table. That is noted for all but files: their row says it.
    """
    born = str(next(iter(model.moves)))
    at = born if model is File else ""
    for before, to in trail:
        is_birth = before == at == "" and to == born
        if before != at or not (is_birth or (at and to in model.moves[at])):  # type: ignore[index]  # its value
            return None
        at = to
    return at
