"""Text from outside, made safe to store and to show."""

import unicodedata
from typing import Final

BIDI_CONTROLS: Final = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
LINE_BREAKS: Final = "\u2028\u2029"
DROPPED_CATEGORIES: Final = frozenset({"Cc", "Cs"})  # controls (C0, DEL, C1) and lone surrogates
DROPPED: Final = frozenset(BIDI_CONTROLS + LINE_BREAKS)
MAX_COMPOSED: Final = 18  # characters that can become one in NFC, and more (UAX #15)


def clean_text(value: str, limit: int) -> str:
    """Drop what can break a page, a log or a database, compose (NFC) and cut at ``limit`` characters.

    Dropped are controls with NUL, lone surrogates, line separators and the controls that turn the
    direction of writing. Never raises; cleaning twice changes nothing.
    """
    if value.isascii() and value.isprintable():
        return value[:limit]
    kept = "".join(character for character in value[: limit * MAX_COMPOSED] if _is_kept(character))
    return unicodedata.normalize("NFC", kept)[:limit]


def _is_kept(character: str) -> bool:
    return character not in DROPPED and unicodedata.category(character) not in DROPPED_CATEGORIES
