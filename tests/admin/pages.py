"""Reading and using the administrators' pages."""

from html.parser import HTMLParser

from django.db.models import Model
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse


def list_url(kind: str) -> str:
    """The list of a kind of rows."""
    return reverse(f"admin:uploads_{kind}_changelist")


def row_url(kind: str, row: Model) -> str:
    """The page of one row."""
    return reverse(f"admin:uploads_{kind}_change", args=[row.pk])


def act(client: Client, kind: str, action: str, *rows: Model) -> HttpResponse:
    """Choose rows of a list and an action; answer the page that follows."""
    data = {"action": action, "_selected_action": [row.pk for row in rows]}
    return client.post(list_url(kind), data, follow=True)  # type: ignore[return-value]  # a response


def search(client: Client, kind: str, text: str, filters: str = "") -> HttpResponse:
    """Enter words above a list; answer the page that follows."""
    url = list_url(kind) + filters
    return client.post(url, {"q": text}, follow=True)  # type: ignore[return-value]  # a response


def said(response: HttpResponse) -> list[str]:
    """What the page says to what was done."""
    return [str(message) for message in response.context["messages"]]  # type: ignore[attr-defined]  # a test's


class _Inline(HTMLParser):
    """Collects what a Content-Security-Policy without inline forbids."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        if tag == "style" or (tag == "script" and "src" not in names):
            self.found.append(tag)
        self.found += [name for name in names if name == "style" or name.startswith("on")]


def inline_code(html: str) -> list[str]:
    """Scripts and styles that stand in the page itself."""
    parser = _Inline()
    parser.feed(html)
    return parser.found
