"""What people and other programs are told: notices, how each person wants them, a team's webhook."""

import secrets
import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from uploads.models.fields import EncryptedTextField
from uploads.models.jobs import Job
from uploads.models.teams import Destination, Team

SECRET_PREFIX = "whsec_"  # noqa: S105  # not a secret: it lets a leaked one be recognized


class NoticeKind(models.TextChoices):
    """What a person is told."""

    ACCEPTED = "accepted", _("Accepted by Qure")
    DECISION = "decision", _("Needs your decision")
    FAILED = "failed", _("Needs attention")
    ALARM = "alarm", _("Sending needs an administrator")


class HookEvent(models.TextChoices):
    """What another program is told."""

    ACCEPTED = "job.accepted", "Accepted"
    DECISION = "job.decision", "Needs a decision"
    ATTENTION = "job.attention", "Needs attention"
    TEST = "test", "Test"


class Notice(models.Model):
    """One thing that one person is told, on the pages and, if they wish, by mail. Made once an occasion.

    ``occasion`` tells one time from the next: the primary key of the change that the notice is about, or 0
    where a job has it only once.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notices")
    job = models.ForeignKey(Job, models.CASCADE, null=True, related_name="notices")
    destination = models.ForeignKey(Destination, models.CASCADE, null=True, related_name="notices")
    kind = models.CharField(max_length=20, choices=NoticeKind.choices)
    occasion = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(default=now)
    read_at = models.DateTimeField(null=True)
    mail_due_at = models.DateTimeField(null=True)  # none is to be sent, or none any more
    mail_failures = models.PositiveIntegerField(default=0)
    mailed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["job", "kind", "user", "occasion"],
                condition=Q(job__isnull=False),
                name="one_job_notice",
            ),
            models.UniqueConstraint(
                fields=["destination", "kind", "user", "occasion"],
                condition=Q(destination__isnull=False),
                name="one_destination_notice",
            ),
            models.CheckConstraint(
                condition=Q(job__isnull=False, destination=None) | Q(job=None, destination__isnull=False),
                name="notice_is_about_one_thing",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-created_at"]),
            models.Index(fields=["mail_due_at"], condition=Q(mail_due_at__isnull=False), name="mails_due"),
        ]

    def __str__(self) -> str:
        return f"Notice {self.pk}"


class NoticeSettings(models.Model):
    """Of what a person wants a mail."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notice_settings")
    mails_accepted = models.BooleanField(_("When Qure has accepted an upload"), default=False)
    mails_decision = models.BooleanField(_("When an upload needs a decision"), default=True)
    mails_failed = models.BooleanField(_("When an upload needs attention"), default=True)

    class Meta:
        verbose_name_plural = "notice settings"

    def __str__(self) -> str:
        return f"Settings of {self.user}"


def make_secret() -> str:
    """A new random secret to sign with, to be shown once."""
    return SECRET_PREFIX + secrets.token_urlsafe(32)


class Webhook(models.Model):
    """Where a team's events go. Its secret signs them; it is made here and shown once."""

    team = models.OneToOneField(Team, models.CASCADE, related_name="webhook")
    url = models.CharField("address", max_length=300)
    secret = EncryptedTextField(default=make_secret, editable=False)
    is_active = models.BooleanField("active", default=True)

    def __str__(self) -> str:
        return f"Webhook of {self.team}"


class Delivery(models.Model):
    """One event on its way to a webhook: the same body each time, until the other side has taken it.

    A test is about no job, and is tried once.
    """

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries")
    job = models.ForeignKey(Job, models.CASCADE, null=True, related_name="deliveries")
    event = models.CharField(max_length=20, choices=HookEvent.choices)
    occasion = models.PositiveBigIntegerField(default=0)
    body = models.TextField()
    created_at = models.DateTimeField(default=now)
    due_at = models.DateTimeField(null=True, default=now)  # none: taken, or given up
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["webhook", "job", "event", "occasion"], name="one_delivery")
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="deliveries_due")]

    def __str__(self) -> str:
        return f"Delivery {self.pk}"


class DeliveryAttempt(models.Model):
    """One time that a delivery was tried, and what came back."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="attempts")
    started_at = models.DateTimeField(default=now)
    http_status = models.PositiveSmallIntegerField(null=True)
    detail = models.CharField(max_length=200, blank=True)  # a sentence of ours

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"Attempt {self.pk}"
