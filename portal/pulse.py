"""The sign of life of a program that answers no requests: a file whose time a health check looks at."""

from pathlib import Path

from django.conf import settings


def show_life() -> None:
    """Touch the file that PULSE_FILE names, if it names one."""
    if settings.PULSE_FILE:
        Path(settings.PULSE_FILE).touch()
