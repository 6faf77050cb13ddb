"""A team's webhook is called: signed, the same body each time, until the other side has taken it."""

import json
import logging
import time
import uuid
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.timezone import now

from uploads import failpoints
from uploads.checks import allowed_webhook_url
from uploads.failpoints import Point
from uploads.hooks.sender import HookUnreachable, post
from uploads.hooks.signing import HEADER, signature
from uploads.models import Delivery, DeliveryAttempt, HookEvent, Webhook, due_after
from uploads.models.fields import SecretUnreadable

logger: Final = logging.getLogger(__name__)
FIRST_WAIT: Final = 30.0  # seconds
LEASE: Final = timedelta(minutes=2)  # a call is taken for lost that long after it was begun
GIVE_UP: Final = timedelta(days=3)


def test(webhook: Webhook) -> Delivery:
    """Make an event about nothing, to be called once like any other."""
    key = uuid.uuid4()
    event = {
        "id": str(key),
        "event": HookEvent.TEST.value,
        "created_at": now().isoformat(timespec="seconds"),
        "team": str(webhook.team.key),
    }
    return Delivery.objects.create(key=key, webhook=webhook, event=HookEvent.TEST, body=json.dumps(event))


def due() -> list[int]:
    """Deliveries that could go now."""
    waiting = Delivery.objects.filter(due_at__lte=now(), webhook__is_active=True)
    return list(waiting.order_by("due_at", "pk").values_list("pk", flat=True))


def call(delivery_id: int) -> None:
    """Deliver an event, if it is due and nobody else is at it. It may arrive twice: it has an id."""
    delivery = Delivery.objects.filter(pk=delivery_id, due_at__lte=now(), webhook__is_active=True).first()
    if delivery is None or not _claim(delivery):
        return
    attempt = DeliveryAttempt.objects.create(delivery=delivery)
    failpoints.reach(Point.CALL_CLAIMED)
    status, detail = _exchange(delivery)
    failpoints.reach(Point.CALL_MADE)
    DeliveryAttempt.objects.filter(pk=attempt.pk).update(http_status=status, detail=detail)
    is_taken = status is not None and 200 <= status < 300
    row = Delivery.objects.filter(pk=delivery.pk)
    if is_taken:
        row.update(due_at=None, delivered_at=now())
    elif delivery.event == HookEvent.TEST or delivery.created_at < now() - GIVE_UP:
        row.update(due_at=None)
    else:
        row.update(due_at=due_after(delivery.attempts.count() - 1, FIRST_WAIT))
    logger.info("webhook_called delivery=%s status=%s", delivery.pk, status)


def _claim(delivery: Delivery) -> bool:
    same = Delivery.objects.filter(pk=delivery.pk, due_at=delivery.due_at)
    return same.update(due_at=now() + LEASE) == 1


def _exchange(delivery: Delivery) -> tuple[int | None, str]:
    """The status, and a sentence where there is something to say."""
    body = delivery.body.encode()
    try:
        webhook = delivery.webhook
        url = allowed_webhook_url(webhook.url)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "qure-upload-portal",
            "Portal-Event": delivery.event,
            "Portal-Delivery": str(delivery.key),
            HEADER: signature(webhook.secret, body, int(time.time())),
        }
        status = post(url, body, headers, settings.WEBHOOK_CA_BUNDLE)
    except SecretUnreadable:
        return None, "The secret can't be read with FIELD_KEYS. Make a new one."
    except ValidationError as e:
        return None, e.messages[0]
    except HookUnreachable as e:
        return None, str(e)
    return status, "A redirect; it is not followed." if 300 <= status < 400 else ""
