"""A new release comes in mid-work: programs are asked to end, and others take their place."""

import pytest
from celery import Celery

from portal import processes
from tests.accidents.endings import assert_delivered
from tests.accidents.sights import is_arriving, outcomes
from tests.clients import Browser, Upload
from tests.dicoms import phantom_study
from tests.portals import Portal, wait_until
from uploads.states import Outcome

IMAGE = 512  # pixels: eleven images make a batch
SLOW = {"kind": "slow", "seconds": 4}  # twice a lease, and less than an answer may take
BUSY = ("web", "checks", "relay", "beat")
QUEUES = ("checks", "checks_stat", "default", "relay", "relay_stat", "outside", "pictures")
KNOWN = {"checks": "check_parcel", "relay": "send_batch", "pictures": "make_picture"}
NOBODYS = 10**9  # the key of no row
PROGRAMS = ("web", "checks", "relay", "stat", "pictures", "beat")


def is_closed(portal: Portal) -> bool:
    """The web program takes no new requests."""
    (web,) = (program for program in processes.portal(portal.place) if program.name == "web")
    return not web.is_ready()


def assert_sent_once(portal: Portal, upload: Upload) -> None:
    """Qure has each file, and was asked for none of them twice."""
    assert_delivered(portal, upload)
    assert set(outcomes(portal, upload)) == {Outcome.ACCEPTED}
    assert {row["received"] for row in portal.qure.rows() if row["sha256"] in upload.digests} == {1}


@pytest.mark.parametrize("names", [*((name,) for name in BUSY), PROGRAMS], ids="+".join)
def test_programs_replaced_in_mid_upload_end_what_they_do_and_send_nothing_twice(
    portal: Portal, browser: Browser, names: tuple[str, ...]
) -> None:
    portal.qure.script(SLOW)
    upload = browser.begin(phantom_study(series=2, instances=12, size=IMAGE), files_a_parcel=4)
    browser.send(upload, *upload.parcels[:4])
    wait_until(lambda: portal.qure.faults() == [])  # a full batch is under way
    with browser.half_sent(upload, upload.parcels[4]) as send_the_rest:
        wait_until(lambda: is_arriving(portal, upload))

        portal.ask_to_end(*names)
        if "web" in names:
            wait_until(lambda: is_closed(portal))
        assert send_the_rest() == 201

    portal.stop(*names)
    assert portal.manage("prepare", "--no-static").returncode == 0
    portal.start(*names)
    browser.send(upload, *upload.parcels[5:])
    assert_sent_once(portal, upload)


def test_programs_of_this_release_work_on_with_the_tables_of_the_next(
    portal: Portal, browser: Browser
) -> None:
    upload = browser.begin(phantom_study(series=2, instances=10), files_a_parcel=5)
    browser.send(upload, *upload.parcels[:2])

    call = "from tests.accidents.next_release import migrate; migrate()"
    migrated = portal.manage("shell", "--no-imports", "-c", call)
    browser.send(upload, *upload.parcels[2:])

    assert migrated.returncode == 0, migrated.stderr
    assert_sent_once(portal, upload)
    gone_back = portal.manage("prepare", "--no-static")
    assert gone_back.returncode == 0, gone_back.stderr


def test_hints_of_another_release_break_nothing_and_a_sweep_does_the_work(
    portal: Portal, browser: Browser
) -> None:
    workers = ("checks", "relay", "stat", "pictures")
    before = [portal.leader(name) for name in workers]
    upload = browser.begin(phantom_study(series=2, instances=10), files_a_parcel=5)
    portal.freeze("checks")
    browser.send(upload)

    portal.broker().flushall()
    give_hints_of_another_release(portal)
    portal.thaw("checks")

    assert_sent_once(portal, upload)
    wait_until(lambda: not any(portal.broker().llen(queue) for queue in QUEUES))
    assert [portal.leader(name) for name in workers] == before  # none had to be started again


def give_hints_of_another_release(portal: Portal) -> None:
    """Put into each queue what no task of this release is called, takes or can read."""
    with Celery(broker=f"redis+socket://{portal.place.broker}", set_as_current=False) as other:
        for queue in QUEUES:
            other.send_task("uploads.tasks.check_file", [1], queue=queue)
        for task, queue in (
            ("check_parcel", "checks"),
            ("send_batch", "relay"),
            ("make_picture", "pictures"),
        ):
            name = f"uploads.tasks.{task}"
            for row in (NOBODYS, "0b6c7f0e-5f6c-4a55-8a4e-0d8e3a1c9f53", None, [1, 2]):
                other.send_task(name, [row], queue=queue)
            other.send_task(name, [1, "again"], {"attempt": 2}, queue=queue)
            other.send_task(name, [1], queue=queue, serializer="yaml")
