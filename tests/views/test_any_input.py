"""Whatever comes in, the answer is a success or a refusal with a sentence, never a failure of the server."""

import io
import json
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.factories import make_api_token
from tests.parcels import digest_of, tar_of
from tests.views.browser import Browser, answer_of
from tests.views.posting import TYPE, encode, post_body

pytestmark = pytest.mark.django_db

# The database is as it was left by the examples before: that is the point.
ANY = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])

CHARACTERS = st.characters(codec=None)  # lone surrogates too
NUMBERS = st.integers() | st.sampled_from([2**31, 2**46, 2**53, 2**63, -1]) | st.floats()
VALUES = st.none() | st.booleans() | NUMBERS | st.text(CHARACTERS, max_size=20)
ANY_JSON = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
ENTRIES = st.fixed_dictionaries({"path": st.text(CHARACTERS, max_size=30) | ANY_JSON, "size": NUMBERS})
LAST = st.booleans() | ANY_JSON
MANIFESTS = st.fixed_dictionaries({"files": st.lists(ENTRIES | ANY_JSON, max_size=5), "last": LAST})
GOOD_ENTRIES = st.fixed_dictionaries(
    {"path": st.text(CHARACTERS, min_size=1, max_size=30), "size": st.integers(0, 2**46)}
)
MEMBERS = st.lists(
    st.tuples(st.from_regex(r"[0-2](\.\d)?", fullmatch=True) | st.text(max_size=9), st.binary(max_size=700)),
    max_size=4,
)


def is_an_answer(status: int, body: Any) -> bool:  # Any: decoded JSON
    """A success, or a refusal with its sentence."""
    return status in (200, 201) or (400 <= status < 500 and len(body["message"]) > 10)


@ANY
@given(data=ANY_JSON | MANIFESTS)
@pytest.mark.parametrize("name", ["create-job", "add-manifest", "report-unreadable", "stop-adding"])
def test_any_json_is_answered(browser: Browser, name: str, data: object) -> None:
    url = "/intake/jobs/" if name == "create-job" else browser.url(name)

    answer = browser.post(url, json.dumps(data))

    assert is_an_answer(answer.status, answer.body)


@ANY
@given(entries=st.lists(GOOD_ENTRIES, max_size=5, unique_by=lambda entry: entry["path"]))
def test_any_well_formed_manifest_is_taken_and_shown(browser: Browser, entries: list[object]) -> None:
    browser.job.files.all().delete()

    answer = browser.declare({"files": entries})
    page = browser.client.get(browser.url("job-files"))

    assert answer.status == 200
    assert page.status_code == 200


@ANY
@given(body=st.binary(max_size=200))
@pytest.mark.parametrize("name", ["create-job", "add-manifest", "report-unreadable", "add-parcel"])
def test_any_bytes_are_answered(browser: Browser, name: str, body: bytes) -> None:
    url = "/intake/jobs/" if name == "create-job" else browser.url(name)
    headers = {"X-Parcel": str(uuid.uuid4()), "X-Parcel-Digest": "0" * 64}

    answer = browser.post(url, body, headers=headers)

    assert is_an_answer(answer.status, answer.body)


@ANY
@given(members=MEMBERS, cut=st.none() | st.integers(0, 3000), sizes=st.lists(st.integers(0, 700), max_size=3))
def test_any_parcel_is_answered(
    browser: Browser, members: list[tuple[str, bytes]], cut: int | None, sizes: list[int]
) -> None:
    browser.job.files.all().delete()
    browser.choose(*sizes)

    answer = browser.send(members, body=tar_of(members)[:cut], digest=digest_of(members))

    assert is_an_answer(answer.status, answer.body)


@ANY
@given(headers=st.dictionaries(
    st.sampled_from(["X-Parcel", "X-Parcel-Digest", "X-File-Digest", "Content-Length", "Content-Type"]),
    st.text(st.characters(max_codepoint=255), max_size=70),
))  # fmt: skip
def test_any_headers_are_answered(browser: Browser, headers: dict[str, str]) -> None:
    length = headers.pop("Content-Length", "5")
    wire: dict[str, Any] = {"CONTENT_LENGTH": length, "wsgi.input": io.BytesIO(b"12345")}

    response = browser.client.post(
        browser.url("add-parcel"),
        b"",
        content_type=headers.pop("Content-Type", "application/x-tar"),
        headers=headers,
        **wire,
    )

    answer = answer_of(response)
    assert is_an_answer(answer.status, answer.body)


@settings(ANY, max_examples=15)  # each starts the checker
@given(
    parts=st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=50)), max_size=4),
    cut=st.none() | st.integers(0, 600),
)
def test_any_part_of_a_scripts_request_is_answered(
    browser: Browser, parts: list[tuple[str, bytes]], cut: int | None
) -> None:
    token = make_api_token(browser.job.created_by, browser.job.team)
    body, content_type = encode(parts)

    answer = post_body(token, body[:cut], content_type)

    assert is_an_answer(answer.status, answer.body)


@ANY
@given(body=st.binary(max_size=300), boundary=st.text(st.characters(max_codepoint=255), max_size=80))
def test_any_bytes_of_a_script_are_answered(browser: Browser, body: bytes, boundary: str) -> None:
    token = make_api_token(browser.job.created_by, browser.job.team)

    answer = post_body(token, body, TYPE.format(boundary))

    assert answer.status in (400, 411, 415)
