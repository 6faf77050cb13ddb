"""Collects what the portal says from its code, templates and scripts; needs no gettext of the system."""

import ast
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT: Final = Path(__file__).resolve().parents[2]
CATALOGS: Final = ROOT / "uploads" / "locale"
DOMAINS: Final = ("django", "djangojs")
LANGUAGES: Final = ("de",)  # beside English, in which the code is written
# Words that only administrators and operators read stay English: docs/decisions/0013-languages.md.
KEYWORDS: Final = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
}
_LITERAL: Final = r"""u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
# What Django makes of a template: calls of these among letters X.
_CALL: Final = re.compile(rf"\b(n?p?gettext|_)\(\s*({_LITERAL}(?:\s*,\s*{_LITERAL})*)")
_DAY: Final = datetime(2026, 1, 1, tzinfo=UTC)  # a date of its own for each collecting would change the files


def collected(domain: str) -> Catalog:
    """All that is said in a domain: pages and Python (``django``), scripts (``djangojs``)."""
    catalog = Catalog(creation_date=_DAY)
    for path, line, words, context in sorted(_found(domain), key=lambda found: found[:2]):
        catalog.add(words, locations=[(path, line)], context=context)
    return catalog


def po_file(domain: str, language: str) -> Path:
    """Where a catalog's source is."""
    return CATALOGS / language / "LC_MESSAGES" / f"{domain}.po"


def stored(domain: str, language: str) -> Catalog:
    """A catalog as it is in the repository; an empty one where there is none."""
    path = po_file(domain, language)
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as source:
        return read_po(source, locale=language, domain=domain)


def compiled(catalog: Catalog) -> bytes:
    """The catalog as Django reads it."""
    target = BytesIO()
    write_mo(target, catalog)
    return target.getvalue()


def write(domain: str, language: str) -> int:
    """Bring a catalog up to date, compile it, and answer how many messages have no translation."""
    old = stored(domain, language)
    catalog = Catalog(
        locale=language, creation_date=_DAY, revision_date=_DAY, fuzzy=False, header_comment="#"
    )
    for message in messages_of(collected(domain)):
        known = old.get(message.id, message.context)
        catalog.add(
            message.id,
            known.string if known is not None else None,
            locations=message.locations,
            context=message.context,
        )
    path = po_file(domain, language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as target:
        write_po(target, catalog, width=110, include_lineno=False)
    path.with_suffix(".mo").write_bytes(compiled(catalog))
    return sum(not is_complete(message) for message in messages_of(catalog))


def messages_of(catalog: Catalog) -> Iterator[Message]:
    """The messages without the header."""
    return (message for message in catalog if message.id)


def is_complete(message: Message) -> bool:
    """Whether every form of the message has a translation that somebody has looked at."""
    forms = message.string if isinstance(message.string, list | tuple) else (message.string,)
    return all(forms) and not message.fuzzy


def _found(domain: str) -> Iterator[tuple[str, int, str | tuple[str, ...], str | None]]:
    """Path, line, words (for one and for many, where both differ) and context of each call."""
    if domain == "djangojs":
        yield from _in_code("javascript", (ROOT / "static" / "js").rglob("*.js"))
        return
    yield from _in_code("python", (ROOT / "uploads").rglob("*.py"))
    for path in (ROOT / "templates").rglob("*"):
        if path.is_file():
            yield from _in_template(path)


def _in_code(
    method: str, paths: Iterable[Path]
) -> Iterator[tuple[str, int, str | tuple[str, ...], str | None]]:
    for path in paths:
        with path.open("rb") as source:
            for line, words, _, context in extract(
                method, source, KEYWORDS, options={"parse_template_string": True}
            ):
                yield _name(path), line, words, context


def _in_template(path: Path) -> Iterator[tuple[str, int, str | tuple[str, ...], str | None]]:
    text = templatize(path.read_text(encoding="utf-8"), origin=str(path))
    for call in _CALL.finditer(text):
        words = ast.literal_eval(f"({call[2]},)")
        context = words[0] if "p" in call[1].removesuffix("gettext") else None
        words = words[1:] if context is not None else words
        yield (
            _name(path),
            text.count("\n", 0, call.start()) + 1,
            words if len(words) > 1 else words[0],
            context,
        )


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
