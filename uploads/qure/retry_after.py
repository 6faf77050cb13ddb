"""The Retry-After header (RFC 9110, 10.2.3)."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST: Final = 3600.0  # seconds


def retry_after_seconds(value: str | None, date: str | None) -> float | None:
    """How long to wait, from seconds or an HTTP date.

    A date is measured against the answer's own ``Date``, since clocks differ. None for what can't be read;
    never negative, never more than an hour.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdecimal():
        return min(LONGEST, float(text[:9]))
    moment = _moment(text)
    if moment is None:
        return None
    wait = (moment - (_moment(date or "") or datetime.now(UTC))).total_seconds()
    return min(LONGEST, max(0.0, wait))


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
