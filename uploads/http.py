"""How the portal answers: errors as a code and a sentence, pages that nobody keeps."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext
from django_stubs_ext import StrOrPromise

GetResponse = Callable[[HttpRequest], HttpResponse]
LEFT_UNREAD: Final = 100_000_000  # bytes of a body we take in only to answer properly: all that may be sent


class Refusal(Exception):
    """A request that can't be done: an HTTP status, a code for programs, a sentence for people."""

    def __init__(
        self, status: int, code: str, sentence: StrOrPromise, retry_after: int | None = None
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.sentence = sentence
        self.retry_after = retry_after  # seconds

    def response(self) -> JsonResponse:
        """The refusal as JSON."""
        response = JsonResponse({"error": self.code, "message": self.sentence}, status=self.status)
        if self.retry_after is not None:
            response["Retry-After"] = str(self.retry_after)
        return response


def no_store(get_response: GetResponse) -> GetResponse:
    """Keep pages with patients' data out of every cache, and out of the page after signing out."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.setdefault("Cache-Control", "no-store")
        if request.path.endswith("/logout/") and request.method == "POST":
            response["Clear-Site-Data"] = '"cache", "storage"'
        return response

    return middleware


def json_body(request: HttpRequest) -> Any:  # Any: whatever the client sent
    """The request's JSON. Raises :class:`Refusal` when it is none or is nested absurdly deep."""
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError):
        raise Refusal(400, "bad_json", gettext("The request could not be read.")) from None


def drain(request: HttpRequest) -> None:
    """Read the rest of a body that is not wanted, so that the client reads our answer."""
    left = LEFT_UNREAD
    with suppress(OSError):  # the client is gone
        while left > 0 and (chunk := request.read(1024 * 1024)):
            left -= len(chunk)
