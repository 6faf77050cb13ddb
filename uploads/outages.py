"""What people are told while Qure takes nothing: since when, how much waits, and when it is tried again; and
administrators while workers are kept from their work.
"""

from datetime import timedelta
from typing import Final

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils.timezone import now
from django.utils.translation import gettext, ngettext

from uploads import history, standing_still
from uploads.models import Batch, Destination, without_token
from uploads.states import BatchStatus, DestinationStatus

SILENT: Final = timedelta(minutes=2)  # without an answer, until everybody is told
WAITING: Final = (BatchStatus.READY, BatchStatus.SENDING)


def alarms_of(user: User) -> list[str]:
    """All that every page tells a person; only administrators can help where workers stand still."""
    own = [standing_still.sentence()] if user.is_staff else []
    return [alarm for alarm in (*destination_alarms(user), *own) if alarm]


def destination_alarms(user: User) -> list[str]:
    """Sentences about paused or silent destinations: an administrator's are all, others' their teams'."""
    every = without_token(Destination.objects.all())
    destinations = every if user.is_staff else every.filter(teams__memberships__user=user).distinct()
    alarms = [_alarm(destination, user) for destination in destinations.order_by("name")]
    return [alarm for alarm in alarms if alarm]


def _alarm(destination: Destination, user: User) -> str:
    if destination.status == DestinationStatus.PAUSED:
        sentence = gettext(
            "Sending to %(destination)s is paused until an administrator has acted. "
            "You can go on uploading: nothing is lost, and it goes out by itself then."
        )
        return sentence % {"destination": destination.name}
    if destination.failing_since and destination.failing_since < now() - SILENT:
        return " ".join(filter(None, (_silence(destination, user), _next_try(destination))))
    return destination.alarm


def _silence(destination: Destination, user: User) -> str:
    count = _waiting(destination, user).values("job").distinct().count()
    facts = {"destination": destination.name, "since": history.clock(destination.failing_since or now())}
    if not count:
        sentence = gettext(
            "%(destination)s has not answered since %(since)s. "
            "You can go on uploading: nothing is lost, and it goes out by itself."
        )
        return sentence % facts
    sentence = ngettext(
        "%(destination)s has not answered since %(since)s; %(count)s upload is safe and goes out by itself.",
        "%(destination)s has not answered since %(since)s; "
        "%(count)s uploads are safe and go out by themselves.",
        count,
    )
    return sentence % {**facts, "count": history.number(count)}


def _next_try(destination: Destination) -> str:
    if destination.not_before is None or destination.not_before <= now():
        return ""
    return gettext("Next try at %(due)s.") % {"due": history.clock(destination.not_before)}


def _waiting(destination: Destination, user: User) -> QuerySet[Batch]:
    waiting = Batch.objects.filter(job__team__destination=destination, status__in=WAITING)
    return waiting if user.is_staff else waiting.filter(job__team__memberships__user=user)
