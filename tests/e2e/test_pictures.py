"""A clinician sees what was sent: a picture of each series, though no browser could have drawn it."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect
from pydicom import dcmread
from pydicom.uid import JPEGLSLossless

from tests.e2e.browsing import REST_MILLISECONDS, drop, send, wait_for_rest
from tests.portals import Portal
from tests.screenshots.studies import PICTURE, head_ct, written

PICTURES = "td.picture img"


def compressed(content: bytes) -> bytes:
    """The same image as JPEG-LS, which only the server can draw."""
    ds = dcmread(io.BytesIO(content))
    ds.compress(JPEGLSLossless, generate_instance_uid=False)
    out = io.BytesIO()
    ds.save_as(out)
    return out.getvalue()


def head(patient: str, folder: Path) -> Path:
    """A compressed CT of the head, of three series."""
    images = head_ct(
        patient, "DOE^JANE", 3, PatientBirthDate="19500101", RescaleIntercept="0", RescaleSlope="1"
    )
    return written([(path, compressed(content)) for path, content in images], folder)


@pytest.fixture
def silent_relay(portal: Portal) -> Iterator[None]:
    """Nothing is sent for a while, so that uploads stay as they are."""
    for name in ("relay", "stat"):
        portal.freeze(name)
    yield
    for name in ("relay", "stat"):
        portal.thaw(name)


def test_each_series_of_an_upload_has_its_picture(page: Page, folder: Path) -> None:
    drop(page, head("P301", folder))
    send(page)
    wait_for_rest(page, "Accepted by Qure")

    pictures = page.locator(PICTURES)
    expect(pictures).to_have_count(3, timeout=REST_MILLISECONDS)
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("naturalWidth", PICTURE)


@pytest.mark.usefixtures("silent_relay")
def test_a_page_that_lives_on_fetches_each_picture_once(page: Page, folder: Path) -> None:
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith("picture.png"):
            asked.append(request.url)

    page.on("request", note)
    drop(page, head("P302", folder))
    send(page)
    expect(page.locator(PICTURES)).to_have_count(3, timeout=REST_MILLISECONDS)
    page.locator(PICTURES).last.scroll_into_view_if_needed()
    for _ in range(3):
        with page.expect_response("**/progress/", timeout=REST_MILLISECONDS):
            pass

    assert len(asked) == len(set(asked)) == 3
