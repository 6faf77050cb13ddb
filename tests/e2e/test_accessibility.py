"""What no look at a standing page tells: focus, motion, the system's colors; and that a breach is found."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.dicoms import dicom_bytes
from tests.e2e.auditor import OURS, axe_breaches, breaches_of_reflow
from tests.e2e.browsing import drop
from tests.e2e.discs import write_slices
from uploads.dicom.phantom import new_uid


@pytest.fixture
def reviewed(page: Page, folder: Path) -> Page:
    """The upload page with what it can show before sending: a question, a table, groups, a form."""
    write_slices(folder, 4)
    other = dicom_bytes(PatientID="OTHER", StudyInstanceUID=new_uid())
    (folder / "OTHER").write_bytes(other)
    (folder / "README.TXT").write_text("read me", encoding="utf-8")
    drop(page, folder)
    expect(page.get_by_role("heading", name="Whose images are to be sent?")).to_be_visible()
    return page


FOCUS = """() => {
  const node = document.activeElement;
  if (node === document.body) return null;
  const look = getComputedStyle(node);
  const box = node.getBoundingClientRect();
  const above = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return {
    name: node.outerHTML.slice(0, 80),
    isMarked: look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2,
    isSeen: above !== null && (node.contains(above) || above.contains(node)),
  };
}"""
MOST_STOPS = 60


@pytest.mark.parametrize("width", [390, 1440])
def test_what_has_the_focus_is_marked_and_nothing_lies_over_it(reviewed: Page, width: int) -> None:
    reviewed.set_viewport_size({"width": width, "height": 500})
    reviewed.evaluate("window.scrollTo(0, 0); document.querySelector('.skip-link').focus()")

    stops = []
    for _ in range(MOST_STOPS):
        reviewed.keyboard.press("Tab")
        stop = reviewed.evaluate(FOCUS)
        if stop is None or stop in stops:
            break
        stops.append(stop)

    assert len(stops) > 10
    assert [stop for stop in stops if not (stop["isMarked"] and stop["isSeen"])] == []


MOVING = """() => [...document.querySelectorAll("*")].filter((node) => {
  const look = getComputedStyle(node);
  return look.transitionDuration !== "0s" || look.animationName !== "none";
}).map((node) => node.outerHTML.slice(0, 80))"""


def test_nothing_moves_for_who_wants_no_motion(reviewed: Page) -> None:
    reviewed.emulate_media(reduced_motion="reduce")

    assert reviewed.evaluate(MOVING) == []


@pytest.mark.parametrize(
    ("chosen", "other", "mark"),
    [
        (".nav a[aria-current]", ".nav a:not([aria-current])", "borderBottomColor"),
        (".choice:has(:checked)", ".choice:not(:has(:checked))", "outlineStyle"),
    ],
)
def test_what_is_chosen_is_told_in_the_system_s_own_colors(
    reviewed: Page, chosen: str, other: str, mark: str
) -> None:
    reviewed.emulate_media(forced_colors="active")
    reviewed.get_by_role("checkbox", name="ID OTHER").check()

    looks = [
        reviewed.locator(selector).first.evaluate(f"(node) => getComputedStyle(node).{mark}")
        for selector in (chosen, other)
    ]

    assert looks[0] != looks[1]


BREACHES = """() => {
  document.getElementById("main").innerHTML = `<h2>A section</h2>
    <h4>Skipped and faint</h4><input><button></button>
    <table><tr><th>Head</th></tr></table><label for="nothing">Label</label><i id="main"></i>
    <p class="field"><b class="errorlist" id="e">Wrong</b></p>`;
  const head = document.querySelector("h4");
  head.style.color = "#808080";
  head.style.minWidth = "400px";
}"""


@pytest.mark.parametrize(
    "rule",
    ["page-has-heading-one", "heading-order", "label", "button-name", "color-contrast"],
)
def test_a_breach_is_found_by_axe(page: Page, rule: str) -> None:
    page.evaluate(BREACHES)

    breaches = list(axe_breaches(page))

    assert any(breach.startswith(f"{rule} ") for breach in breaches), breaches


@pytest.mark.parametrize(
    "rule",
    [
        "A table has a caption",
        "A header cell says what it heads",
        "An error is tied to its field",
        "An id is there once",
        "A label is of something that exists",
        "A target is large enough to hit",
    ],
)
def test_a_breach_is_found_by_us(page: Page, rule: str) -> None:
    page.evaluate(BREACHES)

    breaches = page.evaluate(OURS)

    assert any(breach.startswith(rule) for breach in breaches), breaches


def test_a_page_that_is_too_wide_is_found(page: Page) -> None:
    page.evaluate(BREACHES)

    assert breaches_of_reflow(page) != []
