"""The small pictures of series: on the upload's page and at their own address."""

import re
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.urls import reverse
from django.utils.timezone import now

from tests.factories import make_series
from tests.views.browser import Browser, text_of
from uploads.models import Job, Picture, Series
from uploads.states import JobStatus

PNG = b"\x89PNG\r\n\x1a\n and so on"


def pictured_series(browser: Browser) -> Series:
    """A series with a picture."""
    series = make_series(browser.job, picture=Picture.MADE, picture_tries=1)
    default_storage.save(series.picture_name, ContentFile(PNG))
    return series


def page_of(browser: Browser) -> str:
    """The upload's page, as HTML."""
    return text_of(browser.client.get(browser.url("job")))


def test_a_picture_is_answered_as_what_it_is(browser: Browser) -> None:
    series = pictured_series(browser)

    response = browser.client.get(reverse("series-picture", args=[series.key]))

    assert (response.status_code, response.content) == (200, PNG)
    assert response["Content-Type"] == "image/png"
    assert response["X-Content-Type-Options"] == "nosniff"


def test_nobody_keeps_a_picture(browser: Browser) -> None:
    series = pictured_series(browser)

    response = browser.client.get(reverse("series-picture", args=[series.key]))

    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize("picture", [Picture.WAITING, Picture.NONE])
def test_a_series_without_a_picture_answers_nothing(browser: Browser, picture: Picture) -> None:
    series = pictured_series(browser)
    Series.objects.update(picture=picture)

    response = browser.client.get(reverse("series-picture", args=[series.key]))

    assert response.status_code == 404


def test_a_picture_that_has_just_been_purged_answers_nothing(browser: Browser) -> None:
    series = pictured_series(browser)
    default_storage.delete(series.picture_name)

    response = browser.client.get(reverse("series-picture", args=[series.key]))

    assert response.status_code == 404


def test_the_page_shows_the_picture_and_keeps_its_place(browser: Browser) -> None:
    series = pictured_series(browser)

    (image,) = re.findall(r"<img[^>]+>", page_of(browser))

    assert f'src="/series/{series.key}/picture.png"' in image
    assert 'alt="Middle image of the CT series"' in image
    assert 'width="64" height="64" loading="lazy"' in image


@pytest.mark.parametrize(
    ("status", "picture", "is_due", "words"),
    [
        (JobStatus.UPLOADING, Picture.WAITING, False, "Picture follows"),
        (JobStatus.PROCESSING, Picture.NONE, False, "No picture"),
        (JobStatus.ACCEPTED, Picture.WAITING, True, "Picture follows"),
        (JobStatus.ACCEPTED, Picture.NONE, False, "No picture"),
        (JobStatus.CANCELLED, Picture.WAITING, False, "No picture"),
    ],
)
def test_without_a_picture_the_page_says_whether_one_follows(
    browser: Browser, status: JobStatus, picture: Picture, is_due: bool, words: str
) -> None:
    Job.objects.update(status=status)
    make_series(browser.job, picture=picture, picture_due_at=now() if is_due else None)

    assert re.findall(r'<span class="no-picture">([^<]+)</span>', page_of(browser)) == [words]


@pytest.mark.parametrize("is_due", [True, False])
def test_a_page_at_rest_lives_on_until_its_pictures_are_there(browser: Browser, is_due: bool) -> None:
    Job.objects.update(status=JobStatus.ACCEPTED)
    make_series(browser.job, picture_due_at=now() if is_due else None)

    assert ("hx-get" in page_of(browser)) == is_due


def test_a_page_at_rest_does_not_ask_for_ever_where_nobody_draws(browser: Browser) -> None:
    Job.objects.update(status=JobStatus.ACCEPTED, last_arrival_at=now() - timedelta(hours=1))
    make_series(browser.job, picture_due_at=now())

    page = page_of(browser)

    assert "hx-get" not in page
    assert "No picture" in page
