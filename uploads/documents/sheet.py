"""The one door to fpdf2: sheets of paper with headings, facts, tables and text in any script.

Letters come from DejaVu Sans; what it lacks comes from the Noto fonts, each opened when a text needs it. What
no font has is replaced by its code point in brackets, never left out.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from django.utils.translation import gettext
from fontTools.ttLib import TTFont
from fpdf import FPDF, XPos, YPos
from fpdf.fonts import FontFace

FONTS: Final = Path(__file__).parent / "fonts"
OWN: Final = "dejavu"
# In the order in which they are asked for a letter: family, package, file.
OTHERS: Final = (
    ("devanagari", "fontpkg_noto_sans_devanagari", "files/NotoSansDevanagari[wdth,wght].ttf"),
    ("thai", "fontpkg_noto_sans_thai", "files/NotoSansThai[wdth,wght].ttf"),
    ("cjk", "noto_cjk_sans_jp_regular", "NotoSansCJKjp-Regular.otf"),
)
MARGIN: Final = 15  # millimeters
TEXT: Final = 9  # points
SMALL: Final = 7
ROW: Final = 4.2  # millimeters
GREY: Final = (90, 90, 90)
ALARM: Final = (150, 30, 20)
INVISIBLE: Final = frozenset("\u200c\u200d\u200e\u200f\u2060\ufe0e\ufe0f")  # joiners and marks of direction

# It warns of letters that it leaves out; here none is left out.
logging.getLogger("fontTools").setLevel(logging.ERROR)


class _Paper(FPDF):
    """A4 with a footer that says whose pages these are, and how many."""

    footing = ""

    def footer(self) -> None:
        """Print the foot of a page."""
        self.set_y(-MARGIN + 3)
        self.set_font(OWN, size=SMALL)
        self.set_text_color(*GREY)
        place = gettext("page %(number)s of %(count)s") % {"number": self.page_no(), "count": "{nb}"}
        self.cell(0, ROW, f"{self.footing}   ·   {place}", align="C")
        self.set_text_color(0)


class Sheet:
    """A document that is written from top to bottom."""

    def __init__(self, title: str, made_at: datetime, texts: Iterable[str]) -> None:
        """``texts``: everything that will be written; it decides which fonts are opened."""
        paper = _Paper(format="A4")
        paper.footing = title
        paper.set_title(title)
        paper.set_creation_date(made_at)
        paper.set_margin(MARGIN)
        paper.set_auto_page_break(True, MARGIN)
        paper.add_font(OWN, "", FONTS / "DejaVuSans.ttf")
        paper.add_font(OWN, "B", FONTS / "DejaVuSans-Bold.ttf")
        paper.set_font(OWN, size=TEXT)
        needed = fonts_for(texts)
        for family in needed:
            for style in ("", "B"):
                paper.add_font(family, style, _path_of(family))
        if needed:
            paper.set_fallback_fonts(list(needed), exact_match=False)
        paper.add_page()
        self._paper = paper

    def title(self, text: str) -> None:
        """The document's name."""
        self._line(text, 18, is_bold=True)

    def alarm(self, text: str) -> None:
        """What nobody may overlook: large, in a frame."""
        self._paper.set_text_color(*ALARM)
        self._paper.set_draw_color(*ALARM)
        self._paper.set_font(OWN, "B", 20)
        self._paper.cell(0, 14, readable(text), border=1, align="C", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self._paper.set_draw_color(0)
        self._paper.set_text_color(0)
        self._paper.ln(2)

    def heading(self, text: str) -> None:
        """The name of a section, kept together with what follows."""
        if self._paper.will_page_break(6 * ROW):
            self._paper.add_page()
        self._paper.ln(3)
        self._line(text, 12, is_bold=True)

    def text(self, text: str, is_small: bool = False, is_bold: bool = False) -> None:
        """A paragraph. Long words are broken where the line ends."""
        self._line(text, SMALL if is_small else TEXT, is_bold)

    def facts(self, rows: Iterable[tuple[str, str]]) -> None:
        """Names and values."""
        self._grid([], list(rows), (1, 3))

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[int]) -> None:
        """A table whose head is repeated on each page. ``widths``: in proportion."""
        self._grid([head], list(rows), tuple(widths))

    def content(self) -> bytes:
        """The finished document."""
        return bytes(self._paper.output())

    def _line(self, text: str, size: int, is_bold: bool = False) -> None:
        self._paper.set_text_shaping(needs_shaping(text))
        self._paper.set_font(OWN, "B" if is_bold else "", size)
        self._paper.multi_cell(
            0,
            size * 0.5,
            readable(text),
            align="L",
            new_x=XPos.LMARGIN,
            new_y=YPos.NEXT,
        )

    def _grid(
        self, head: Sequence[Sequence[str]], rows: Sequence[Sequence[str]], widths: tuple[int, ...]
    ) -> None:
        self._paper.set_text_shaping(any(needs_shaping(text) for row in rows for text in row))
        self._paper.set_font(OWN, size=SMALL + 1)
        with self._paper.table(
            col_widths=widths,
            text_align="LEFT",
            line_height=ROW,
            padding=0.8,
            borders_layout="HORIZONTAL_LINES",
            first_row_as_headings=bool(head),
            headings_style=FontFace(emphasis="BOLD"),
        ) as table:
            for row in (*head, *rows):
                cells = table.row()
                for text in row:
                    cells.cell(readable(text))


def readable(text: str) -> str:
    """The text as it can be printed: a letter that no font has becomes its code point, as in [U+1F9E0]."""
    return "".join(
        letter if _is_printable(letter) else f"[U+{ord(letter):04X}]" for letter in text.replace("\t", "    ")
    )


def needs_shaping(text: str) -> bool:
    """Whether letters join, move or run from right to left: it costs five times as much, so only then."""
    return any("\u0300" <= letter <= "\u1fff" for letter in text)


def fonts_for(texts: Iterable[str]) -> list[str]:
    """The families that these texts need beside our own."""
    lacking = {ord(letter) for text in texts for letter in text} - _letters_of(OWN)
    needed = []
    for family, _, _ in OTHERS:
        if lacking & _letters_of(family):
            needed.append(family)
            lacking -= _letters_of(family)
    return needed


def _is_printable(letter: str) -> bool:
    if letter == "\n" or letter in INVISIBLE:
        return True
    families = (OWN, *(family for family, _, _ in OTHERS))
    return letter.isprintable() and any(ord(letter) in _letters_of(family) for family in families)


@lru_cache
def _letters_of(family: str) -> frozenset[int]:
    with TTFont(_path_of(family), lazy=True) as font:
        return frozenset(font.getBestCmap())


def _path_of(family: str) -> Path:
    if family == OWN:
        return FONTS / "DejaVuSans.ttf"
    package, name = next((package, name) for other, package, name in OTHERS if other == family)
    return Path(str(files(package) / name))
