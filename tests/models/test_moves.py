"""Every move of every table is made and recorded; every move that is not in a table is refused."""

import pytest
from django.db.models import TextChoices

from tests.models.rows import MAKERS, status_of
from uploads.models import IllegalMove, StateChange, Stateful

pytestmark = pytest.mark.django_db

ALLOWED = [
    (model, before, to)
    for model in MAKERS
    for before, targets in model.moves.items()
    for to in sorted(targets)
]
STATUSES = [(model, before) for model in MAKERS for before in model.moves]


@pytest.mark.parametrize(("model", "before", "to"), ALLOWED)
def test_an_allowed_move_is_made_and_recorded(
    model: type[Stateful], before: TextChoices, to: TextChoices
) -> None:
    row = MAKERS[model](before)

    row.advance(to, "somebody")

    change = StateChange.objects.latest("pk")
    assert status_of(row) == to
    assert (change.kind, change.subjects, change.by) == (model.__name__.lower(), [row.pk], "somebody")
    assert (change.from_status, change.to_status, change.job_id) == (before, to, row.change_job_id)


@pytest.mark.parametrize(("model", "before"), STATUSES)
def test_a_move_that_is_not_in_the_table_is_refused(model: type[Stateful], before: TextChoices) -> None:
    row = MAKERS[model](before)
    refused = [to for to in type(before) if to not in model.moves[before]]
    changes = StateChange.objects.count()

    for to in refused:
        with pytest.raises(IllegalMove):
            row.advance(to, "somebody")

    assert before in refused
    assert status_of(row) == before
    assert StateChange.objects.count() == changes


@pytest.mark.parametrize("model", MAKERS)
def test_the_table_lists_every_status(model: type[Stateful]) -> None:
    choices = type(next(iter(model.moves)))

    assert set(model.moves) == set(choices)
