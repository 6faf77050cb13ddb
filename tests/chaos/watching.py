"""Somebody who looks at the pages all the time, and notes when they said what."""

import re
import time
from dataclasses import dataclass, field
from random import Random
from typing import Final
from uuid import UUID

from requests import RequestException

from tests.chaos.people import Crowd
from tests.chaos.plans import Progress
from tests.clients import Browser

ROW: Final = re.compile(
    r'<tr id="row-(?P<job>[^"]+)">.*?badge-(?P<status>\w+).*?data-label="Accepted">(?P<accepted>[\d,]+)<',
    re.S,
)
PAGE: Final = re.compile(
    r'badge-(?P<status>\w+).*?Accepted by Qure</span><span class="step-count">(?P<accepted>[\d,]+)<', re.S
)
PAUSE: Final = 0.3  # seconds between two looks


@dataclass(frozen=True)
class Sighting:
    """What a page said of an upload: its status, and how many of its files were accepted."""

    job: UUID
    at: float  # seconds since the epoch, when the page was here
    status: str
    accepted: int


@dataclass
class Watch:
    """Looks at the list of uploads and at one upload after the other; keeps what has changed."""

    crowd: Crowd
    looks: int = 0
    sightings: list[Sighting] = field(default_factory=list)
    _last: dict[UUID, tuple[str, int]] = field(default_factory=dict)

    def look_on_and_on(self, browser: Browser, progress: Progress) -> None:
        """Look until the run is over."""
        dice = Random(progress.plan.seed)
        while not progress.over.wait(PAUSE):
            try:
                self.look(browser, dice)
            except RequestException:  # no page, no word
                continue

    def look(self, browser: Browser, dice: Random) -> None:
        """Look at the list and at the page of one upload."""
        self._read_list(browser.get("/jobs/").text)
        known = [sent.upload.job for sent in self.crowd.sent]
        if known:
            self.look_at(browser, dice.choice(known[-10:]))

    def look_at(self, browser: Browser, job: UUID) -> None:
        """Look at the page of an upload."""
        found = PAGE.search(browser.get(f"/jobs/{job}/progress/").text)
        if found:
            self._note(job, found["status"], found["accepted"])

    def _read_list(self, page: str) -> None:
        for found in ROW.finditer(page):
            self._note(UUID(found["job"]), found["status"], found["accepted"])

    def _note(self, job: UUID, status: str, accepted: str) -> None:
        self.looks += 1
        said = (status, int(accepted.replace(",", "")))
        if self._last.get(job) != said:
            self._last[job] = said
            self.sightings.append(Sighting(job, time.time(), *said))
