"""What must be right before the portal starts, and what an administrator may enter."""

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ValidationError

from uploads.qure.account import studies_url
from uploads.qure.errors import QureMisconfigured


def allowed_base_url(text: str) -> str:
    """The base URL of a destination, if the token may go there.

    https to a host that QURE_ALLOWED_HOSTS or QURE_BASE_URL names; plain http only on this machine and to
    QURE_PLAIN_HTTP_HOSTS.
    Raises ``ValidationError``.
    """
    text = text.strip()
    try:
        studies_url(text)
    except QureMisconfigured:
        raise ValidationError(
            "Enter an address like https://api.example.com/ without a user name or a query."
        ) from None
    parts = urlsplit(text)
    host = (parts.hostname or "").lower()
    own = _host_of(settings.QURE_BASE_URL)
    hosts = {name.lower() for name in (*settings.QURE_ALLOWED_HOSTS, own) if name}
    if host not in hosts:
        raise ValidationError("This host is not allowed. Add it to QURE_ALLOWED_HOSTS first.")
    if parts.scheme != "https" and not (parts.scheme == "http" and _may_go_plain(host)):
        raise ValidationError(
            "The address must begin with https://, so that scans and the token travel encrypted."
        )
    return text


def allowed_webhook_url(text: str) -> str:
    """The address of a team's webhook, if events may go there.

    https to a host that WEBHOOK_ALLOWED_HOSTS names; plain http only on this machine.
    Raises ``ValidationError``.
    """
    text = text.strip()
    try:
        parts = urlsplit(text)
        host, has_odd_parts = (parts.hostname or "").lower(), bool(parts.username or parts.fragment)
        _ = parts.port  # raises where it is none
    except ValueError:
        host, has_odd_parts = "", True
    if not host or has_odd_parts or not text.isprintable() or not text.isascii() or " " in text:
        raise ValidationError("Enter an address like https://hooks.example.com/path without a user name.")
    if host not in {name.lower() for name in settings.WEBHOOK_ALLOWED_HOSTS}:
        raise ValidationError("This host is not allowed. Add it to WEBHOOK_ALLOWED_HOSTS first.")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(host)):
        raise ValidationError("The address must begin with https://.")
    return text


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _may_go_plain(host: str) -> bool:
    return host in settings.QURE_PLAIN_HTTP_HOSTS or _is_here(host)


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@register(Tags.security, deploy=True)
def secrets_are_set(**_: Any) -> list[CheckMessage]:  # Any: Django's signature
    """Tokens can't be stored without keys, nor with what are none."""
    if settings.FIELD_KEYS and all(_is_key(key) for key in settings.FIELD_KEYS):
        return []
    sentence = "FIELD_KEYS holds no valid keys: tokens can't be stored. `python -m portal.secrets` makes one."
    return [Error(sentence, id="uploads.E001")]


def _is_key(text: str) -> bool:
    try:
        Fernet(text)
    except ValueError:
        return False
    return True


@register(Tags.security, deploy=True)
def qure_is_reached_safely(**_: Any) -> list[CheckMessage]:  # Any: Django's signature
    """The configured address must be one that an administrator could enter."""
    if not settings.QURE_BASE_URL:
        return []
    try:
        allowed_base_url(settings.QURE_BASE_URL)
    except ValidationError as e:
        return [Error(f"QURE_BASE_URL: {e.messages[0]}", id="uploads.E002")]
    return []


@register(Tags.security, deploy=True)
def a_lease_outlasts_a_stall(**_: Any) -> list[CheckMessage]:  # Any: Django's signature
    """A lease is renewed while bytes move: a line may stand still as long as the client allows it."""
    if settings.RELAY_LEASE_SECONDS > settings.RELAY_STALL_SECONDS:
        return []
    return [Error("RELAY_LEASE_SECONDS must be longer than RELAY_STALL_SECONDS.", id="uploads.E003")]
