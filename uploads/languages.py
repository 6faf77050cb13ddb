"""The language of what is shown: the reader's, or English where a program or an administrator reads."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import get_language, override
from django.utils.translation.trans_real import DjangoTranslation
from django.views.i18n import JSONCatalog

GetResponse = Callable[[HttpRequest], HttpResponse]
ENGLISH: Final = "en"  # what programs read, and administrators


def scripts_and_administration_in_english(get_response: GetResponse) -> GetResponse:
    """Answer programs in one language, also of failures; administrators too: half their words are ours."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not request.path.startswith((reverse("studies"), reverse("admin:index"))):
            return get_response(request)
        with override(ENGLISH):
            response = get_response(request)
        response.headers.setdefault("Content-Language", ENGLISH)
        return response

    return middleware


def script_words(request: HttpRequest) -> dict[str, Callable[[], Mapping[str, str | list[str]]]]:
    """The words of the scripts in the page's language, for pages whose scripts say something."""
    return {"script_words": lambda: _words(get_language())}


@cache
def _words(language: str) -> Mapping[str, str | list[str]]:
    """What was said in English -> what to say, or a list of it for one and for many."""
    view = JSONCatalog()
    view.translation = DjangoTranslation(language, "djangojs", view.get_paths(["uploads"]))
    return view.get_catalog()
