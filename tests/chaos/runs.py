"""A run: people upload to real processes while everything falls down; then all must come to rest."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from typing import Final

from portal.place import HOST
from tests.chaos.people import LONG, Administrator, Crowd, Person, act_on
from tests.chaos.plans import Plan, Progress
from tests.chaos.reports import Report, judge, needs_somebody, unfinished
from tests.chaos.strikes import Hand
from tests.chaos.teams import MEMBER, ONLOOKER, PASSWORD, add_team
from tests.chaos.watching import Watch
from tests.clients import Browser
from tests.parts.__main__ import ON_PARTS
from tests.portals import Portal, reserved_port, running_portal
from tests.sandboxes import Sandbox, start_sandbox

SETTLE_SECONDS: Final = 600.0  # until everything rests once all is well again
# Short leases, so that what a dead process held is found soon, and a limit that makes many requests.
SETTINGS: Final = {
    "RELAY_LEASE_SECONDS": "2",
    "RELAY_ANSWER_SECONDS": "5",
    "RELAY_STALL_SECONDS": "5",
    "RELAY_FIRST_WAIT_SECONDS": "0.2",
    "CHECK_LEASE_SECONDS": "6",
    "UPLOAD_IDLE_SECONDS": "5",
    "RELAY_BATCH_MAX_BYTES": "100000",
    "LOG_LEVEL": "WARNING",
}
SECOND_TOKEN: Final = "token-of-the-second"  # of a sandbox of our own
PARTS: Final = (
    "DATABASE_URL",
    "STAGING_S3_ENDPOINT",
    "STAGING_S3_BUCKET",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
)


def run(folder: Path, plan: Plan, say: Callable[[str], None] = lambda _: None) -> Report:
    """Carry out a plan and judge what has come of it."""
    begun_at = time.monotonic()
    progress = Progress(plan)
    with (
        reserved_port() as port,
        running_portal(folder, **SETTINGS, **_parts()) as portal,
        start_sandbox(folder / "qure-of-the-second", token=SECOND_TOKEN) as second,
    ):
        portal.double("web", port)
        portal.double("checks")
        portal.double("relay")
        add_team(portal, second)
        receivers, webs = [portal.qure, second], [f"http://{HOST}:{port}"]
        crowd, hand = Crowd(portal, progress), Hand(portal, receivers, progress)
        watch, administrator = Watch(crowd), Administrator(portal)
        watcher = Browser(portal.url, ONLOOKER, PASSWORD, LONG, webs)
        accounts = [(portal.username, portal.password, portal.qure), (MEMBER, PASSWORD, second)]
        persons = [
            Person(Browser(portal.url, name, password, LONG, webs), qure)
            for name, password, qure in islice(cycle(accounts), plan.people)
        ]
        with ThreadPoolExecutor(plan.people + 4) as pool:
            people = [pool.submit(crowd.work, number, person) for number, person in enumerate(persons)]
            striking = pool.submit(hand.strike_all)
            bystanders = [
                pool.submit(watch.look_on_and_on, watcher, progress),
                pool.submit(administrator.mend_on_and_on, progress),
                pool.submit(_tell, progress, crowd, hand, say),
            ]
            try:
                trouble = _await([*people, striking], bystanders, progress)
                trouble += _settle(portal, receivers, crowd, administrator)
            finally:
                progress.stop()
        for sent in crowd.sent:
            watch.look_at(watcher, sent.upload.job)
        say("judging")
        report = judge(plan, portal, crowd.sent, watch, hand.struck, time.monotonic() - begun_at)
        trouble += [repr(e) for other in bystanders if (e := other.exception())]
        return replace(report, trouble=trouble)


def _parts() -> dict[str, str]:
    """What ``python -m tests.parts`` says of PostgreSQL and S3, if it has started this."""
    return {name: os.environ[name] for name in PARTS} if ON_PARTS in os.environ else {}


def _await(main: list[Future[None]], others: list[Future[None]], progress: Progress) -> list[str]:
    """Wait for the people and the faults; whoever falls over ends the run, and so does the clock."""
    end = time.monotonic() + progress.plan.seconds
    while not all(future.done() for future in main):
        has_fallen = any(future.done() and future.exception() for future in [*main, *others])
        if has_fallen or time.monotonic() > end:
            progress.stop()
        wait(main, timeout=0.1)
    return [repr(e) for future in main if (e := future.exception())]


def _settle(
    portal: Portal, receivers: Sequence[Sandbox], crowd: Crowd, administrator: Administrator
) -> list[str]:
    """Everything works again, and people do what the pages ask of them. Answer what is wrong."""
    for qure in receivers:
        qure.clear_faults()
    portal.heal()
    administrator.hurry()
    end = time.monotonic() + SETTLE_SECONDS
    while rest := unfinished(portal, crowd.sent):
        if time.monotonic() > end:
            return [f"{len(rest)} uploads did not end well within {SETTLE_SECONDS:.0f} s"]
        portal.revive()
        administrator.mend()
        for one in rest:
            if needs_somebody(portal, one):
                act_on(one)
        time.sleep(1)
    return []


def _tell(progress: Progress, crowd: Crowd, hand: Hand, say: Callable[[str], None]) -> None:
    """Say now and then how far it is."""
    while not progress.over.wait(20):
        say(f"{progress.kills} kills, {progress.files} files, {len(crowd.sent)} uploads")
