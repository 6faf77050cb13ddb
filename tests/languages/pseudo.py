"""A language in which every sentence stands in brackets: what stands outside of them has no translation."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import allauth
import django
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from tests.languages.collecting import DOMAINS, collected, compiled, messages_of

CODE: Final = "xx"
INFO: Final = {"bidi": False, "code": CODE, "name": "Bracketed", "name_local": "⟦Bracketed⟧"}
OPEN, CLOSE = "⟦", "⟧"
# Words of these come from the packages' own catalogs, where every language has them.
PACKAGES: Final = (
    Path(django.__file__).parent / "conf" / "locale",
    Path(django.__file__).parent / "contrib" / "auth" / "locale",
    Path(allauth.__file__).parent / "locale",
)
ATTRIBUTES: Final = ("title", "alt", "aria-label", "placeholder", "data-label", "data-first", "data-copied")
NOT_WORDS: Final = ("script", "style", "pre", "code", "svg")


def write_catalogs(folder: Path) -> None:
    """Translate every sentence into brackets."""
    target = folder / CODE / "LC_MESSAGES"
    target.mkdir(parents=True)
    for domain in DOMAINS:
        catalog = Catalog(locale="de")  # whose plural is the usual one
        catalogs = [collected(domain), *(_of_packages() if domain == "django" else ())]
        for message in (message for each in catalogs for message in messages_of(each)):
            forms = [message.id] if isinstance(message.id, str) else message.id
            bracketed = [f"{OPEN}{form}{CLOSE}" for form in forms]
            string = bracketed[0] if isinstance(message.id, str) else bracketed
            catalog.add(message.id, string, context=message.context)
        (target / f"{domain}.mo").write_bytes(compiled(catalog))


def untranslated(page: str, data: re.Pattern[str]) -> list[str]:
    """What a page says outside of brackets, but for ``data``."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return [
        text for text in (" ".join(data.sub(" ", text).split()) for text in reader.outside) if _says(text)
    ]


def _says(text: str) -> bool:
    return re.search(r"[^\W\d_]{2}", text) is not None


def _of_packages() -> Iterator[Catalog]:
    for folder in PACKAGES:
        with (folder / "de" / "LC_MESSAGES" / "django.po").open("rb") as source:
            yield read_po(source)


class _Reader(HTMLParser):
    """Collects the text outside of brackets. A sentence may begin in one element and end in another."""

    def __init__(self) -> None:
        super().__init__()
        self.outside: list[str] = []
        self.depth = 0
        self.skipped: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look into what is said to some only."""
        if tag in NOT_WORDS:
            self.skipped.append(tag)
        for name, value in attrs:
            if name in ATTRIBUTES and value:
                self.outside.append(_without_brackets(value))

    def handle_endtag(self, tag: str) -> None:
        """Look again."""
        if self.skipped and tag == self.skipped[-1]:
            self.skipped.pop()

    def handle_data(self, data: str) -> None:
        """Keep what is outside of brackets."""
        if self.skipped:
            return
        kept = ""
        for letter in data:
            self.depth += letter == OPEN
            kept += letter if self.depth == 0 else ""
            self.depth -= letter == CLOSE
        self.outside.append(kept)


def _without_brackets(text: str) -> str:
    while OPEN in text:
        shorter = re.sub(rf"{OPEN}[^{OPEN}{CLOSE}]*{CLOSE}", "", text)
        if shorter == text:
            break
        text = shorter
    return text
