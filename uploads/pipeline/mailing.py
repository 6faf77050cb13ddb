"""Notices by mail. A mail server that is away costs time only."""

import logging
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.timezone import now

from uploads import failpoints
from uploads.failpoints import Point
from uploads.models import Notice, due_after, without_token

logger: Final = logging.getLogger(__name__)
FIRST_WAIT: Final = 30.0  # seconds
LEASE: Final = timedelta(minutes=2)  # a mail is taken for lost that long after it was begun
GIVE_UP: Final = timedelta(days=3)


def due() -> list[int]:
    """Notices whose mail could go now."""
    waiting = Notice.objects.filter(mail_due_at__lte=now())
    return list(waiting.order_by("mail_due_at", "pk").values_list("pk", flat=True))


def send(notice_id: int) -> None:
    """Mail a notice, if it is due and nobody else is at it. It may arrive twice where a worker dies."""
    waiting = Notice.objects.select_related("user", "destination").filter(mail_due_at__lte=now())
    notice = without_token(waiting, "destination__").filter(pk=notice_id).first()
    if notice is None or not _claim(notice):
        return
    row = Notice.objects.filter(pk=notice.pk)
    if not (notice.user.is_active and notice.user.email) or notice.created_at < now() - GIVE_UP:
        row.update(mail_due_at=None)
        return
    failpoints.reach(Point.MAIL_CLAIMED)
    try:
        send_mail(*_words(notice), settings.DEFAULT_FROM_EMAIL, [notice.user.email])
    except OSError as e:  # smtplib's errors are OSErrors too
        failures = notice.mail_failures + 1
        row.update(mail_due_at=due_after(failures, FIRST_WAIT), mail_failures=failures)
        logger.warning("mail_failed notice=%s error=%s", notice.pk, type(e).__name__)
        return
    failpoints.reach(Point.MAIL_SENT)
    row.update(mail_due_at=None, mailed_at=now())


def _claim(notice: Notice) -> bool:
    same = Notice.objects.filter(pk=notice.pk, mail_due_at=notice.mail_due_at)
    return same.update(mail_due_at=now() + LEASE) == 1


def _words(notice: Notice) -> tuple[str, str]:
    """Subject and text. Nothing of a patient: a reference, a status, a link."""
    path = reverse("job", args=[notice.job.key]) if notice.job else reverse("notice-list")
    context = {"notice": notice, "url": settings.PUBLIC_URL + path, "settings_url": _settings_url()}
    subject = render_to_string("uploads/mail/notice_subject.txt", context)
    return " ".join(subject.split()), render_to_string("uploads/mail/notice.txt", context)


def _settings_url() -> str:
    return f"{settings.PUBLIC_URL}{reverse('notice-list')}"
