"""Errors: JSON to scripts, a page to people, never a patient's data."""

import sys
from typing import Final

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from uploads.http import drain

SENTENCES: Final = {
    400: ("bad_request", _("The request could not be read.")),
    403: ("forbidden", _("You may not do this.")),
    404: ("not_found", _("There is nothing here, or it belongs to another team.")),
    500: ("server_error", _("Something went wrong on our side. Nothing that was uploaded is lost.")),
    503: (
        "unavailable",
        _("The server is busy. Nothing is lost; please try again in a minute."),
    ),
}
DATABASE_TROUBLE: Final = (OperationalError, InterfaceError)
DATABASE_WAIT: Final = 10  # seconds


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 400."""
    return _answer(request, 400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 403."""
    return _answer(request, 403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 404, the same whether a thing is missing or another team's."""
    return _answer(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500, or 503 when the database is locked or gone: the same request will do later.

    Django calls this while it handles the exception. The pages are plain: nothing on them needs the database.
    """
    status = 503 if isinstance(sys.exc_info()[1], DATABASE_TROUBLE) else 500
    drain(request)
    response = _in_json(status) if _wants_json(request) else _plain_page(status)
    if status == 503:
        response["Retry-After"] = str(DATABASE_WAIT)
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 to a request without the page's token."""
    if _wants_json(request):
        sentence = gettext("This page is out of date. Reload it and try again.")
        return JsonResponse({"error": "csrf", "message": sentence}, status=403)
    return render(request, "403_csrf.html", status=403)


def _answer(request: HttpRequest, status: int) -> HttpResponse:
    if _wants_json(request):
        return _in_json(status)
    return render(request, f"{status}.html", {"sentence": SENTENCES[status][1]}, status=status)


def _in_json(status: int) -> JsonResponse:
    code, sentence = SENTENCES[status]
    return JsonResponse({"error": code, "message": sentence}, status=status)


def _plain_page(status: int) -> HttpResponse:
    return HttpResponse(render_to_string(f"{status}.html"), status=status)


def _wants_json(request: HttpRequest) -> bool:
    return request.path.startswith(("/intake/", "/studies"))
