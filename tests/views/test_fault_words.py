"""What an upload's page says after each answer that Qure may give, and after none."""

import re
from datetime import timedelta
from html import unescape
from typing import Any, Final

import pytest
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime, now
from pytest_django.fixtures import Settings

from tests.pipeline.journeys import images, job_to, make_due, ready_batch, work_off
from tests.sandboxes import Sandbox
from tests.views.browser import Browser, client_of, text_of
from uploads.models import Batch, Destination
from uploads.pipeline import relay
from uploads.pipeline.relay.verdict import MOST_UNKNOWN
from uploads.reasons import Reason
from uploads.states import BatchStatus

pytestmark = pytest.mark.django_db

SAFE: Final = "Everything is safe and goes out by itself; next try"
NO_ANSWER: Final = f"Qure has not answered since {{}}. {SAFE}"
FAILED: Final = f"The last try to send did not succeed. {SAFE}"
PAUSED: Final = "Sending is paused until an administrator has acted. Everything is safe."
ACCEPTED: Final = "Qure has accepted 4 images: all images of this upload."
NAMED: Final = "Qure has accepted 3 images; 1 file needs your attention."
BAD: Final = "2.25.7000.1.1"
NOBODY: Final = "http://127.0.0.1:9/"

# By name: what the sandbox plays, and what the page says after one attempt.
AFTER_ONE_ATTEMPT: Final[dict[str, tuple[dict[str, Any], str]]] = {  # Any: JSON
    "reset before storing": ({"kind": "drop_before"}, NO_ANSWER),
    "reset in the body": ({"kind": "drop_before", "after_bytes": 10}, NO_ANSWER),
    "reset after storing": ({"kind": "drop_after"}, NO_ANSWER),
    "silent": ({"kind": "silent", "seconds": 3}, NO_ANSWER),
    "429 seconds": ({"kind": "429", "retry_after": "60"}, NO_ANSWER),
    "429 date": ({"kind": "429", "retry_after": "Thu, 31 Dec 2099 00:00:00 GMT"}, NO_ANSWER),
    "503": ({"kind": "503"}, NO_ANSWER),
    "500": ({"kind": "500"}, NO_ANSWER),
    "HTML with 200": ({"kind": "html"}, NO_ANSWER),
    "broken JSON": ({"kind": "garbage"}, NO_ANSWER),
    "JSON of another shape": ({"kind": "other_json"}, NO_ANSWER),
    "gzip bomb": ({"kind": "gzip_bomb"}, NO_ANSWER),
    "missing series": ({"kind": "missing_series"}, FAILED),
    "301": ({"kind": "redirect", "status": 301}, PAUSED),
    "302": ({"kind": "redirect", "status": 302}, PAUSED),
    "401": ({"kind": "401"}, PAUSED),
    "403": ({"kind": "403"}, PAUSED),
    "404": ({"kind": "404"}, PAUSED),
}
# By name: what the sandbox plays, and what the page says when the upload rests.
AT_REST: Final[dict[str, tuple[dict[str, Any], str]]] = {  # Any: JSON
    "400 for one file": ({"kind": "400", "times": 0, "only_sop_uid": BAD}, NAMED),
    "413 for one file": ({"kind": "413", "times": 0, "only_sop_uid": BAD}, NAMED),
    "413 once": ({"kind": "413"}, ACCEPTED),
    "counts lower": ({"kind": "fewer"}, "Qure has 1 of 2"),
    "counts higher": ({"kind": "more"}, "Qure has 3 of 2"),
    "unknown series": ({"kind": "unknown_series"}, ACCEPTED),
    "dripping": ({"kind": "drip", "seconds": 0.1}, ACCEPTED),
    "license_expired": ({"kind": "license_expired"}, ACCEPTED),
}


def begin(sandbox: Sandbox) -> tuple[Browser, Batch]:
    """An upload of two series with two images each, in one batch that is due; and who sent it."""
    job = job_to(sandbox)
    batch = ready_batch(job, [*images(2, series=1), *images(2, series=2)])
    return Browser(client_of(job.created_by), job), batch


def words_of(browser: Browser, name: str = "job") -> str:
    """What a person reads on a page of the upload."""
    html = text_of(browser.client.get(browser.url(name)))
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def is_said(sentence: str, words: str) -> bool:
    """``{}`` stands for a time."""
    return re.search(re.escape(sentence).replace(r"\{\}", r"[^.]+?(?:[ap]\.m\.)?"), words) is not None


@pytest.mark.parametrize("name", AFTER_ONE_ATTEMPT)
def test_after_one_attempt_the_page_says(name: str, sandbox: Sandbox, settings: Settings) -> None:
    fault, sentence = AFTER_ONE_ATTEMPT[name]
    settings.RELAY_ANSWER_SECONDS = 1 if fault["kind"] == "silent" else settings.RELAY_ANSWER_SECONDS
    browser, batch = begin(sandbox)
    sandbox.script(fault)

    relay.send(batch.pk)

    assert is_said(sentence, words_of(browser, "job-progress"))


@pytest.mark.parametrize("name", AT_REST)
def test_at_rest_the_page_says(name: str, sandbox: Sandbox) -> None:
    fault, sentence = AT_REST[name]
    browser, _ = begin(sandbox)
    sandbox.script(fault)

    work_off()

    assert is_said(sentence, words_of(browser))


@pytest.mark.parametrize(
    ("base_url", "sentence"),
    [(NOBODY, NO_ANSWER), ("https://127.0.0.1:{port}/", PAUSED), ("http://no-such-host.invalid/", NO_ANSWER)],
    ids=["refused", "TLS", "no such host"],
)
def test_a_line_that_does_not_come_about_is_said(base_url: str, sentence: str, sandbox: Sandbox) -> None:
    browser, batch = begin(sandbox)
    Destination.objects.update(base_url=base_url.format(port=sandbox.port))

    relay.send(batch.pk)

    assert is_said(sentence, words_of(browser))
    assert sandbox.requests() == []


def test_a_file_that_qure_refuses_is_named_with_its_reason(sandbox: Sandbox) -> None:
    browser, _ = begin(sandbox)
    sandbox.script({"kind": "400", "times": 0, "only_sop_uid": BAD})

    work_off()

    words = words_of(browser)
    assert Reason.REFUSED_BY_QURE.sentence in words
    assert "CD/S1/IM0001" in words


def test_images_that_qure_had_before_are_accepted(sandbox: Sandbox) -> None:
    first, _ = begin(sandbox)
    work_off()
    sandbox.script({"kind": "license_expired"})  # a rich answer: created is false
    again, _ = begin(sandbox)
    work_off()

    assert '"created": false' in Batch.objects.get(job=again.job).attempts.get().receipt
    assert [is_said(ACCEPTED, words_of(browser)) for browser in (first, again)] == [True, True]


def test_an_expired_license_is_said_on_every_page_of_the_team(sandbox: Sandbox) -> None:
    browser, _ = begin(sandbox)
    sandbox.script({"kind": "license_expired"})

    work_off()

    page = text_of(browser.client.get(reverse("job-list")))
    assert "Qure says that the license has expired." in page


def test_what_could_not_be_sent_however_often_it_was_tried_is_said(sandbox: Sandbox) -> None:
    browser, batch = begin(sandbox)
    Batch.objects.update(failures=MOST_UNKNOWN - 1)
    sandbox.script({"kind": "500"})
    work_off()

    batch.refresh_from_db()
    words = words_of(browser)
    assert batch.status == BatchStatus.STUCK
    assert "4 images could not be sent, however often it was tried." in words
    assert "There was no image in this upload" not in words
    assert "on the way" not in words


def test_when_qure_is_back_the_page_says_that_all_is_accepted(sandbox: Sandbox) -> None:
    browser, batch = begin(sandbox)
    sandbox.script({"kind": "503"})
    relay.send(batch.pk)
    make_due(browser.job)

    work_off()

    words = words_of(browser)
    assert ACCEPTED in words
    assert "has not answered" not in words


def test_an_outage_that_began_on_another_day_is_said_with_its_date(sandbox: Sandbox) -> None:
    browser, batch = begin(sandbox)
    sandbox.script({"kind": "503"})
    relay.send(batch.pk)
    began = now() - timedelta(days=2)
    Destination.objects.update(failing_since=began)

    since = date_format(localtime(began), "SHORT_DATETIME_FORMAT")
    assert f"Qure has not answered since {since}." in words_of(browser)
