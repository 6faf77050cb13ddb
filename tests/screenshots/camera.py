"""Looks at a page as it stands, at every width and in both themes."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal, Protocol

from playwright.sync_api import Page

WIDTHS: Final = {1440: 900, 390: 844}
TALLEST: Final = 1200  # pixels; a long list is cut
THEMES: Final[Sequence[Literal["light", "dark"]]] = ("light", "dark")
SETTLE: Final = (Path(__file__).parent / "settle.js").read_text(encoding="utf-8")


class Onlooker(Protocol):
    """Whoever the pages are shown to: a camera, or an auditor."""

    def take(self, page: Page, name: str) -> None:
        """Look at the page as it stands."""


class Camera:
    """Writes pictures into one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def take(self, page: Page, name: str) -> None:
        """Take the page as it stands, whole."""
        for width, theme in looks(page):
            page.evaluate(SETTLE)
            whole = page.evaluate("document.documentElement.scrollHeight")
            page.screenshot(
                path=self.folder / f"{name}-{width}-{theme}.png",
                full_page=True,
                clip={"x": 0, "y": 0, "width": width, "height": min(whole, TALLEST)},
                animations="disabled",
            )


def looks(page: Page) -> Iterator[tuple[int, str]]:
    """Turn a page to each width and theme in turn, and back in the end."""
    for width, height in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": height})
        for theme in THEMES:
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            yield width, theme
    page.set_viewport_size({"width": 1440, "height": 900})
