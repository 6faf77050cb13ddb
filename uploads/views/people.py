"""Who asks, and what is theirs."""

from uuid import UUID

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext

from uploads import history
from uploads.http import Refusal
from uploads.models import Job, Team


def person(request: HttpRequest) -> User:
    """The signed-in user."""
    assert isinstance(request.user, User)  # noqa: S101  # every caller is behind the sign-in
    return request.user


def actor(request: HttpRequest) -> str:
    """Who acts, for the trail."""
    return f"user:{person(request).pk}"


def own_job(request: HttpRequest, key: UUID) -> Job:
    """The job, if it belongs to one of the person's teams; else 404."""
    return get_object_or_404(history.jobs_of(person(request)), key=key)


def own_team(user: User, key: UUID | None) -> Team:
    """The person's team of this key, or their first one. Raises :class:`Refusal` where there is none."""
    teams = history.teams_of(user)
    team = teams.first() if key is None else teams.filter(key=key).first()
    if team is None:
        raise Refusal(404, "no_team", gettext("You belong to no such team. Ask an administrator to add you."))
    return team
