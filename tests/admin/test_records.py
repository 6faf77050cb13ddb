"""What administrators read: every record, found and opened, and none that can be edited."""

from typing import Final

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.admin.pages import inline_code, list_url, row_url, search
from tests.admin.rows import TOKEN, Everything
from tests.factories import make_file, make_job, make_patient, make_series
from uploads.models import ApiToken, Attempt, Batch, File, Job, Parcel, Patient, Series, StateChange
from uploads.states import FileStatus

MODELS: Final = {
    model._meta.model_name: model
    for model in (Job, Patient, Series, File, Parcel, Batch, Attempt, StateChange, ApiToken)
}
RECORDS: Final = tuple(MODELS)
ALL: Final = (*RECORDS, "destination", "team")


@pytest.mark.parametrize("kind", ALL)
def test_a_list_shows_its_rows(kind: str, admin_pages: Client, everything: Everything) -> None:
    row = (everything.records() | everything.settings())[kind]

    response = admin_pages.get(list_url(kind))

    assert response.status_code == 200
    assert row_url(kind, row) in response.content.decode()


@pytest.mark.parametrize("kind", ALL)
def test_a_row_opens(kind: str, admin_pages: Client, everything: Everything) -> None:
    row = (everything.records() | everything.settings())[kind]

    response = admin_pages.get(row_url(kind, row))

    assert response.status_code == 200


@pytest.mark.parametrize("kind", ALL)
def test_somebody_who_may_only_look_sees_the_same_rows(
    kind: str, onlooker: Client, everything: Everything
) -> None:
    row = (everything.records() | everything.settings())[kind]

    listed, opened = onlooker.get(list_url(kind)), onlooker.get(row_url(kind, row))

    assert (listed.status_code, opened.status_code) == (200, 200)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("job", ["Head 5 mm", "1.2.3.77", "processing → attention by test"]),
        ("file", ["CD/broken", "truncated_pixels"]),
        ("batch", ["1.2.3.77", "Success", "Accepted"]),
        ("attempt", ["1.2.3.77", "1 of 1"]),
    ],
)
def test_a_row_tells_what_happened(
    kind: str, words: list[str], admin_pages: Client, everything: Everything
) -> None:
    html = admin_pages.get(row_url(kind, everything.records()[kind])).content.decode()

    assert [word for word in words if word not in html] == []


def test_the_list_of_files_gives_the_reason_in_words(admin_pages: Client, everything: Everything) -> None:
    html = admin_pages.get(list_url("file")).content.decode()

    assert "The image is incomplete: the file ends too early." in html


SEARCHES: Final = [
    ("job", "1.2.3.77"),
    ("job", "dr.night"),
    ("job", "Night shift"),
    ("patient", "P77"),
    ("patient", "DOE"),
    ("series", "1.2.3.77"),
    ("file", "CD/broken"),
    ("batch", "{job.key}"),
    ("attempt", "series_instance_uids"),
    ("parcel", "{job.key}"),
    ("statechange", "{job.key}"),
    ("apitoken", "dr.night"),
    ("apitoken", "{api_token.hint}"),
    ("destination", "Qure"),
    ("team", "Night shift"),
]


@pytest.mark.parametrize(("kind", "text"), SEARCHES)
def test_a_search_finds_a_row(kind: str, text: str, admin_pages: Client, everything: Everything) -> None:
    query = text.format(job=everything.job, api_token=everything.api_token)

    response = search(admin_pages, kind, query)

    assert response.context["cl"].result_count > 0  # type: ignore[attr-defined]  # a test's


@pytest.mark.parametrize("kind", sorted({kind for kind, _ in SEARCHES}))
def test_a_search_for_something_else_finds_nothing(
    kind: str, admin_pages: Client, everything: Everything
) -> None:
    response = search(admin_pages, kind, "no such thing")

    assert response.context["cl"].result_count == 0  # type: ignore[attr-defined]  # a test's


@pytest.mark.parametrize(
    ("kind", "filters", "count"),
    [
        ("job", {"status__exact": "attention"}, 1),
        ("job", {"status__exact": "accepted"}, 0),
        ("job", {"source__exact": "script"}, 0),
        ("job", {"created_at__year": "1999"}, 0),
        ("patient", {"status__exact": "unconfirmed"}, 1),
        ("patient", {"status__exact": "declined"}, 0),
        ("series", {"modality": "CT"}, 1),
        ("series", {"modality": "MR"}, 0),
        ("file", {"status__exact": "rejected"}, 1),
        ("file", {"reason": "truncated_pixels"}, 1),
        ("file", {"reason": "empty"}, 0),
        ("batch", {"status__exact": "stuck"}, 1),
        ("attempt", {"outcome__exact": "mismatch"}, 1),
        ("attempt", {"outcome__exact": "refused"}, 0),
        ("parcel", {"status__exact": "stored"}, 2),
        ("statechange", {"to_status": "attention"}, 1),
        ("destination", {"status__exact": "paused"}, 0),
    ],
)
def test_a_filter_leaves_what_it_says(
    kind: str, filters: dict[str, str], count: int, admin_pages: Client, everything: Everything
) -> None:
    response = admin_pages.get(list_url(kind), filters)

    assert response.context["cl"].result_count == count


@pytest.mark.parametrize("kind", ["job", "batch", "attempt", "parcel", "statechange"])
def test_a_list_can_be_narrowed_to_a_date(kind: str, admin_pages: Client, everything: Everything) -> None:
    html = admin_pages.get(list_url(kind)).content.decode()

    assert 'class="toplinks"' in html


@pytest.mark.parametrize("kind", RECORDS)
@pytest.mark.parametrize("page", ["add", "change", "delete"])
def test_nobody_adds_changes_or_deletes_a_record(
    kind: str, page: str, admin_pages: Client, everything: Everything
) -> None:
    row = everything.records()[kind]
    before = list(MODELS[kind].objects.order_by("pk").values())
    arguments = [] if page == "add" else [row.pk]
    data = {"status": "accepted", "outcome": "accepted", "reason": "", "post": "yes"}

    response = admin_pages.post(reverse(f"admin:uploads_{kind}_{page}", args=arguments), data)

    assert response.status_code == 403
    assert list(MODELS[kind].objects.order_by("pk").values()) == before


@pytest.mark.parametrize("kind", [*ALL])
def test_no_list_offers_to_delete(kind: str, admin_pages: Client, everything: Everything) -> None:
    row = (everything.records() | everything.settings())[kind]
    data = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}

    response = admin_pages.post(list_url(kind), data, follow=True)

    assert "delete_selected" not in response.content.decode()
    assert type(row)._base_manager.filter(pk=row.pk).exists()


def test_people_are_switched_off_and_never_deleted(admin_pages: Client, everything: Everything) -> None:
    url = reverse("admin:auth_user_delete", args=[everything.user.pk])

    response = admin_pages.post(url, {"post": "yes"})

    assert response.status_code == 403
    assert type(everything.user)._base_manager.filter(pk=everything.user.pk).exists()


@pytest.mark.parametrize(
    "kind", ["job", "patient", "series", "file", "batch", "attempt", "parcel", "statechange"]
)
def test_a_longer_list_asks_the_database_no_oftener(
    kind: str, admin_pages: Client, everything: Everything
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            admin_pages.get(list_url(kind))
        return len(captured)

    queries()
    before = queries()
    for _ in range(3):
        job = make_job(everything.team, created_by=everything.user)
        make_file(job, b"more", series=make_series(job), status=FileStatus.VALID)
        make_patient(job)
        batch = Batch.objects.create(job=job, body_bytes=1)
        everything.make_attempt(batch, everything.attempt.outcome, 200, "{}")  # type: ignore[arg-type]

    assert queries() == before


@pytest.mark.parametrize("kind", ALL)
def test_a_page_has_no_code_of_its_own_and_shows_no_token(
    kind: str, admin_pages: Client, everything: Everything
) -> None:
    row = (everything.records() | everything.settings())[kind]

    pages = [admin_pages.get(list_url(kind)), admin_pages.get(row_url(kind, row))]

    for page in pages:
        assert inline_code(page.content.decode()) == []
        assert TOKEN not in page.content.decode()
        assert "'unsafe" not in page.headers["Content-Security-Policy"]


def test_an_api_tokens_digest_is_not_shown(admin_pages: Client, everything: Everything) -> None:
    token = everything.api_token

    html = admin_pages.get(row_url("apitoken", token)).content.decode()

    assert token.digest not in html
