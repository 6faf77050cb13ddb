"""The scripts' door: Qure's own contract, with what it leaves open said in added fields."""

import base64
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from pytest_django.fixtures import Settings

from tests.dicoms import dicom_bytes, encapsulated_pdf
from tests.factories import make_api_token, make_destination, make_team, make_user
from tests.pipeline.journeys import image, series_uid, sha256_of, work_off
from tests.sandboxes import TOKEN, Launch, Sandbox
from tests.views.browser import client_of, objects_in
from tests.views.conftest import Store
from tests.views.posting import TYPE, encode, post, post_body
from uploads import tasks
from uploads.dicom.reader import ReaderBroken
from uploads.models import ApiToken, Batch, Destination, File, Job, Membership, Parcel, Source, Team
from uploads.pipeline import batching, closing
from uploads.reasons import Reason
from uploads.states import BatchStatus, FileStatus, JobStatus

pytestmark = pytest.mark.django_db

JUNK = b"no image at all"
NO_DICOM = "No DICOM files were uploaded!"
UNAUTHORIZED = {
    "message": "Invalid token header. No credentials provided.",
    "next": "/accounts/login/",
    "authenticated": False,
}


@pytest.fixture
def team() -> Team:
    return make_team()


@pytest.fixture
def token(team: Team) -> str:
    return make_api_token(make_user(team), team)


def series(number: int, count: int) -> dict[str, object]:
    """What the answer says of a series."""
    return {"SeriesInstanceUID": series_uid(number), "NumberOfSeriesRelatedInstances": count}


def test_the_answer_names_each_series_with_the_number_of_its_images(token: str, team: Team) -> None:
    answer = post(token, [("a", image(1, 1)), ("b", image(2, 1)), ("c", image(1, 2))])

    job = Job.objects.get()
    assert (answer.status, answer.body) == (
        200,
        {
            "message": "Success",
            "series_instance_uids": [series_uid(1), series_uid(2)],
            "detailed_info": [series(1, 2), series(2, 1)],
            "upload_url": f"/jobs/{job.key}/",
        },
    )
    assert (job.team, job.source) == (team, Source.SCRIPT)


def test_what_was_sent_is_checked_and_waits_to_be_relayed(token: str) -> None:
    post(token, [("a", image(1))])

    assert File.objects.get().status == FileStatus.VALID
    assert Job.objects.get().manifest_closed_at is not None


def test_what_is_invalid_is_named_with_its_reason_and_the_rest_is_taken(token: str) -> None:
    answer = post(token, [("good", image(1)), ("CD/notes.txt", JUNK), ("empty", b"")])

    assert answer.status == 200
    assert answer.body["detailed_info"] == [series(1, 1)]
    assert answer.body["invalid_files"] == [
        {"file": "CD/notes.txt", "reason": Reason.NOT_DICOM.sentence},
        {"file": "empty", "reason": Reason.EMPTY.sentence},
    ]


@pytest.mark.parametrize("parts", [[("a", JUNK)], [("a", b"")], [("a", JUNK), ("b", b"")]])
def test_a_request_of_invalid_files_only_gets_the_documented_refusal(
    token: str, parts: list[tuple[str, bytes]]
) -> None:
    answer = post(token, parts)

    assert (answer.status, answer.body["message"]) == (400, NO_DICOM)
    assert [row["file"] for row in answer.body["invalid_files"]] == [name for name, _ in parts]


def test_a_request_without_parts_gets_the_documented_refusal(token: str) -> None:
    answer = post(token, [])

    assert (answer.status, answer.body) == (400, {"message": NO_DICOM})
    assert not Job.objects.exists()


def test_a_part_without_a_file_name_is_named_and_the_files_are_taken(token: str) -> None:
    body, content_type = encode([("good", image(1))])
    boundary = content_type.partition("boundary=")[2].encode()
    field = b"--" + boundary + b'\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'

    answer = post_body(token, field + body, content_type)

    assert answer.status == 200
    assert [row["file"] for row in answer.body["invalid_files"]] == ["note"]


# Parts as MIME allows them (RFC 2046, RFC 2387)


def multipart(*parts: tuple[str, bytes]) -> bytes:
    """A body of parts whose headers are as given, each on its own line."""
    lines = (b"--%s\r\n%s\r\n%s\r\n" % (b"x", head.encode("latin-1"), content) for head, content in parts)
    return b"".join(lines) + b"--x--\r\n"


NAMED = 'Content-Disposition: form-data; name="{0}"; filename="{0}"\r\n'
TYPED = "Content-Type: application/dicom\r\n"
ATTACHED = "Content-Disposition: attachment\r\n"


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (TYPED, "part 2"),
        ("", "part 2"),
        (f"{ATTACHED}{TYPED}", "part 2"),
        ('Content-Disposition: attachment; filename="b.dcm"\r\n', "b.dcm"),
        ("Content-Disposition: attachment; filename*=utf-8''M%C3%BCller\r\n", "Müller"),
        ('Content-Disposition: form-data; name="M\xfcller"; filename="M\xfcller"\r\n', "part 2"),
        ('Content-Disposition: form-data; name=""; filename=""\r\n', "part 2"),
    ],
    ids=["type only", "no header", "no name", "file name only", "encoded", "in latin 1", "empty names"],
)
def test_a_part_without_a_name_is_a_file_like_any_other(token: str, head: str, name: str) -> None:
    body = multipart((NAMED.format("a.dcm"), image(1)), (head, image(2)), (NAMED.format("c.dcm"), image(3)))

    answer = post_body(token, body, TYPE.format("x"))

    assert (answer.status, answer.body["detailed_info"]) == (200, [series(1, 3)])
    assert "invalid_files" not in answer.body
    paths = list(File.objects.order_by("number").values_list("path", flat=True))
    assert paths == ["a.dcm", name, "c.dcm"]


@pytest.mark.parametrize("content", [JUNK, b""], ids=["junk", "empty"])
def test_a_part_without_a_name_that_is_no_image_is_named_by_its_place(token: str, content: bytes) -> None:
    body = multipart((NAMED.format("a.dcm"), image(1)), (TYPED, content))

    answer = post_body(token, body, TYPE.format("x"))

    assert answer.status == 200
    assert [row["file"] for row in answer.body["invalid_files"]] == ["part 2"]


def test_a_part_that_ends_with_its_headers_is_an_empty_file(token: str) -> None:
    body = multipart((NAMED.format("a.dcm"), image(1)))
    cut = b"--x\r\n" + TYPED.encode() + body

    answer = post_body(token, cut, TYPE.format("x"))

    assert answer.body["invalid_files"] == [{"file": "part 1", "reason": Reason.EMPTY.sentence}]


def test_what_comes_before_the_first_part_and_after_the_last_is_no_file(token: str) -> None:
    body = b"This is MIME.\r\n" + multipart((TYPED, image(1))) + b"The end.\r\n"

    answer = post_body(token, body, TYPE.format("x"))

    assert (answer.status, answer.body["detailed_info"]) == (200, [series(1, 1)])
    assert "invalid_files" not in answer.body


@pytest.mark.parametrize("wrong", [b"--x\n", b"--xy\r\n"], ids=["bare line feeds", "another boundary"])
def test_a_part_that_does_not_begin_as_it_should_refuses_the_request(token: str, wrong: bytes) -> None:
    body = multipart((NAMED.format("a.dcm"), image(1)), (TYPED, image(2)))
    first, second, rest = body.partition(b"\r\n--x\r\n")

    answer = post_body(token, first + second.replace(b"--x\r\n", wrong) + rest, TYPE.format("x"))

    assert answer.refusal == (400, "bad_multipart")
    assert not Job.objects.exists()


def test_a_part_in_base64_is_decoded(token: str) -> None:
    head = f"{TYPED}Content-Transfer-Encoding: base64\r\n"

    answer = post_body(token, multipart((head, base64.encodebytes(image(1)))), TYPE.format("x"))

    assert (answer.status, answer.body["detailed_info"]) == (200, [series(1, 1)])


@pytest.mark.parametrize("content", [b"QUJ", b"QUJDR\r\n", b"Q=U="])
def test_a_part_whose_base64_is_damaged_refuses_the_request(token: str, content: bytes) -> None:
    head = f"{TYPED}Content-Transfer-Encoding: base64\r\n"

    answer = post_body(token, multipart((TYPED, image(1)), (head, content)), TYPE.format("x"))

    assert answer.refusal == (400, "bad_multipart")


@pytest.mark.parametrize(
    "path",
    ["a" * 510, "東" * 200, "/".join(["Folder"] * 580), "é" * 2048, ";" * 2000],
    ids=["ASCII", "Japanese", "folders", "longest", "semicolons"],
)
def test_a_long_path_is_taken_with_the_others(token: str, path: str) -> None:
    answer = post(token, [(path, image(1)), ("b.dcm", JUNK)])

    assert (answer.status, answer.body["detailed_info"]) == (200, [series(1, 1)])
    assert [row["file"] for row in answer.body["invalid_files"]] == ["b.dcm"]


def test_a_long_path_is_named_whole_when_its_file_is_no_image(token: str) -> None:
    path = "/".join(["Ordner"] * 580)

    answer = post(token, [(path, JUNK)])

    assert [row["file"] for row in answer.body["invalid_files"]] == [path]


def test_headers_without_an_end_refuse_the_request_and_say_so(token: str) -> None:
    body = multipart((NAMED.format("a" * 20_000), image(1)))

    answer = post_body(token, body, TYPE.format("x"))

    assert answer.refusal == (400, "headers_too_long")
    assert answer.body["message"] == "A file's name in this request is too long."
    assert not Job.objects.exists()


# The same bytes, equal names


def test_the_same_request_again_gets_the_same_counts_and_stages_nothing(
    token: str, staging_of_its_own: Path
) -> None:
    parts = [("a", image(1)), ("b", image(2))]
    first = post(token, parts)
    staged = objects_in(staging_of_its_own)

    second = post(token, parts)

    assert second.status == 200
    assert second.body["detailed_info"] == first.body["detailed_info"]
    assert objects_in(staging_of_its_own) == staged
    assert Job.objects.count() == 1


def test_of_a_request_only_what_is_new_is_staged(token: str, staging_of_its_own: Path) -> None:
    post(token, [("a", image(1))])

    answer = post(token, [("a", image(1)), ("b", image(2))])

    assert answer.body["detailed_info"] == [series(1, 2)]
    assert sum(path.stat().st_size for path in objects_in(staging_of_its_own)) == 2 * len(image(1))
    assert File.objects.count() == 2


def test_a_file_that_comes_twice_in_a_request_is_staged_and_counted_once(
    token: str, staging_of_its_own: Path
) -> None:
    answer = post(token, [("a", image(1)), ("b", image(1))])

    assert answer.body["detailed_info"] == [series(1, 1)]
    assert "invalid_files" not in answer.body
    assert [path.read_bytes() for path in objects_in(staging_of_its_own)] == [image(1)]


def test_an_image_that_was_wrapped_and_its_like_with_other_pixels_are_told_apart(token: str) -> None:
    other = image(1, PatientID="ANOTHER")

    answer = post(token, [("a", image(1)), ("b", other)])

    assert answer.body["detailed_info"] == [series(1, 1)]
    assert answer.body["invalid_files"] == [{"file": "b", "reason": Reason.CONFLICT.sentence}]


def test_what_was_found_wanting_is_not_staged_again_and_named_again(
    token: str, staging_of_its_own: Path
) -> None:
    parts = [("good", image(1)), ("bad", JUNK)]
    first = post(token, parts)
    staged = objects_in(staging_of_its_own)

    second = post(token, parts)

    assert second.body["invalid_files"] == first.body["invalid_files"]
    assert objects_in(staging_of_its_own) == staged


def test_what_was_found_wanting_is_looked_at_anew_once_its_bytes_are_gone(
    token: str, staging_of_its_own: Path, settings: Settings
) -> None:
    post(token, [("bad", JUNK)])
    closing.close(Job.objects.get().pk)
    settings.STAGING_RETENTION_HOURS = 0
    tasks.recover()

    post(token, [("bad", JUNK)])

    assert len(objects_in(staging_of_its_own)) == 1
    assert Job.objects.count() == 2


def test_a_report_that_the_teams_setting_left_out_is_taken_when_the_setting_is_changed(
    token: str, team: Team
) -> None:
    Team.objects.update(sends_documents=False)
    left_out = post(token, [("report", encapsulated_pdf())])
    again = post(token, [("report", encapsulated_pdf())])
    Team.objects.update(sends_documents=True)

    taken = post(token, [("report", encapsulated_pdf())])

    assert left_out.body["invalid_files"] == again.body["invalid_files"]
    assert (left_out.status, taken.status) == (400, 200)


def test_what_was_cancelled_is_staged_when_it_is_sent_again(token: str, staging_of_its_own: Path) -> None:
    post(token, [("a", image(1))])
    closing.cancel(Job.objects.get().pk, "test")

    answer = post(token, [("a", image(1))])

    assert answer.status == 200
    assert sorted(Job.objects.values_list("status", flat=True)) == [
        JobStatus.CANCELLED,
        JobStatus.UPLOADING,
    ]
    assert len(objects_in(staging_of_its_own)) == 2


@pytest.mark.parametrize("cancelled", [False, True], ids=["short", "short, then cancelled"])
def test_what_qure_did_not_confirm_is_staged_and_sent_when_it_comes_again(
    token: str, sandbox: Sandbox, cancelled: bool
) -> None:
    Destination.objects.update(base_url=sandbox.base_url, token=TOKEN)
    sandbox.script({"kind": "fewer"})
    parts = [("a", image(1)), ("b", image(2))]
    first = post(token, parts)
    work_off()
    if cancelled:
        closing.cancel(Job.objects.get().pk, "test")

    again = post(token, parts)
    work_off()

    assert again.body["detailed_info"] == [series(1, 2)]
    assert again.body["upload_url"] != first.body["upload_url"]
    assert Job.objects.latest("pk").status == JobStatus.ACCEPTED
    assert set(sandbox.instances().values()) == {sha256_of(content) for _, content in parts}


def test_what_another_account_of_qure_has_is_staged_and_sent_when_it_comes_again(
    token: str, team: Team, sandbox: Sandbox, launch: Launch
) -> None:
    Destination.objects.update(base_url=sandbox.base_url, token=TOKEN)
    parts = [("a", image(1)), ("b", image(2))]
    first = post(token, parts)
    work_off()
    other = launch()
    team.destination = make_destination(base_url=other.base_url, token=TOKEN)
    team.save()

    again = post(token, parts)
    work_off()
    once_more = post(token, parts)

    assert again.body["upload_url"] != first.body["upload_url"]
    assert other.instances() == sandbox.instances()
    assert "upload_url" not in once_more.body
    assert list(Job.objects.values_list("status", flat=True)) == [JobStatus.ACCEPTED] * 2


def test_what_nobody_could_send_is_staged_when_it_comes_again(token: str) -> None:
    first = post(token, [("a", image(1))])
    give_up(Job.objects.get())

    again = post(token, [("a", image(1))])

    assert again.body["upload_url"] != first.body["upload_url"]
    assert File.objects.latest("pk").status == FileStatus.VALID


def give_up(job: Job) -> None:
    """Check and batch the job's files, and give up sending them."""
    closing.close(job.pk)
    (batch_id,) = batching.plan(job.pk)
    Batch.objects.filter(pk=batch_id).update(status=BatchStatus.STUCK)
    closing.close(job.pk)


def test_files_with_equal_names_are_all_kept(token: str) -> None:
    parts = [("IM0001", image(1)), ("IM0001 (2)", image(2)), ("IM0001", image(3)), ("IM0001", image(4))]

    answer = post(token, parts)

    assert answer.body["detailed_info"] == [series(1, 4)]
    paths = list(File.objects.order_by("number").values_list("path", flat=True))
    assert paths == ["IM0001", "IM0001 (2)", "IM0001 (3)", "IM0001 (4)"]


@pytest.mark.parametrize(
    "name", ["..", "CD1/IM1", "../../etc/passwd", 'a"b', "C:\\scan\\1.dcm", "Mu\u0308ller"]
)
def test_a_name_is_never_a_path_and_loses_no_file(token: str, name: str) -> None:
    answer = post(token, [(name, image(1))])

    assert (answer.status, answer.body["detailed_info"]) == (200, [series(1, 1)])


def test_teams_do_not_see_what_others_sent(token: str, staging_of_its_own: Path) -> None:
    post(token, [("a", image(1))])
    other = make_team()

    answer = post(make_api_token(make_user(other), other), [("a", image(1))])

    assert answer.status == 200
    assert len(objects_in(staging_of_its_own)) == 2
    assert sorted(Job.objects.values_list("team", flat=True)) == sorted(
        Team.objects.values_list("pk", flat=True)
    )


def test_a_file_that_could_not_be_checked_is_kept_and_checked_by_the_next_try(
    token: str, staging_of_its_own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("uploads.pipeline.validation.inspecting.checker", BrokenChecker())
        refused = post(token, [("a", image(1))])
    closing.close(Job.objects.get().pk)
    with time_machine.travel(timedelta(seconds=30)):  # as the refusal asks
        taken = post(token, [("a", image(1))])

    assert refused.refusal == (503, "not_checked")
    assert refused.retry_after == "30"
    assert (taken.status, taken.body["detailed_info"]) == (200, [series(1, 1)])
    assert len(objects_in(staging_of_its_own)) == 1


class BrokenChecker:
    """A checker whose process can't be started."""

    def check(self, *_: object) -> None:
        raise ReaderBroken


def test_a_request_that_found_no_room_leaves_nothing_and_goes_on_in_its_own_upload(
    token: str, staging_of_its_own: Path, store_in: Store
) -> None:
    parts = [("a", image(1)), ("b", JUNK)]
    store_in("FullDisk")

    refusals = [post(token, parts).refusal for _ in range(3)]
    left = objects_in(staging_of_its_own)
    store_in("")
    taken = post(token, parts)

    assert refusals == [(507, "storage_full")] * 3
    assert left == []
    assert taken.status == 200
    assert (Job.objects.count(), Parcel.objects.count(), File.objects.count()) == (1, 1, 2)


# Tokens


@pytest.mark.parametrize("header", ["Token {}", "token {}", "Bearer {}", "BEARER  {}", "Token {} "])
def test_the_token_opens_the_door_under_either_scheme(token: str, header: str) -> None:
    answer = post("", [("a", image(1))], Authorization=header.format(token))

    assert answer.status == 200


@pytest.mark.parametrize(
    "header", ["", "Token", "Token ", "{}", "Basic {}", "Token x{}", "Token {} {}", "Token \xff", "Bearer \0"]
)
def test_any_other_header_gets_the_documented_refusal(token: str, header: str) -> None:
    answer = post("", [("a", image(1))], Authorization=header.format(token, token))

    assert (answer.status, answer.body) == (401, UNAUTHORIZED)
    assert not Job.objects.exists()


def test_a_session_alone_opens_nothing(team: Team) -> None:
    client = client_of(make_user(team))
    body, content_type = encode([("a", image(1))])

    response = client.post("/studies", body, content_type=content_type)

    assert (response.status_code, response.json()) == (401, UNAUTHORIZED)


@pytest.mark.parametrize("lost", ["revoked", "former", "disabled"])
def test_a_token_that_lost_its_right_opens_nothing(token: str, lost: str) -> None:
    if lost == "revoked":
        ApiToken.objects.update(revoked_at="2026-01-01T00:00Z")
    if lost == "former":
        Membership.objects.all().delete()
    if lost == "disabled":
        user = ApiToken.objects.get().user
        user.is_active = False
        user.save()

    answer = post(token, [("a", image(1))])

    assert (answer.status, answer.body) == (401, UNAUTHORIZED)


def test_a_token_of_one_team_opens_nothing_after_a_change_to_another(token: str) -> None:
    Membership.objects.update(team=make_team())

    answer = post(token, [("a", image(1))])

    assert answer.status == 401


def test_many_wrong_tokens_from_one_address_have_to_wait(token: str) -> None:
    refusals = [post(f"wrong{number}", []) for number in range(31)]

    assert {refusal.status for refusal in refusals[:30]} == {401}
    assert refusals[30].refusal == (429, "too_many_tries")
    assert refusals[30].retry_after == "60"


def test_a_right_token_is_never_shut_out_by_wrong_ones(token: str) -> None:
    for number in range(32):
        post(f"wrong{number}", [])

    answer = post(token, [("a", image(1))])

    assert answer.status == 200


def test_the_last_use_of_a_token_is_noted(token: str) -> None:
    post(token, [])

    assert ApiToken.objects.get().last_used_at is not None


# Bodies


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/dicom", "text/plain", "", "multipart/mixed; boundary=x"]
)
def test_another_content_type_is_refused(token: str, content_type: str) -> None:
    answer = post_body(token, encode([("a", image(1))])[0], content_type)

    assert answer.refusal == (415, "wrong_type")


def test_the_newer_content_type_is_taken_too(token: str) -> None:
    body, content_type = encode([("a", image(1))])

    answer = post_body(token, body, content_type.replace("related; type=application/dicom", "form-data"))

    assert answer.status == 200


def send_raw(token: str, body: bytes, content_type: str, length: str) -> Any:
    """Send a body with a length that need not be true; Any: Django's test client is loosely typed."""
    wire: Any = {"CONTENT_LENGTH": length, "CONTENT_TYPE": content_type, "wsgi.input": io.BytesIO(body)}
    return client_of(None).post("/studies", headers={"Authorization": f"Token {token}"}, **wire)


@pytest.mark.parametrize(
    ("length", "status", "code"),
    [
        ("", 411, "length_required"),
        ("-5", 411, "length_required"),
        ("100000001", 413, "too_large"),
        ("9" * 5000, 413, "too_large"),
        ("0", 400, "bad_multipart"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_a_body_of_no_or_too_great_a_length_is_refused(
    token: str, length: str, status: int, code: str
) -> None:
    response = send_raw(token, b"", encode([])[1], length)

    assert (response.status_code, response.json()["error"]) == (status, code)


@pytest.mark.parametrize("missing", [1, 2, 5, 40, 500, 1200])
@pytest.mark.parametrize("tells_truth", [True, False], ids=["shorter", "cut off"])
def test_a_body_that_ends_early_is_refused_whole(
    token: str, missing: int, tells_truth: bool, staging_of_its_own: Path
) -> None:
    body, content_type = encode([("a", image(1)), ("b", image(2))])
    cut = body[:-missing]
    # the last line break is not needed to know that the body is whole
    expected = 200 if tells_truth and missing <= 2 else 400

    response = send_raw(token, cut, content_type, str(len(cut if tells_truth else body)))

    assert response.status_code == expected
    assert bool(objects_in(staging_of_its_own)) == (expected == 200)


@pytest.mark.parametrize("boundary", ["", "x" * 300, "x y", '"', "ä"])
def test_a_wrong_boundary_is_refused(token: str, boundary: str) -> None:
    body, _ = encode([("a", image(1))])

    answer = post_body(token, body, f"multipart/related; type=application/dicom; boundary={boundary}")

    assert answer.refusal == (400, "bad_multipart")


def test_more_parts_than_a_request_may_hold_are_refused(token: str, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2

    answer = post(token, [(str(number), image(number)) for number in range(3)])

    assert answer.refusal == (413, "too_many_files")


def test_more_files_than_an_upload_may_hold_are_refused(token: str, settings: Settings) -> None:
    settings.UPLOAD_JOB_MAX_FILES = 2

    answer = post(token, [(str(number), image(number)) for number in range(3)])

    assert answer.refusal == (413, "too_many_files")


def test_a_file_that_is_too_large_for_qure_is_named(token: str, settings: Settings) -> None:
    settings.UPLOAD_FILE_MAX_BYTES = len(image(1))
    large = dicom_bytes(rows=64)

    answer = post(token, [("good", image(1)), ("large", large)])

    assert answer.status == 200
    assert answer.body["invalid_files"] == [{"file": "large", "reason": Reason.TOO_LARGE.sentence}]
