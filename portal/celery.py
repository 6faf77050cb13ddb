"""The Celery application: ``celery -A portal worker``."""

import os
from typing import Any

from celery import Celery
from celery.signals import heartbeat_sent, setup_logging
from django_structlog.celery.steps import DjangoStructLogInitStep

from portal import pulse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add(DjangoStructLogInitStep)


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:  # Any: whatever Celery sends along
    """Logging is set up by the settings; Celery must not do it again."""


@heartbeat_sent.connect
def show_life(**_: Any) -> None:  # Any: whatever Celery sends along
    """The worker turns, and its broker hears it."""
    pulse.show_life()
