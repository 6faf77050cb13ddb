"""Who sends, and where to."""

import hashlib
import secrets
import uuid
from typing import TypeVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from uploads.models.fields import EncryptedTextField
from uploads.models.state import Stateful, status_check
from uploads.states import DESTINATION_MOVES, DestinationStatus

Row = TypeVar("Row", bound=models.Model)
TOKEN_PREFIX = "qup_"  # noqa: S105  # not a secret: it lets a leaked token be recognized


class Destination(Stateful):
    """A Qure account. Base URL, source and token come together from Qure."""

    moves = DESTINATION_MOVES

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100, unique=True)
    base_url = models.CharField(max_length=300)
    token = EncryptedTextField(blank=True)
    source = models.CharField(max_length=100, blank=True)
    scheme = models.CharField(max_length=20, default="Token")
    status = models.CharField(
        max_length=20, choices=DestinationStatus.choices, default=DestinationStatus.OPEN, editable=False
    )
    alarm = models.TextField(blank=True, editable=False)  # a sentence for the administrator
    not_before = models.DateTimeField(null=True, editable=False)  # nothing is sent before; then one probe
    failing_since = models.DateTimeField(null=True, editable=False)
    failures = models.PositiveIntegerField(default=0, editable=False)  # unanswered attempts, then probes
    # requests that may be under way while what waited is let out; None: as many as there are workers
    room = models.PositiveSmallIntegerField(null=True, editable=False)
    body_limit = models.PositiveBigIntegerField(
        null=True,
        editable=False,
        help_text="Bytes of the largest request that Qure takes, as its refusals (413) show. Empty: none.",
    )
    # what the environment said last: what an administrator has changed since is not changed back
    environment_digest = models.CharField(max_length=64, blank=True, editable=False)

    class Meta:
        constraints = [
            status_check("destination_status", DestinationStatus),
            models.CheckConstraint(
                condition=~Q(status=DestinationStatus.SILENT)
                | Q(not_before__isnull=False, failing_since__isnull=False),
                name="silence_has_a_next_try",
            ),
        ]

    def __str__(self) -> str:
        return self.name


def without_token(rows: models.QuerySet[Row], through: str = "") -> models.QuerySet[Row]:
    """Leave the destinations' tokens unread: one that can't be decrypted must not take a page with it.

    ``through`` is the way from the rows to their destination, as ``team__destination__``.
    """
    return rows.defer(f"{through}token")


class Team(models.Model):
    """People who share one history and one destination."""

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100, unique=True)
    destination = models.ForeignKey(Destination, models.PROTECT, related_name="teams")
    sends_documents = models.BooleanField(
        default=True, help_text="Send reports and documents (SR, PDF) too, after the images."
    )
    quota_bytes = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        help_text="Bytes that the team may have on their way to Qure; 0 for any number. "
        "Leave it empty for the portal's own limit.",
    )
    served_at = models.DateTimeField(
        null=True, editable=False
    )  # its latest request to Qure; who waits longest is next
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, through="Membership", related_name="teams")

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person belongs to a team."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    team = models.ForeignKey(Team, models.CASCADE, related_name="memberships")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "team"], name="one_membership")]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"


class ApiToken(models.Model):
    """A key for scripts. Only its digest is stored; the token itself is shown once, when it is made."""

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    team = models.ForeignKey(Team, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=12, editable=False)  # the first characters, to tell tokens apart
    created_at = models.DateTimeField(default=now, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    def __str__(self) -> str:
        return f"{self.hint}…"


def token_digest(token: str) -> str:
    """The digest a token is stored under. The token has 256 random bits: it needs no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def make_token() -> str:
    """A new random token, to be shown once."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)
