"""The words of a search: kept in the session, under a key for the address (docs/decisions/0012)."""

import uuid
from typing import Final

from django.http import HttpRequest

SEARCHES: Final = "searches"  # in the session: key in the address -> text
MOST_SEARCHES: Final = 20  # that are remembered


def remembered(request: HttpRequest, text: str) -> str:
    """The key of a text in the session; the same text has the same key."""
    searches: dict[str, str] = request.session.get(SEARCHES, {})
    key = next((key for key, known in searches.items() if known == text), str(uuid.uuid4()))
    others = [(other, known) for other, known in searches.items() if other != key]
    request.session[SEARCHES] = dict([*others, (key, text)][-MOST_SEARCHES:])
    return key


def text_of(request: HttpRequest, key: str) -> str:
    """The text that an address means; none if it is not known in this session."""
    return str(request.session.get(SEARCHES, {}).get(key, ""))
