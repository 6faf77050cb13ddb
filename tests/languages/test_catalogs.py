"""Each sentence of the portal has its translation, and what is compiled is what was translated."""

import re

import pytest
from babel.messages.catalog import Message

from tests.languages.collecting import (
    DOMAINS,
    LANGUAGES,
    ROOT,
    collected,
    compiled,
    is_complete,
    messages_of,
    po_file,
    stored,
)

CATALOGS = [(domain, language) for domain in DOMAINS for language in LANGUAGES]
PLACE = re.compile(r"%\(\w+\)s|\{\w+\}|<[^>]+>")
SCRIPTS = sorted((ROOT / "static" / "js").rglob("*.js"))


def texts(value: object) -> list[str]:
    """The forms of a message or of its translation."""
    return [value] if isinstance(value, str) else [str(form) for form in value]  # type: ignore[attr-defined]


def places(text: str) -> set[str]:
    """What is filled in, and which tags there are."""
    return set(PLACE.findall(text))


def is_whole(message: Message) -> bool:
    """Each form fills in what its English one does; that for one thing may leave its number out."""
    words, forms = texts(message.id), texts(message.string)
    return places(forms[-1]) == places(words[-1]) and places(words[0]) <= places(forms[0]) <= places(
        words[-1]
    )


@pytest.mark.parametrize(("domain", "language"), CATALOGS)
def test_every_sentence_is_translated(domain: str, language: str) -> None:
    catalog = stored(domain, language)

    found = [
        (message.id, catalog.get(message.id, message.context)) for message in messages_of(collected(domain))
    ]

    assert len(found) > 100
    assert [words for words, known in found if known is None or not is_complete(known)] == []


@pytest.mark.parametrize(("domain", "language"), CATALOGS)
def test_no_translation_is_of_a_sentence_that_nobody_says(domain: str, language: str) -> None:
    said = {(message.context, str(message.id)) for message in messages_of(collected(domain))}

    known = {(message.context, str(message.id)) for message in messages_of(stored(domain, language))}

    assert known - said == set()


@pytest.mark.parametrize(("domain", "language"), CATALOGS)
def test_a_translation_has_the_places_and_tags_of_its_sentence(domain: str, language: str) -> None:
    messages = list(messages_of(stored(domain, language)))

    strange = [message.id for message in messages if not is_whole(message)]

    assert strange == []


@pytest.mark.parametrize(("domain", "language"), CATALOGS)
def test_what_is_compiled_is_what_was_translated(domain: str, language: str) -> None:
    binary = po_file(domain, language).with_suffix(".mo").read_bytes()

    assert binary == compiled(stored(domain, language))


def test_the_collector_sees_every_call_in_the_scripts() -> None:
    calls = re.compile(r"(?<![\w.])n?gettext\(")
    sources = [path.read_text() for path in SCRIPTS if path.name != "translating.js"]

    count = sum(len(calls.findall(source)) for source in sources)

    assert sum(len(message.locations) for message in messages_of(collected("djangojs"))) == count
