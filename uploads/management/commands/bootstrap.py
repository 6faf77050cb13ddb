"""``manage.py bootstrap``: the destination from the environment and, for a trial, a team with its people."""

import json
import os
import secrets
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils.crypto import salted_hmac

from uploads import tasks
from uploads.checks import allowed_base_url
from uploads.models import (
    ApiToken,
    Destination,
    Membership,
    SecretUnreadable,
    Team,
    make_token,
    record_birth,
    token_digest,
    without_token,
)

BY: Final = "command:bootstrap"
DESTINATION: Final = "Qure"
TEAM: Final = "Demo team"
ROLES: Final = {"clinician": "clinician", "administrator": "administrator"}
LABEL: Final = "Demo"


class Command(BaseCommand):
    """Safe to run at every start: what is there stays, what changed in the environment is taken over."""

    help = "Make or update the destination from QURE_BASE_URL, QURE_TOKEN and QURE_SOURCE."

    def add_arguments(self, parser: CommandParser) -> None:
        """Offer the demo."""
        parser.add_argument(
            "--demo", action="store_true", help="make a demo team and users with random passwords"
        )

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        """Make what is missing."""
        if not settings.QURE_BASE_URL:
            raise CommandError("Set QURE_BASE_URL and QURE_TOKEN.")
        try:
            allowed_base_url(settings.QURE_BASE_URL)
        except ValidationError as e:
            raise CommandError(f"QURE_BASE_URL: {e.messages[0]}") from None
        destination = take_over_destination()
        if options["demo"]:
            make_demo(destination, settings.DATA_DIR / "demo-credentials.json")


def take_over_destination() -> Destination:
    """Make the destination, or bring it up to date when the environment says something new.

    Then a paused one goes on. What an administrator has changed since is left alone, but for a token that
    can't be read any more.
    """
    wanted = {
        "base_url": settings.QURE_BASE_URL,
        "token": settings.QURE_TOKEN,
        "source": settings.QURE_SOURCE,
        "scheme": settings.QURE_SCHEME,
    }
    wanted["environment_digest"] = salted_hmac(BY, json.dumps(wanted), algorithm="sha256").hexdigest()
    with transaction.atomic():
        rows = without_token(Destination.objects.all())
        destination, is_new = rows.get_or_create(name=DESTINATION, defaults=wanted)
        is_changed = destination.environment_digest != wanted["environment_digest"]
        if is_new:
            record_birth(destination, BY)
        elif is_changed or _has_lost_token(destination, wanted):
            rows.filter(pk=destination.pk).exclude(base_url=wanted["base_url"]).update(body_limit=None)
            Destination.objects.filter(pk=destination.pk).update(**wanted)
            destination.refresh_from_db()
            tasks.resume_destination(destination, BY)
    return destination


def _has_lost_token(destination: Destination, wanted: dict[str, str]) -> bool:
    """Whether the environment's token takes the place of one that can't be read with FIELD_KEYS.

    It goes only to the account that it belongs to, not to one that an administrator has entered.
    """
    account = ("base_url", "source", "scheme")
    is_own = all(getattr(destination, name) == wanted[name] for name in account)
    return bool(wanted["token"]) and is_own and not _is_readable(destination)


def _is_readable(destination: Destination) -> bool:
    try:
        _ = destination.token
    except SecretUnreadable:
        return False
    return True


def make_demo(destination: Destination, path: Path) -> None:
    """Make the demo team and its people; keep their passwords in a file that only its owner can read."""
    kept = _read(path)
    team, _ = Team.objects.get_or_create(name=TEAM, defaults={"destination": destination})
    users = [_make_user(role, name, team, kept) for role, name in ROLES.items()]
    clinician = User.objects.get(username=ROLES["clinician"])
    token = _make_token(clinician, team, kept)
    _write(path, {"url": settings.PUBLIC_URL, "users": users, "api_token": token})


def _make_user(role: str, name: str, team: Team, kept: dict[str, Any]) -> dict[str, str]:  # Any: decoded JSON
    """The user with the password that the file holds, or with a new one; none where it was changed."""
    passwords = {user["username"]: user["password"] for user in kept.get("users", [])}
    is_administrator = role == "administrator"
    user, is_new = User.objects.get_or_create(
        username=name, defaults={"is_staff": is_administrator, "is_superuser": is_administrator}
    )
    password = passwords.get(name)
    if is_new or password is None:
        password = secrets.token_urlsafe(12)
        user.set_password(password)
        user.save(update_fields=["password"])
    elif not user.check_password(password):
        password = ""
    Membership.objects.get_or_create(user=user, team=team)
    return {"username": name, "password": password, "role": role}


def _make_token(user: User, team: Team, kept: dict[str, Any]) -> str:  # Any: decoded JSON
    token: str = kept.get("api_token", "")
    if token and ApiToken.objects.filter(digest=token_digest(token), revoked_at=None).exists():
        return token
    token = make_token()
    ApiToken.objects.create(user=user, team=team, name=LABEL, digest=token_digest(token), hint=token[:8])
    return token


def _read(path: Path) -> dict[str, Any]:  # Any: decoded JSON
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _write(path: Path, credentials: dict[str, object]) -> None:
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(credentials, out, indent=2)
    temporary.replace(path)
