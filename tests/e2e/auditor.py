"""Holds pages against the rules of accessibility: axe-core's, and the few of our own that it has not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from tests.screenshots.camera import THEMES, looks

# axe knows WCAG up to 2.2 AA; what it calls best practices are headings, landmarks and the like.
STANDARDS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OF_COLORS: Final = ["color-contrast"]  # what a theme can break; all other rules see the same page twice
RUN: Final = """async (rules) => {
  const { violations } = await axe.run(document, { runOnly: rules, resultTypes: ["violations"] });
  return violations;
}"""
NARROWEST: Final = 320  # CSS pixels: 1,280 at a zoom of 400 %, criterion 1.4.10
OURS: Final = (Path(__file__).parent / "accessibility.js").read_text(encoding="utf-8")


class Auditor:
    """Notes what is wrong with each page that it is shown."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def take(self, page: Page, name: str) -> None:
        """Look at the page at every width and in both themes; then at the narrowest width there is."""
        for width, theme in looks(page):
            rules = STANDARDS if theme == THEMES[0] else OF_COLORS
            breaches = [*axe_breaches(page, rules), *page.evaluate(OURS)]
            self.found += [f"{name}, {width} px, {theme}: {breach}" for breach in breaches]
        self.found += [f"{name}: {breach}" for breach in breaches_of_reflow(page)]


def axe_breaches(page: Page, rules: list[str] = STANDARDS) -> Iterator[str]:
    """What axe finds, a line for each element. It is loaded once into each page: that takes a second."""
    if page.evaluate("!window.axe"):
        page.evaluate(AXE_SCRIPT)
    violations: list[dict[str, Any]] = page.evaluate(RUN, rules)  # Any: axe's JSON
    for violation in violations:
        for node in violation["nodes"]:
            yield f"{violation['id']} ({violation['help']}): {node['html'][:200]} {node['failureSummary']}"


def breaches_of_reflow(page: Page) -> list[str]:
    """A page scrolls in one direction only, however narrow the window."""
    before = page.viewport_size
    page.set_viewport_size({"width": NARROWEST, "height": 800})
    width = page.evaluate("document.documentElement.scrollWidth")
    if before:
        page.set_viewport_size(before)
    return [f"it is {width} pixels wide in a window of {NARROWEST}"] if width > NARROWEST else []
