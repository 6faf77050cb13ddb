"""What a clinician does with the pages, in words."""

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from playwright.sync_api import Error, Locator, Page, Route, expect

from tests.portals import Portal

REST_MILLISECONDS = 60_000
SEND = re.compile("^Send ")
# Before the first frame Chromium drops what is typed.
PAINTED: Final = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
PARCELS: Final = "**/parcels/"  # the addresses that take bytes


class Gate:
    """Holds back the requests with bytes, and counts those that passed."""

    def __init__(self, passing: int = 0) -> None:
        self.held: list[Route] = []
        self.passing = passing
        self.passed = 0

    def __call__(self, route: Route) -> None:
        """Let the first requests pass and hold the others."""
        if self.passed < self.passing:
            self.passed += 1
            route.continue_()
        else:
            self.held.append(route)

    def open(self) -> None:
        """Let all pass, those that come later too."""
        self.passing = 10**9
        while self.held:
            self.passed += 1
            self.held.pop(0).continue_()

    def cut(self) -> None:
        """Break off the requests that are held."""
        while self.held:
            with suppress(Error):  # the page may have given it up already
                self.held.pop(0).abort()


class Site(Protocol):
    """Where to sign in, and as whom."""

    @property
    def url(self) -> str:
        """The portal's address."""
        ...

    @property
    def username(self) -> str:
        """Who signs in."""
        ...

    @property
    def password(self) -> str:
        """With which password."""
        ...


def sign_in(page: Page, portal: Site, username: str = "", password: str = "") -> None:
    """Sign in on the page, as the portal's clinician unless another is named."""
    page.goto(f"{portal.url}/accounts/login/")
    page.get_by_label("Username").fill(username or portal.username)
    page.get_by_label("Password").fill(password or portal.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Upload images")).to_be_visible()


def colleague_of(portal: Portal, role: str) -> tuple[str, str]:
    """Name and password of another person of the team."""
    credentials = json.loads((portal.folder / "demo-credentials.json").read_text(encoding="utf-8"))
    found = next(user for user in credentials["users"] if user["role"] == role)
    return found["username"], found["password"]


def drop(page: Page, *paths: Path) -> None:
    """Drop files and folders from the disk onto the page, as the operating system would."""
    expect(
        page.get_by_role("button", name="Choose folder", include_hidden=True)
    ).to_be_enabled()  # its script listens
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 400, "y": 700, "data": data})
    session.detach()


def choose_folder(page: Page, path: Path) -> None:
    """Choose a folder with the button."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose folder").click()
    chooser.value.set_files(path)


def send(page: Page) -> None:
    """Press the send button and wait for the upload's own page."""
    page.get_by_role("button", name=SEND).click()
    page.wait_for_url("**/jobs/*/", timeout=REST_MILLISECONDS)


def wait_for_rest(page: Page, status: str) -> None:
    """Wait, on the upload's page, until it rests, without reloading it."""
    badge = page.locator(".state .badge")
    expect(badge).to_have_text(status, timeout=REST_MILLISECONDS)


def left_out(page: Page) -> dict[str, int]:
    """What the review says will not be sent: how many files, by their group's title without the number."""
    titles = [node.inner_text() for node in page.locator("#left-out .group-title").all()]
    counted = [re.fullmatch(r"([\d,]+) (.*)", title) for title in titles]
    return {found[2]: int(found[1].replace(",", "")) for found in counted if found}


def steps(page: Page) -> dict[str, int]:
    """The counts of the upload's page, by their names."""
    found = page.locator(".steps li").all()
    names = [step.locator(".step-name").inner_text() for step in found]
    counts = [int(step.locator(".step-count").inner_text().replace(",", "")) for step in found]
    return dict(zip(names, counts, strict=True))


def reasons(page: Page) -> dict[str, int]:
    """How many files were not sent, by the sentence."""
    groups = page.locator(".reasons > li").all()
    return {
        group.locator("p").inner_text(): int(group.locator("strong").inner_text().split()[0].replace(",", ""))
        for group in groups
    }


def bytes_moved(page: Page, portal: Portal) -> int:
    """How many bytes the server has taken, on the upload's page."""
    key = page.url.split("/")[-2].replace("-", "")
    query = "SELECT SUM(size) FROM uploads_parcel JOIN uploads_job ON job_id = uploads_job.id"
    [(moved,)] = portal.rows(f"{query} WHERE uploads_job.key = ?", key)
    return int(moved)


def cut_line(page: Page, is_cut: bool) -> None:
    """Cut the browser's line, or mend it."""
    page.context.set_offline(is_cut)


def emulate_line(page: Page, round_trip: int, bytes_a_second: float) -> None:
    """Give the page a line: its round trip in milliseconds, and how much it sends; 0 is as fast as it can."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    line = {"downloadThroughput": bytes_a_second or -1, "uploadThroughput": bytes_a_second or -1}
    session.send("Network.emulateNetworkConditions", {"offline": False, "latency": round_trip, **line})


def tab_to(page: Page, control: Locator) -> None:
    """Press the Tab key until a control has the focus."""
    for _ in range(60):
        if control.evaluate("(node) => node === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"The Tab key does not come to {control}.")
