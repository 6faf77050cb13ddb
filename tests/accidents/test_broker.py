"""The broker forgets, dies, freezes, or was never there: hints get lost, nothing else does."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.accidents.conftest import CLOCKS
from tests.accidents.endings import assert_delivered
from tests.accidents.sights import has_arrived
from tests.clients import Browser
from tests.dicoms import phantom_study
from tests.portals import Portal, prepared_portal, wait_until
from uploads.standing_still import TAKEN

WORKERS = ("checks", "relay", "stat", "pictures")  # each waits for hints on a line of its own
AT_ONCE = (
    30.0  # seconds for all requests of an upload on a machine that is busy; a hanging broker takes minutes
)


def test_a_broker_flushed_right_after_the_upload_costs_a_sweep(portal: Portal, browser: Browser) -> None:
    upload = browser.begin(phantom_study(series=2, instances=20), files_a_parcel=5)
    portal.freeze("checks")
    browser.send(upload)

    portal.broker().flushall()
    portal.thaw("checks")

    assert_delivered(portal, upload)


def test_a_broker_that_dies_in_mid_run_and_comes_back_empty_costs_a_sweep(
    portal: Portal, browser: Browser
) -> None:
    portal.qure.script({"kind": "slow", "seconds": 1})
    upload = browser.begin(phantom_study(series=2, instances=20), files_a_parcel=5)
    browser.send(upload, *upload.parcels[:4])
    portal.restart("valkey")

    browser.send(upload, *upload.parcels[4:])

    assert_delivered(portal, upload)


def test_workers_whose_lines_to_the_broker_are_cut_take_up_new_ones(portal: Portal, browser: Browser) -> None:
    assert wait_until(lambda: portal.broker().info("clients")["blocked_clients"] >= len(WORKERS))
    upload = browser.begin(phantom_study(series=2, instances=20), files_a_parcel=5)
    browser.send(upload, *upload.parcels[:4])

    cut = portal.broker().client_kill_filter(_type="normal", skipme=True)
    browser.send(upload, *upload.parcels[4:])

    assert cut > 0
    assert_delivered(portal, upload)


@pytest.mark.parametrize("accident", [Portal.kill, Portal.freeze], ids=["killed", "frozen"])
def test_no_request_waits_for_a_broker_that_is_silent_and_beat_does_the_work(
    portal: Portal, browser: Browser, accident: Callable[[Portal, str], None]
) -> None:
    accident(portal, "valkey")
    begun_at = time.monotonic()

    upload = browser.begin(phantom_study(series=2, instances=20), files_a_parcel=2)
    browser.send(upload)

    assert time.monotonic() - begun_at < AT_ONCE
    assert_delivered(portal, upload)


@pytest.fixture
def brokerless(tmp_path: Path) -> Iterator[Portal]:
    """A portal whose broker and workers were never started."""
    with prepared_portal(tmp_path, **CLOCKS) as portal:
        portal.start("web", "beat")
        yield portal


def test_without_a_broker_and_workers_beat_does_all_the_work(brokerless: Portal) -> None:
    browser = Browser(brokerless.url, brokerless.username, brokerless.password)
    upload = browser.begin(phantom_study(series=2, instances=20), files_a_parcel=5)

    browser.send(upload)

    assert wait_until(lambda: has_arrived(brokerless, upload))
    assert_delivered(brokerless, upload)


def test_workers_say_which_queues_they_read(portal: Portal, browser: Browser) -> None:
    upload = browser.begin(phantom_study(series=1, instances=5))

    browser.send(upload)

    assert wait_until(lambda: {"checks", "default", "relay", "pictures"} <= queues_read(portal))
    assert_delivered(portal, upload)


def queues_read(portal: Portal) -> set[str]:
    """The queues that a worker has taken a hint out of."""
    keys = portal.rows("SELECT cache_key FROM cache")
    return {key.rpartition(TAKEN)[2] for (key,) in keys if TAKEN in key}


@pytest.fixture
def workerless(tmp_path: Path) -> Iterator[Portal]:
    """A portal whose broker takes every hint, and whose workers were never started."""
    with prepared_portal(tmp_path, **{**CLOCKS, "WORKERS_SILENT_SECONDS": "1"}) as portal:
        portal.start("valkey", "web", "beat")
        yield portal


def test_hints_that_no_worker_takes_are_not_waited_for(workerless: Portal) -> None:
    browser = Browser(workerless.url, workerless.username, workerless.password)
    upload = browser.begin(phantom_study(series=1, instances=5))

    browser.send(upload)

    assert wait_until(lambda: has_arrived(workerless, upload))
    assert_delivered(workerless, upload)
