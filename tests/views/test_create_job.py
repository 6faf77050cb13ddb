"""Beginning an upload."""

import uuid

import pytest
from django.urls import reverse

from tests.factories import make_team, make_user
from tests.views.browser import Browser, answer_of, client_of
from uploads.models import Job, Membership

pytestmark = pytest.mark.django_db


def test_an_upload_is_begun_and_says_where_it_goes_on(browser: Browser) -> None:
    answer = browser.create({"request": str(uuid.uuid4())})

    job = Job.objects.get(key=answer.body["job"])
    assert answer.status == 201
    assert answer.body == {
        "job": str(job.key),
        "manifest_url": f"/intake/jobs/{job.key}/manifest/",
        "parcel_url": f"/intake/jobs/{job.key}/parcels/",
        "unreadable_url": f"/intake/jobs/{job.key}/unreadable/",
        "cancel_url": f"/jobs/{job.key}/cancel/",
        "stop_url": f"/intake/jobs/{job.key}/stop/",
        "page_url": f"/jobs/{job.key}/",
    }


def test_the_same_request_made_twice_begins_one_upload(browser: Browser) -> None:
    request = {"request": str(uuid.uuid4())}

    first, second = browser.create(request), browser.create(request)

    assert (first.status, second.status) == (201, 200)
    assert first.body == second.body
    assert Job.objects.exclude(pk=browser.job.pk).count() == 1


def test_two_people_may_make_the_same_request(browser: Browser) -> None:
    request = {"request": str(uuid.uuid4())}
    colleague = Browser(client_of(make_user(browser.job.team)), browser.job)

    first, second = browser.create(request), colleague.create(request)

    assert (first.status, second.status) == (201, 201)
    assert first.body["job"] != second.body["job"]


def test_an_upload_goes_to_the_team_that_was_chosen(browser: Browser) -> None:
    second = make_team(name="zz last")
    Membership.objects.create(user=browser.job.created_by, team=second)

    answer = browser.create({"request": str(uuid.uuid4()), "team": str(second.key)})

    assert Job.objects.get(key=answer.body["job"]).team == second


def test_another_teams_key_is_as_good_as_none(browser: Browser) -> None:
    foreign = make_team()

    answer = browser.create({"request": str(uuid.uuid4()), "team": str(foreign.key)})

    assert answer.refusal == (404, "no_team")


def test_a_person_without_a_team_is_told_whom_to_ask() -> None:
    client = client_of(make_user())

    response = client.post(
        reverse("create-job"), {"request": str(uuid.uuid4())}, content_type="application/json"
    )

    assert answer_of(response).refusal == (404, "no_team")
    assert "administrator" in response.json()["message"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({}, "bad_key"),
        ({"request": None}, "bad_key"),
        ({"request": 17}, "bad_key"),
        ({"request": ["x"]}, "bad_key"),
        ({"request": "no key"}, "bad_key"),
        ({"request": "\ud800" * 32}, "bad_key"),
        ({"request": str(uuid.UUID(int=1)), "team": 5}, "bad_key"),
        ({"request": str(uuid.UUID(int=1)), "team": "\0"}, "bad_key"),
        ([], "bad_json"),
        (None, "bad_json"),
        (17, "bad_json"),
        ("text", "bad_json"),
    ],
)
def test_a_request_of_another_shape_begins_nothing(browser: Browser, data: object, code: str) -> None:
    answer = browser.create(data)

    assert answer.refusal == (400, code)
    assert Job.objects.get() == browser.job
