"""Answers with status 200 that no careful client believes."""

import gzip
from collections.abc import Sequence
from functools import cache

from uploads.sandbox.answers import JSON, Answer, json_answer

NEVER_SENT_SERIES = "2.25.329800735698586629295641978511506172918"
SIGN_IN_PAGE = b"<!doctype html><title>Sign in</title><form action='/accounts/login/'></form>\n"
BOMB_MEMBER_BYTES = 16 << 20
BOMB_MEMBERS = 64  # of 16 MiB: 1 GiB


def odd_answer(kind: str, proper: Answer) -> Answer:
    """Return what a fault makes of the proper answer; most leave it alone."""
    if kind == "garbage":
        return Answer(200, proper.body[: len(proper.body) // 2])
    if kind == "html":
        return Answer(200, SIGN_IN_PAGE, "text/html; charset=utf-8")
    if kind == "other_json":
        return json_answer(200, [{"ok": True}, None, 3])
    if kind == "gzip_bomb":
        return Answer(200, gzip_bomb(), JSON, (("Content-Encoding", "gzip"),))
    return proper


def odd_numbers(kind: str, by: int, numbers: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return the series and numbers that an answer gives under a fault."""
    changed = list(numbers)
    if kind == "more":
        series_uid, number = changed[0]
        changed[0] = (series_uid, number + by)
    if kind == "missing_series":
        changed.pop()
    if kind == "unknown_series":
        changed.append((NEVER_SENT_SERIES, 1))
    return changed


@cache
def gzip_bomb() -> bytes:
    """Make a gzip stream of many members (RFC 1952, 2.2) that inflates to 1 GiB of spaces."""
    return gzip.compress(b" " * BOMB_MEMBER_BYTES, 9) * BOMB_MEMBERS
