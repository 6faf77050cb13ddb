"""The web server dies while a parcel arrives."""

from collections.abc import Callable

import pytest

from tests.accidents.endings import assert_delivered
from tests.accidents.sights import is_arriving, parcel_sizes, staged_sizes
from tests.clients import Browser
from tests.dicoms import phantom_study
from tests.portals import Portal, wait_until

IMAGE = 512  # pixels: 0.53 MB, so that half a parcel is more than the server reads at once


def kill_server(portal: Portal) -> None:
    portal.restart("web")


def kill_workers(portal: Portal) -> None:
    portal.kill_workers("web")


def freeze_for_a_moment(portal: Portal) -> None:
    portal.freeze("web")
    portal.thaw("web")


@pytest.mark.parametrize("accident", [kill_server, kill_workers, freeze_for_a_moment])
def test_a_parcel_cut_in_the_middle_is_sent_again_and_leaves_no_half(
    portal: Portal, browser: Browser, accident: Callable[[Portal], None]
) -> None:
    upload = browser.begin(phantom_study(series=1, instances=16, size=IMAGE), files_a_parcel=8)
    with browser.half_sent(upload, upload.parcels[0]):
        wait_until(lambda: is_arriving(portal, upload))
        accident(portal)
    half = parcel_sizes(portal, upload), staged_sizes(portal, upload)

    browser.send(upload)

    assert half == ([], [])
    assert_delivered(portal, upload)
    assert staged_sizes(portal, upload) == parcel_sizes(portal, upload)


def test_a_parcel_whose_acknowledgement_was_lost_is_stored_once(portal: Portal, browser: Browser) -> None:
    upload = browser.begin(phantom_study(series=1, instances=5))
    browser.send(upload)
    portal.restart("web")

    again = browser.post(upload, upload.parcels[0])

    assert again.status_code == 200
    assert_delivered(portal, upload)
    assert len(staged_sizes(portal, upload)) == 1
