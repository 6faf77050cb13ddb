"""The read side of notices: what a person has been told, and how they want it. It writes nothing."""

from django.contrib.auth.models import User
from django.db.models import QuerySet

from uploads.models import Notice, NoticeKind, NoticeSettings, without_token


def notices_of(user: User) -> QuerySet[Notice]:
    """A person's notices, newest first; of uploads only those that they may still see."""
    about_destinations = Notice.objects.filter(user=user, job=None)
    about_jobs = Notice.objects.filter(user=user, job__team__memberships__user=user)
    both = about_destinations.values("pk").union(about_jobs.values("pk"))
    rows = Notice.objects.filter(pk__in=both).select_related("job__team", "destination")
    return without_token(rows, "destination__").order_by("-created_at", "-pk")


def unread_count(user: User) -> int:
    """How many notices a person has not read."""
    return notices_of(user).filter(read_at=None).count()


def settings_of(user: User) -> NoticeSettings:
    """What a person wants a mail of; the usual, where they have not said."""
    return NoticeSettings.objects.filter(user=user).first() or NoticeSettings(user=user)


def wants_mail(wishes: NoticeSettings, kind: NoticeKind) -> bool:
    """Whether a person wants a mail of such a thing. An alarm is for administrators, and is always sent."""
    return {
        NoticeKind.ACCEPTED: wishes.mails_accepted,
        NoticeKind.DECISION: wishes.mails_decision,
        NoticeKind.FAILED: wishes.mails_failed,
        NoticeKind.ALARM: True,
    }[kind]
