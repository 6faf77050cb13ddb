"""What keeps the workers from their work, as beat last saw it. Beat does it; administrators are told."""

from typing import Final

from django.conf import settings
from django.core.cache import cache
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

KEY: Final = "standing-still"
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


def note(hindrance: Hindrance) -> None:
    """Beat has just seen it."""
    cache.set(KEY, hindrance.value, max(LEAST_SECONDS, SWEEPS * settings.SWEEP_SECONDS))


def sentence() -> str:
    """What an administrator should know; empty where the workers work."""
    found = cache.get(KEY)
    return str(Hindrance(found).label) if found in Hindrance.values else ""
