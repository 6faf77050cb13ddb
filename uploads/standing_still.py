"""What keeps the workers from their work, as beat last saw it. Beat does it; administrators are told."""

from datetime import datetime, timedelta
from typing import Final, cast

from django.conf import settings
from django.core.cache import cache
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

KEY: Final = "standing-still-"
TAKEN: Final = "taken-from-"
SWEEPS: Final = 3  # for which beat's last word counts
LEAST_SECONDS: Final = 60


class Hindrance(TextChoices):
    """Why beat does workers' work; its label tells an administrator."""

    BROKER = (
        "broker",
        _(
            "The message broker does not answer. Nothing is lost: everything goes on, but slower. "
            "See that Redis or Valkey runs."
        ),
    )
    WORKERS = (
        "workers",
        _(
            "Work has been waiting, and no worker takes it. Nothing is lost: everything goes on, but slower. "
            "See that the workers run."
        ),
    )
    CLOCK = (
        "clock",
        _(
            "The clock of the machine that runs beat differs from the database's. Nothing is lost, but what "
            "stopped workers held is not taken back. See that both clocks are right."
        ),
    )


def note(hindrance: Hindrance, skew: timedelta = timedelta(0)) -> None:
    """Beat has just seen it. ``skew``: how far its clock is ahead of that of the others, who read this."""
    seconds = max(LEAST_SECONDS, SWEEPS * settings.SWEEP_SECONDS)
    cache.set(KEY + hindrance.value, True, seconds - skew.total_seconds())


def took(queue: str, moment: datetime) -> None:
    """A worker has just taken a hint out of the queue. Moments are by the clock that all share."""
    cache.set(TAKEN + queue, moment, None)


def last_taken(queue: str) -> datetime | None:
    """When a worker last took a hint out of the queue, within some seconds."""
    return cast(datetime | None, cache.get(TAKEN + queue))


def sentence() -> str:
    """What an administrator should know; empty where the workers work."""
    found = cache.get_many(KEY + value for value in Hindrance.values)
    return " ".join(str(hindrance.label) for hindrance in Hindrance if KEY + hindrance.value in found)
