"""The process that looks into the files dies."""

from tests.accidents.endings import assert_delivered
from tests.accidents.sights import parcel_sizes
from tests.clients import Browser, Upload
from tests.dicoms import phantom_study
from tests.portals import Portal, wait_until
from uploads.states import ParcelStatus


def is_caught_checking(portal: Portal, upload: Upload) -> bool:
    """Freeze the checks worker in mid-check; a check that was faster than we are does not count."""
    if not parcel_sizes(portal, upload, ParcelStatus.CHECKING):
        return False
    portal.freeze("checks")
    if parcel_sizes(portal, upload, ParcelStatus.CHECKING):
        return True
    portal.thaw("checks")
    return False


def test_a_checks_worker_killed_in_mid_check_costs_a_second_check(portal: Portal, browser: Browser) -> None:
    upload = browser.begin(phantom_study(series=2, instances=60), files_a_parcel=10)
    portal.freeze("checks")
    browser.send(upload)
    portal.thaw("checks")
    wait_until(lambda: is_caught_checking(portal, upload))

    portal.kill("checks")
    portal.start("checks")

    assert_delivered(portal, upload)


def test_one_process_of_the_checks_worker_that_dies_is_replaced(portal: Portal, browser: Browser) -> None:
    upload = browser.begin(phantom_study(series=2, instances=60), files_a_parcel=10)
    portal.freeze("checks")
    browser.send(upload)
    portal.thaw("checks")
    wait_until(lambda: is_caught_checking(portal, upload))

    portal.kill_workers("checks")
    portal.thaw("checks")

    assert_delivered(portal, upload)
