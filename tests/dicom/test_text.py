"""Text from outside is safe to store and to show."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploads.dicom.names import is_empty_by_nature, is_system_name
from uploads.dicom.text import clean_text

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@given(ANY_TEXT, st.integers(0, 80))
def test_clean_text_is_composed_and_short_and_stays_as_it_is(value: str, limit: int) -> None:
    cleaned = clean_text(value, limit)

    assert len(cleaned) <= limit
    assert unicodedata.is_normalized("NFC", cleaned)
    assert clean_text(cleaned, limit) == cleaned
    cleaned.encode("utf-8")
    assert not {unicodedata.category(character) for character in cleaned} & {"Cc", "Cs"}


@pytest.mark.parametrize(
    ("value", "cleaned"),
    [
        ("plain", "plain"),
        ("a\0b\r\nc\x85d\x7fe", "abcde"),
        ("invoice\u202egpj.exe", "invoicegpj.exe"),
        ("a\u2066b\u2069c\u200fd\u061ce", "abcde"),
        ("\ud800x\udfff", "x"),
        ("e\u0301", "\u00e9"),
        ("\u5c71\u7530 / \u0417\u0438\u043c\u0430", "\u5c71\u7530 / \u0417\u0438\u043c\u0430"),
        ("0123456789", "01234567"),
    ],
)
def test_clean_text_drops_what_is_harmful_and_nothing_else(value: str, cleaned: str) -> None:
    assert clean_text(value, 64 if len(value) != 10 or value[0] != "0" else 8) == cleaned


@pytest.mark.parametrize(
    "path",
    [
        "__MACOSX/CD/._IM1",
        "CD/__MACOSX/IM1",
        "CD/._IM0001",
        ".DS_Store",
        "CD/Thumbs.db",
        "cd\\THUMBS.DB",
        "a/b/desktop.ini",
        "AUTORUN.INF",
    ],
)
def test_system_files_are_known_by_name(path: str) -> None:
    assert is_system_name(path)


@pytest.mark.parametrize(
    "path", ["", "IM0001", "DICOM/thumbs.db.dcm", "my.DS_Store/IM1", "x__MACOSX/IM1", "_.IM"]
)
def test_other_names_are_not(path: str) -> None:
    assert not is_system_name(path)


@pytest.mark.parametrize(
    "path", ["CD/README.TXT", "CD/VIEWER/skin.PNG", ".nomedia", "CD\\VIEWER\\run.bat", "__MACOSX/IM1"]
)
def test_some_empty_files_never_were_images(path: str) -> None:
    assert is_empty_by_nature(path)


@pytest.mark.parametrize("path", ["", "CD/IM0001", "CD/IM0001.dcm", "1.2.840.113619", "CD.TXT/IM1", "txt"])
def test_any_other_empty_file_was_an_image(path: str) -> None:
    assert not is_empty_by_nature(path)
