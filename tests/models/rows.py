"""One row of each model with a status, at the status that a test asks for."""

from collections.abc import Callable
from typing import Final

from django.db.models import TextChoices
from django.utils.timezone import now

from tests.factories import (
    make_batch,
    make_destination,
    make_file,
    make_job,
    make_parcel,
    make_patient,
    make_series,
)
from uploads.models import Attempt, Batch, Destination, File, Job, Parcel, Patient, Series, Stateful


def _attempt(status: TextChoices) -> Attempt:
    batch = make_batch(make_job())
    destination = batch.job.team.destination
    return Attempt.objects.create(
        batch=batch, destination=destination, number=1, outcome=status, body_bytes=1
    )


MAKERS: Final[dict[type[Stateful], Callable[[TextChoices], Stateful]]] = {
    Job: lambda status: make_job(status=status),
    File: lambda status: make_file(make_job(), status=status),
    Parcel: lambda status: make_parcel(make_job(), b"bytes", 0, status=status),
    Series: lambda status: make_series(make_job(), status=status),
    Patient: lambda status: make_patient(make_job(), status=status),
    Batch: lambda status: make_batch(make_job(), status=status, lease_until=now()),
    Destination: lambda status: make_destination(status=status, not_before=now(), failing_since=now()),
    Attempt: _attempt,
}


def status_of(row: Stateful) -> str:
    """The status that the database holds."""
    column = row.status_column
    return str(type(row)._base_manager.values_list(column, flat=True).get(pk=row.pk))
