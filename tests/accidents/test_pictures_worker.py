"""Pictures come by themselves, and nothing waits for them."""

from tests.accidents.endings import assert_delivered
from tests.clients import Browser, Upload
from tests.dicoms import phantom_study
from tests.portals import Portal, wait_until
from uploads.models import Picture

PICTURES = """SELECT series.picture FROM uploads_series series
    JOIN uploads_job job ON job.id = series.job_id WHERE job.key = ?"""


def pictures(portal: Portal, upload: Upload) -> list[str]:
    """Which series of the upload have a picture."""
    return [picture for (picture,) in portal.rows(PICTURES, upload.job.hex)]


def test_each_series_gets_its_picture(portal: Portal, browser: Browser) -> None:
    upload = browser.begin(phantom_study(series=2, instances=5))

    browser.send(upload)

    wait_until(lambda: pictures(portal, upload) == [Picture.MADE] * 2)
    assert_delivered(portal, upload)


def test_a_decoder_that_stands_still_delays_no_delivery(portal: Portal, browser: Browser) -> None:
    portal.freeze("pictures")
    upload = browser.begin(phantom_study(series=2, instances=5))
    browser.send(upload)

    assert_delivered(portal, upload)
    assert pictures(portal, upload) == [Picture.WAITING] * 2
    portal.thaw("pictures")
    wait_until(lambda: pictures(portal, upload) == [Picture.MADE] * 2)


def test_without_a_broker_beat_delivers_and_pictures_follow_later(portal: Portal, browser: Browser) -> None:
    portal.kill("valkey", "checks", "relay", "stat", "pictures")
    upload = browser.begin(phantom_study(series=2, instances=5))
    browser.send(upload)

    assert_delivered_by_beat(portal, upload)
    portal.heal()

    wait_until(lambda: pictures(portal, upload) == [Picture.MADE] * 2)


def assert_delivered_by_beat(portal: Portal, upload: Upload) -> None:
    """Qure has each file, though no worker runs."""
    wait_until(lambda: upload.digests <= {row["sha256"] for row in portal.qure.rows()})
    assert pictures(portal, upload) == [Picture.WAITING] * 2
