"""Reading what Qure answers, and what it asks us to wait."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.qure.servers import receipt
from uploads.qure.answers import Answer, parse
from uploads.qure.errors import QureNoAnswer, QureNothingUsable, QureUnauthorized
from uploads.qure.retry_after import LONGEST, retry_after_seconds

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
known_names = st.sampled_from(
    ["message", "series_instance_uids", "detailed_info", "messages", "authenticated", "SeriesInstanceUID"]
)
near_answers = st.dictionaries(
    known_names, json_values | st.dictionaries(known_names, json_values), max_size=6
)


def answered(**fields: Any) -> Answer:  # Any: JSON
    """An answer with one series and these fields."""
    return parse(200, json.dumps({"message": "Success", "series_instance_uids": ["1.2"], **fields}))


@given(st.text() | json_values.map(json.dumps) | near_answers.map(json.dumps))
def test_any_text_is_an_answer_or_a_named_fault(text: str) -> None:
    try:
        answer = parse(200, text)
    except (QureNoAnswer, QureNothingUsable, QureUnauthorized) as fault:
        assert (fault.status, fault.text) == (200, text)
        return

    assert answer.series_uids
    assert all(count is None or count >= 0 for count in answer.counts.values())


@pytest.mark.parametrize("text", ["[" * 200_000, "1" * 100_000, '{"a":' * 100_000, "\ufeff{}", "nan", ""])
def test_what_breaks_decoders_is_no_answer(text: str) -> None:
    with pytest.raises(QureNoAnswer):
        parse(200, text)


def test_the_documented_answer_is_read() -> None:
    answer = parse(200, receipt("1.2.3", 50).decode())

    assert (answer.status, answer.message, answer.series_uids) == (200, "Success", ("1.2.3",))
    assert answer.counts == {"1.2.3": 50}
    assert (answer.license_expired, answer.already_held) == (False, 0)


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (0, 0),
        (50, 50),
        ("50", 50),
        (" 50 ", 50),
        (50.0, None),
        (50.5, None),
        (float("inf"), None),
        (float("nan"), None),
        (True, None),
        (None, None),
        (-1, None),
        ("-1", None),
        ("INTEGER", None),
        ("", None),
        ("\u0665", None),
        ([50], None),
        (10**30, None),
        ("9" * 5000, None),
        ("0000000000050", 50),
        ("0" * 5000 + "50", None),
        (10_000_001, None),
    ],
)
def test_a_count_is_a_number_or_not_known(value: object, count: int | None) -> None:
    answer = answered(detailed_info=[{"SeriesInstanceUID": "1.2", "NumberOfSeriesRelatedInstances": value}])

    assert answer.counts == {"1.2": count}


def test_the_richer_answer_tells_of_the_license_and_of_what_was_there() -> None:
    notes = {
        "file0": {"message": "ok", "created": True, "license_expired": False, "metadata": {}},
        "file1": {"message": "ok", "created": False, "license_expired": True, "metadata": {}},
        "file2": {"message": "ok", "created": False},
        "file3": "odd",
    }

    answer = answered(status="success", messages=notes)

    assert (answer.license_expired, answer.already_held) == (True, 2)


def test_the_padding_of_a_uid_is_not_part_of_it() -> None:
    details = [{"SeriesInstanceUID": "1.2 ", "NumberOfSeriesRelatedInstances": 3}]

    answer = answered(series_instance_uids=["1.2\0", " "], detailed_info=details)

    assert (answer.series_uids, answer.counts) == (("1.2",), {"1.2": 3})


@pytest.mark.parametrize("details", [None, {}, "x", [None], [{}], [{"SeriesInstanceUID": 5}]])
def test_details_that_are_none_leave_the_counts_unknown(details: object) -> None:
    assert answered(detailed_info=details).counts == {}


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ([120, 120], 120),
        (["120", 120], 120),
        ([118, 120], None),
        ([120, 118], None),
        ([120, "INTEGER"], None),
        ([None, 120], None),
        ([118, 120, 120], None),
    ],
)
def test_counts_of_one_series_that_differ_prove_nothing(values: list[object], count: int | None) -> None:
    uids = ["1.2", "1.2 ", "1.2\0"]  # one UID, padded or not
    details = [
        {"SeriesInstanceUID": uid, "NumberOfSeriesRelatedInstances": value}
        for uid, value in zip(uids, values, strict=False)
    ]

    assert answered(detailed_info=details).counts == {"1.2": count}


@pytest.mark.parametrize("message", ["No DICOM files were uploaded!", "no dicom files were uploaded"])
def test_nothing_usable_is_believed_over_a_status_of_success(message: str) -> None:
    with pytest.raises(QureNothingUsable):
        answered(message=message)


def test_not_authenticated_is_believed_over_a_status_of_success() -> None:
    with pytest.raises(QureUnauthorized):
        answered(authenticated=False)


@pytest.mark.parametrize("uids", [None, [], [None], [5], {}, "1.2", [""]])
def test_an_answer_that_names_no_series_is_none(uids: object) -> None:
    with pytest.raises(QureNoAnswer):
        answered(series_instance_uids=uids)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("0", 0), ("120", 120), (" 7 ", 7), ("3600", 3600), ("3601", LONGEST), ("9" * 400, LONGEST)],
)
def test_seconds_to_wait_are_capped(value: str, seconds: float) -> None:
    assert retry_after_seconds(value, None) == seconds


@pytest.mark.parametrize("value", [None, "", "soon", "-5", "1.5", "\u0665", "Fri, 99 Foo", "0x10", "\0"])
def test_a_wait_that_cannot_be_read_is_not_known(value: str | None) -> None:
    assert retry_after_seconds(value, None) is None


@pytest.mark.parametrize(
    ("after", "seconds"),
    [(90, 90), (0, 0), (-60, 0), (86400, LONGEST)],
    ids=["later", "now", "past", "tomorrow"],
)
def test_a_date_to_wait_for_is_measured_by_the_servers_clock(after: int, seconds: float) -> None:
    servers_clock = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)

    date = format_datetime(servers_clock, usegmt=True)
    value = format_datetime(servers_clock + timedelta(seconds=after), usegmt=True)

    assert retry_after_seconds(value, date) == seconds


def test_a_date_without_the_servers_is_measured_by_ours() -> None:
    value = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)

    seconds = retry_after_seconds(value, "garbage")

    assert seconds is not None
    assert 60 < seconds <= 100


@given(st.text(), st.text())
def test_any_header_is_a_wait_within_bounds_or_none(value: str, date: str) -> None:
    seconds = retry_after_seconds(value, date)

    assert seconds is None or 0 <= seconds <= LONGEST
