"""P12: thousands of files over a hospital's line, from a real browser; and what its tab holds meanwhile."""

import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.bench.pairs import compare, figure_of
from tests.bench.portal import Portal
from tests.bench.processes import anonymous_megabytes
from tests.bench.table import Line, at_most
from tests.browsers import running_browser
from tests.dicoms import dicom_bytes
from tests.e2e.browsing import SEND, drop, emulate_line, sign_in
from uploads.dicom.phantom import new_uid

LINE: Final = 100_000_000 / 8  # bytes a second
ROUND_TRIP: Final = 60  # milliseconds
LINE_GOAL: Final = 1.15
TASK_GOAL: Final = 200  # milliseconds
MEMORY_GOAL: Final = 300  # megabytes
STEADY_SECONDS: Final = 1.0  # after the button was pressed; before it the page changes once, as a whole
PAIRS: Final = 3  # at most; a run takes half a minute
LOOK: Final = 100  # milliseconds between two looks at the memory
PATIENCE: Final = 600_000  # milliseconds
FIRST: Final = 10_000  # the number in the first file's UID: all are of one length
# Many files over a slow line, and many bytes over a fast one.
MANY, LARGE = (5_000, 60_000), (5_000, 400_000)  # files, bytes each
QUICK: Final = (40, 20_000)
# The receiver of a plain request has no page; without an icon nothing else is asked for.
BLANK: Final = '<link rel="icon" href="data:,">'
PROBE: Final = 50_000_000  # bytes of a plain request
QUICK_PROBE: Final = 1_000_000
NOTE_LONG_TASKS: Final = """
    new PerformanceObserver((list) => {
      for (const { startTime, duration } of list.getEntries()) {
        window.noteLongTask(performance.timeOrigin + startTime, duration);
      }
    }).observe({ type: "longtask", buffered: true });
"""
SEND_PLAINLY: Final = """async (size) => {
    const body = new Blob([new Uint8Array(size)]);
    const start = performance.now();
    await (await fetch("/", { method: "POST", body })).text();
    return (performance.now() - start) / 1000;
}"""


@dataclass
class Run:
    """One upload by the page; times are in seconds."""

    preview: float
    sending: float
    megabytes: list[float]
    long_tasks: list[float]  # milliseconds, while bytes move

    @property
    def peak(self) -> float:
        """The most that the tab held."""
        return max(self.megabytes)


@dataclass
class Desk:
    """A clinician's browser, signed in."""

    browser: Browser
    context: BrowserContext
    portal: Portal
    folder: Path
    tasks: list[tuple[float, float]] = field(default_factory=list)  # Unix seconds, milliseconds

    def upload(self, count: int, size: int, speed: float) -> Run:
        """Drop new files, wait for the review, send them, and wait until the server has all."""
        files = _write_files(self.folder / new_uid(), count, size)
        page = self._open()
        try:
            start = time.monotonic()
            drop(page, files)
            button = page.get_by_role("button", name=SEND)
            expect(button).to_be_enabled(timeout=PATIENCE)
            preview = time.monotonic() - start
            emulate_line(page, ROUND_TRIP, speed)
            begun, start = time.time(), time.monotonic()
            button.click()
            megabytes = list(self._memory_until_left(page))
            tasks = [length for at, length in self.tasks if at > begun + STEADY_SECONDS]
            return Run(preview, time.monotonic() - start, megabytes, tasks)
        finally:
            page.close()

    def plain_request(self, address: str, size: int) -> float:
        """The seconds of one request with so many bytes over the same line."""
        page = self.context.new_page()
        page.route(address, lambda route: route.fulfill(body=BLANK, content_type="text/html"), times=1)
        page.goto(address)
        emulate_line(page, ROUND_TRIP, LINE)
        seconds = float(page.evaluate(SEND_PLAINLY, size))
        page.close()
        return seconds

    def _open(self) -> Page:
        page = self.context.new_page()
        self.tasks.clear()
        page.expose_function("noteLongTask", self._note_task)
        page.add_init_script(NOTE_LONG_TASKS)
        page.goto(f"{self.portal.url}/upload/")
        return page

    def _note_task(self, at: float, length: float) -> None:
        self.tasks.append((at / 1000, length))

    def _memory_until_left(self, page: Page) -> Iterator[float]:
        """The memory of the largest tab, again and again, until the page leads to the upload's own."""
        session = self.browser.new_browser_cdp_session()
        while "/jobs/" not in page.url:
            found = session.send("SystemInfo.getProcessInfo")["processInfo"]
            tabs = [int(process["id"]) for process in found if process["type"] == "renderer"]
            yield max(_megabytes(pid) for pid in tabs)
            page.wait_for_timeout(LOOK)
        session.detach()


def upload_page_lines(
    folder: Path, portal: Portal, receiver: str, pair_count: int, is_quick: bool
) -> list[Line]:
    """Five thousand files over the slow line beside a plain request; 2 GB over a fast one."""
    many, large = (QUICK, QUICK) if is_quick else (MANY, LARGE)
    probe = QUICK_PROBE if is_quick else PROBE
    runs: list[Run] = []
    rates: list[float] = []
    with _desk(folder, portal) as desk:

        def by_page() -> float:
            runs.append(desk.upload(*many, LINE))
            return runs[-1].sending

        def plainly() -> float:
            rates.append(probe / desk.plain_request(receiver, probe))
            return many[0] * many[1] / rates[-1]

        ratio = compare(by_page, plainly, min(pair_count, PAIRS))
        whole = desk.upload(*large, 0)
    name = f"{many[0]:,} files of {many[1] // 1000} KB"
    preview = figure_of([run.preview for run in runs[1:]])
    tasks = max([0.0, *(length for run in (*runs[1:], whole) for length in run.long_tasks)])
    rate = figure_of([rate * 8 / 1e6 for rate in rates[1:]])
    gigabytes = f"{large[0] * large[1] / 1e9:.1f} GB"
    return [
        at_most(LINE_GOAL, "P12", f"the page / the line, {name}", ratio.median, str(ratio)),
        Line("P12", "the line, one plain request, Mbit/s", str(rate)),
        Line("P12", f"drop to review, {name}, s", str(preview)),
        at_most(TASK_GOAL, "P12", "longest task while bytes move, ms", tasks, f"{tasks:.0f}"),
        at_most(MEMORY_GOAL, "P12", f"the tab, {gigabytes}, MB", whole.peak, f"{whole.peak:.0f}"),
        Line("P12", f"the tab's growth while bytes move, {gigabytes}, MB", f"{_growth(whole.megabytes):.0f}"),
        Line("P12", f"pace without a line's limit, {gigabytes}, MB/s", f"{_pace(large, whole):.0f}"),
    ]


@contextmanager
def _desk(folder: Path, portal: Portal) -> Iterator[Desk]:
    with running_browser() as browser:
        context = browser.new_context()
        page = context.new_page()
        sign_in(page, portal)
        page.close()
        yield Desk(browser, context, portal, folder)


def _write_files(folder: Path, count: int, size: int) -> Path:
    """Slices of one series whose pixels are holes: they take no room."""
    folder.mkdir(parents=True)
    study = new_uid()
    uid = f"{study}.1.{FIRST}"
    head = dicom_bytes(
        pixels=None, StudyInstanceUID=study, SeriesInstanceUID=f"{study}.1", SOPInstanceUID=uid
    )
    head += struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, size - len(head) - 12)
    for number in range(FIRST, FIRST + count):
        with (folder / f"IM{number}").open("wb") as file:
            file.write(head.replace(uid.encode(), f"{study}.1.{number}".encode()))
            file.truncate(size)
    return folder


def _megabytes(pid: int) -> float:
    with suppress(OSError):  # it ended just now
        return anonymous_megabytes(pid)
    return 0.0


def _growth(megabytes: list[float]) -> float:
    """From the first quarter of the looks to the last."""
    quarter = max(1, len(megabytes) // 4)
    return figure_of(megabytes[-quarter:]).median - figure_of(megabytes[:quarter]).median


def _pace(what: tuple[int, int], run: Run) -> float:
    count, size = what
    return count * size / run.sending / 1e6
