"""People who upload while everything falls down: they repeat, come back, and act on what needs them."""

import hashlib
import json
import re
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Final

from requests import RequestException

from tests.accidents.sights import status
from tests.chaos.plans import Progress
from tests.clients import Browser, Upload
from tests.dicoms import phantom_study
from tests.portals import Portal, wait_until
from tests.sandboxes import Sandbox
from uploads.states import JobStatus

RESEND: Final = re.compile(r'class="resend" method="post" action="([^"]+)"')
SERIES: Final = (1, 4)
IMAGES_A_SERIES: Final = (5, 25)
FILES_A_PARCEL: Final = (5, 30)
# Shares of all uploads.
STAT: Final = 0.15
CANCELLED: Final = 0.1
CLOSED: Final = 0.3
LONG: Final = 600.0  # seconds that people have patience for: some accident is always under way


@dataclass(frozen=True)
class Person:
    """Somebody at a browser, and where the uploads of their team go to."""

    browser: Browser
    qure: Sandbox


@dataclass(frozen=True)
class Sent:
    """An upload as its person knows it: what was chosen, and the digest of each file."""

    upload: Upload
    digests: frozenset[str]
    by: Person
    end: JobStatus = JobStatus.ACCEPTED  # where it is to come to


@dataclass
class Crowd:
    """Everybody who uploads, and what they have sent."""

    portal: Portal
    progress: Progress
    sent: list[Sent] = field(default_factory=list)

    def work(self, number: int, person: Person) -> None:
        """Be one of them: upload until all planned files are sent."""
        dice = Random(f"{self.progress.plan.seed}/{number}")
        mine: list[Sent] = []
        while contents := self._next_contents(dice):
            sent = _upload(person, contents, dice)
            mine.append(sent)
            self.sent.append(sent)
            for one in list(mine):
                found = status(self.portal, one.upload)
                if found == JobStatus.ATTENTION:
                    act_on(one)
                elif found == one.end:
                    mine.remove(one)

    def _next_contents(self, dice: Random) -> list[tuple[str, bytes]]:
        series, images = dice.randint(*SERIES), dice.randint(*IMAGES_A_SERIES)
        count = self.progress.take_files(series * images)
        return phantom_study(series, images)[:count] if count else []


def _upload(person: Person, contents: list[tuple[str, bytes]], dice: Random) -> Sent:
    """Upload a study, some as STAT; now and then the tab is closed half-way, and the same folder is chosen
    again, or the upload is cancelled.
    """
    browser, at_once, request = person.browser, dice.randint(*FILES_A_PARCEL), uuid.uuid4()
    upload = browser.begin(contents, at_once, request, stat=dice.random() < STAT)
    digests = frozenset(hashlib.sha256(content).hexdigest() for _, content in contents)
    mood = dice.random()
    if mood < CANCELLED + CLOSED:
        some = upload.parcels[: len(upload.parcels) // 2]
        if some:
            browser.send(upload, *some)
        if mood < CANCELLED:
            wait_until(lambda: _is_cancelled(browser, upload), LONG)
            return Sent(upload, digests, person, JobStatus.CANCELLED)
        upload = browser.begin(contents, at_once, request)
    if upload.parcels:
        browser.send(upload)
    return Sent(upload, digests, person)


def _is_cancelled(browser: Browser, upload: Upload) -> bool:
    """Press the button; there may be nobody who answers."""
    try:
        return browser.press(f"/jobs/{upload.job}/cancel/").ok
    except RequestException:
        return False


def act_on(sent: Sent) -> None:
    """Do what the page of an upload offers that needs attention: send series and choose the files again."""
    with suppress(RequestException):  # the portal is down: the next look finds the same
        page = sent.by.browser.get(f"/jobs/{sent.upload.job}/")
        for address in RESEND.findall(page.text):
            sent.by.browser.press(address)
    again = sent.by.browser.begin(sent.upload.contents, request=sent.upload.request)
    if again.parcels:
        sent.by.browser.send(again)


class Administrator:
    """Whoever mends what the portal can't: a paused destination, a request that was tried too often."""

    def __init__(self, portal: Portal) -> None:
        credentials = json.loads((portal.folder / "demo-credentials.json").read_text(encoding="utf-8"))
        (user,) = (user for user in credentials["users"] if user["role"] == "administrator")
        self._portal = portal
        self._browser = Browser(portal.url, user["username"], user["password"])

    def mend(self) -> None:
        """Resume paused destinations, and try again what is stuck."""
        self._act("destination", "resume", "SELECT id FROM uploads_destination WHERE status = 'paused'")
        self._act("job", "retry", "SELECT DISTINCT job_id FROM uploads_batch WHERE status = 'stuck'")

    def hurry(self) -> None:
        """Let everything that waits for its time go now."""
        self._act("destination", "resume", "SELECT id FROM uploads_destination")

    def mend_on_and_on(self, progress: Progress) -> None:
        """Look every other second, until the run is over."""
        while not progress.over.wait(2):
            self.mend()

    def _act(self, kind: str, action: str, query: str) -> None:
        rows = [str(key) for (key,) in self._portal.rows(query)]
        if rows:
            with suppress(RequestException):
                self._browser.press(f"/admin/uploads/{kind}/", action=action, _selected_action=rows)
