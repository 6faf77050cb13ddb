"""The only writer of a status: compare-and-swap, and a row for every change."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from django.db import models, transaction
from django.db.models import CheckConstraint, Q, QuerySet, TextChoices
from django.utils.timezone import now

from uploads.states import Moves

MOST_KEYS: Final = 10_000  # in a statement: SQLite takes 32,766 variables, unless it was built to take more


class IllegalMove(Exception):
    """The move is not in the table: a bug."""


class LostRace(Exception):
    """Somebody else moved the row first: drop the work."""


def status_check(name: str, choices: type[TextChoices], column: str = "status") -> CheckConstraint:
    """Let the database refuse a status that does not exist."""
    return CheckConstraint(condition=Q(**{f"{column}__in": choices.values}), name=name)


class StateChange(models.Model):
    """What moved, from where, to where, when, and who or which task moved it. Rows are only ever added.

    Rows that moved together share one change: ``subjects`` lists their primary keys.
    """

    kind = models.CharField(max_length=20)
    job = models.ForeignKey("uploads.Job", models.CASCADE, null=True, related_name="changes")
    subjects = models.JSONField()
    from_status = models.CharField(max_length=20, blank=True)
    to_status = models.CharField(max_length=20)
    at = models.DateTimeField(default=now)
    by = models.CharField(max_length=80)

    class Meta:
        indexes = [models.Index(fields=["kind", "job"])]
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.kind}: {self.from_status} -> {self.to_status}"


class Stateful(models.Model):
    """A row with a status. ``moves`` is its table, ``status_column`` the column that holds it."""

    moves: ClassVar[Moves]
    status_column: ClassVar[str] = "status"

    class Meta:
        abstract = True

    @property
    def change_job_id(self) -> int | None:
        """The job whose trail a change belongs to, if it belongs to one."""
        return None

    def advance(self, to: TextChoices, by: str, **changes: Any) -> None:  # Any: column values
        """Move to ``to`` and store ``changes``, if nobody else moved the row first.

        Raises :class:`IllegalMove` for a move that is not in the table and :class:`LostRace` when the row
        is no longer as it was read, or no longer matches ``token`` where the row has a lease.
        """
        column = self.status_column
        current = getattr(self, column)
        _require_legal(type(self), current, to)
        same = Q(pk=self.pk, **{column: current}) & self.fence()
        with transaction.atomic():
            if type(self)._base_manager.filter(same).update(**{column: to}, **changes) != 1:
                raise LostRace(f"{type(self).__name__} {self.pk} is no longer {current}")
            _record(type(self), self.change_job_id, [self.pk], current, to, by)
        for name, value in {column: to, **changes}.items():
            setattr(self, name, value)

    def fence(self) -> Q:
        """What must still hold besides the status; rows with a lease compare its token."""
        return Q()


def advance_all(
    rows: QuerySet[Any],  # Any: each model in turn
    pair: tuple[TextChoices, TextChoices],
    by: str,
    job_id: int,
    **changes: Any,  # Any: column values
) -> list[int]:
    """Move all ``rows`` that stand at ``pair[0]`` to ``pair[1]``; answer their primary keys.

    Call it within the job's turn (:func:`uploads.models.take_turn`): nobody else then moves its rows.
    """
    keys = list(rows.filter(**{rows.model.status_column: pair[0]}).values_list("pk", flat=True))
    advance_each(rows.model, keys, pair, by, job_id, **changes)
    return keys


def advance_each(
    model: type[Stateful],
    keys: Sequence[int],
    pair: tuple[TextChoices, TextChoices],
    by: str,
    job_id: int,
    **changes: Any,  # Any: column values
) -> None:
    """Move the rows with these primary keys, all of which have been seen to stand at ``pair[0]``.

    Call it within the job's turn in which they were seen. Raises :class:`LostRace` if one has moved since.
    """
    before, to = pair
    _require_legal(model, before, to)
    if not keys:
        return
    with transaction.atomic():
        moved = 0
        for start in range(0, len(keys), MOST_KEYS):
            piece = keys[start : start + MOST_KEYS]
            here = model._base_manager.filter(pk__in=piece, **{model.status_column: before})
            moved += here.update(**{model.status_column: to}, **changes)
        if moved != len(keys):
            raise LostRace(f"{model.__name__}: some rows are no longer {before}")
        _record(model, job_id, keys, before, to, by)


def record_birth(row: Stateful, by: str) -> None:
    """Note the first status of a new row."""
    _record(type(row), row.change_job_id, [row.pk], "", getattr(row, row.status_column), by)


def _require_legal(model: type[Stateful], before: str, to: TextChoices) -> None:
    if to not in model.moves[before]:  # type: ignore[index]  # a TextChoices member equals its value
        raise IllegalMove(f"{model.__name__}: {before} -> {to}")


def _record(
    model: type[Stateful], job_id: int | None, keys: Sequence[int], before: str, to: str, by: str
) -> None:
    StateChange.objects.create(
        kind=model.__name__.lower(),
        job_id=job_id,
        subjects=list(keys),
        from_status=before,
        to_status=to,
        by=by,
    )
