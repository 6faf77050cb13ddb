"""One program after the other, Qure, or the whole machine dies in mid-run."""

import sqlite3
import threading
from contextlib import closing

import pytest

from tests.accidents.endings import assert_delivered
from tests.accidents.sights import is_arriving, outcomes
from tests.clients import Browser
from tests.dicoms import phantom_study
from tests.portals import Portal, wait_until
from uploads.states import Outcome

IMAGE = 512  # pixels
LOCKED_SECONDS = 3.0
SLOW = {"kind": "slow", "after_bytes": 1_000_000, "seconds": 4}
PROGRAMS = ("valkey", "web", "checks", "relay", "stat", "pictures", "beat")


@pytest.mark.parametrize(
    "victims",
    [("beat",), ("relay", "beat"), ("checks", "relay"), ("valkey", "beat"), PROGRAMS],
    ids="+".join,
)
def test_programs_killed_while_a_batch_is_under_way_and_started_again_deliver_all(
    portal: Portal, browser: Browser, victims: tuple[str, ...]
) -> None:
    portal.qure.script(SLOW)
    upload = browser.begin(phantom_study(series=2, instances=10, size=IMAGE), files_a_parcel=5)
    browser.send(upload, *upload.parcels[:3])
    wait_until(lambda: portal.qure.faults() == [])

    portal.restart(*victims)
    browser.send(upload, *upload.parcels[3:])

    assert_delivered(portal, upload)


def test_a_whole_portal_killed_in_mid_upload_goes_on_where_it_was(portal: Portal, browser: Browser) -> None:
    contents = phantom_study(series=2, instances=10, size=IMAGE)
    upload = browser.begin(contents, files_a_parcel=5)
    browser.send(upload, upload.parcels[0])
    with browser.half_sent(upload, upload.parcels[1]):
        wait_until(lambda: is_arriving(portal, upload))
        portal.restart(*PROGRAMS)

    browser.send(upload, *upload.parcels[1:])

    assert_delivered(portal, upload)


def test_a_person_who_comes_back_after_a_crash_sends_only_what_is_missing(
    portal: Portal, browser: Browser
) -> None:
    contents = phantom_study(series=2, instances=10)
    begun = browser.begin(contents, files_a_parcel=5)
    browser.send(begun, begun.parcels[0])
    portal.restart(*PROGRAMS)
    returned = Browser(portal.url, portal.username, portal.password)

    resumed = returned.begin(contents, files_a_parcel=5, request=begun.request)
    returned.send(resumed)

    assert (resumed.job, len(resumed.parcels)) == (begun.job, 3)
    assert_delivered(portal, resumed)


def test_qure_killed_while_it_receives_gets_the_batch_again(portal: Portal, browser: Browser) -> None:
    portal.qure.script({**SLOW, "seconds": 60})
    upload = browser.begin(phantom_study(series=2, instances=10, size=IMAGE))
    browser.send(upload)
    wait_until(lambda: portal.qure.faults() == [])

    portal.qure.kill()
    wait_until(lambda: Outcome.UNKNOWN in outcomes(portal, upload))
    portal.qure.start()

    assert_delivered(portal, upload)


def test_qure_restarted_in_mid_run_and_busy_for_a_while_gets_all_at_last(
    portal: Portal, browser: Browser
) -> None:
    upload = browser.begin(phantom_study(series=2, instances=10, size=IMAGE), files_a_parcel=5)
    portal.qure.kill()
    browser.send(upload, *upload.parcels[:3])
    portal.qure.start()
    portal.qure.script({"kind": "503", "times": 3}, {"kind": "503", "retry_after": "1"})

    browser.send(upload, *upload.parcels[3:])

    assert_delivered(portal, upload)
    assert portal.qure.faults() == []


def test_a_database_that_fails_for_a_while_costs_sweeps_and_not_beat(
    portal: Portal, browser: Browser
) -> None:
    upload = browser.begin(phantom_study(series=1, instances=5))
    portal.kill("valkey", "checks", "relay", "stat")
    portal.change("ALTER TABLE uploads_parcel RENAME TO away")
    before = len(portal.log("beat"))
    wait_until(lambda: "sweep_failed" in portal.log("beat")[before:])
    portal.change("ALTER TABLE away RENAME TO uploads_parcel")

    browser.send(upload)

    assert_delivered(portal, upload)  # by beat alone


def test_a_database_that_another_program_locks_for_seconds_is_waited_for(
    portal: Portal, browser: Browser
) -> None:
    upload = browser.begin(phantom_study(series=1, instances=5))
    with closing(sqlite3.connect(portal.folder / "portal.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        sending = threading.Thread(target=browser.send, args=[upload])
        sending.start()
        sending.join(LOCKED_SECONDS)
        had_to_wait = sending.is_alive()
        other.execute("ROLLBACK")

    sending.join()
    assert had_to_wait
    assert_delivered(portal, upload)


def test_two_beats_do_nothing_twice(portal: Portal, browser: Browser) -> None:
    portal.kill("valkey")  # so that both do the work themselves
    portal.start_twin("beat")
    upload = browser.begin(phantom_study(series=2, instances=20), files_a_parcel=5)

    browser.send(upload)

    assert_delivered(portal, upload)
