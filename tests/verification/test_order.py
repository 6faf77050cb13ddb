"""What is in order is found in order: at every stage of a job, and with objects that no row names yet."""

import io
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from tests.pipeline.journeys import end_retention, images, job_to, upload, work_off
from tests.sandboxes import Sandbox, start_sandbox
from tests.verification import jobs
from tests.verification.jobs import Planted, violations
from uploads.models import File, Job, StateChange
from uploads.pipeline import closing, purging
from uploads.states import FileStatus, ParcelStatus

pytestmark = pytest.mark.django_db


def verify(*arguments: str) -> str:
    """Run the command; answer what it prints."""
    out = io.StringIO()
    call_command("verify", *arguments, stdout=out)
    return out.getvalue()


def leave(name: str, age: timedelta) -> None:
    """Put an object that no row names into staging, as old as that."""
    default_storage.save(name, ContentFile(b"left behind"))
    then = (now() - age).timestamp()
    os.utime(default_storage.path(name), (then, then))


@pytest.mark.parametrize("stage", jobs.STAGES)
def test_every_stage_of_a_job_is_in_order(stage: Callable[[Sandbox], Planted], sandbox: Sandbox) -> None:
    stage(sandbox)

    assert violations() == []


def test_an_empty_portal_is_in_order() -> None:
    assert verify() == "17 checks passed\n"


def test_what_a_cancelled_job_had_sent_needs_its_bytes_no_more(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "fewer"})
    at = jobs.delivered(sandbox)
    assert at.file.status == FileStatus.SENT
    closing.cancel(at.job.pk, "test")
    Job.objects.update(last_arrival_at=now() - timedelta(days=30))
    [parcel] = purging.purgeable()

    purging.purge(parcel)

    assert violations() == []


def test_bytes_that_were_needed_until_just_now_may_still_be_there(sandbox: Sandbox) -> None:
    jobs.delivered(sandbox)

    Job.objects.update(last_arrival_at=now() - timedelta(days=30))  # the outage was longer than the retention

    assert violations() == []


def test_what_was_delivered_after_a_long_outage_is_kept_for_its_time(sandbox: Sandbox) -> None:
    jobs.delivered(sandbox)
    Job.objects.update(last_arrival_at=now() - timedelta(days=30))

    StateChange.objects.update(at=now() - timedelta(hours=2))  # past the grace of what moved just now

    assert violations() == []


def test_a_finished_job_is_in_order_and_in_the_receiver(sandbox: Sandbox) -> None:
    jobs.with_junk(sandbox)

    assert verify("--sandbox", sandbox.base_url) == "19 checks passed\n"


def test_what_several_receivers_hold_is_taken_together(sandbox: Sandbox, tmp_path: Path) -> None:
    jobs.delivered(sandbox)

    with start_sandbox(tmp_path / "other") as other:
        said = verify("--sandbox", sandbox.base_url, "--sandbox", other.base_url)

    assert said == "19 checks passed\n"


def test_a_receiver_that_has_lost_everything_fails_the_command(sandbox: Sandbox) -> None:
    at = jobs.delivered(sandbox)
    sandbox.forget()
    out = io.StringIO()

    with pytest.raises(CommandError, match="2 violations"):
        call_command("verify", "--sandbox", sandbox.base_url, stdout=out)

    assert f"1: file {at.file.pk} is accepted" in out.getvalue()


def test_sentences_name_nothing_that_is_in_a_file(sandbox: Sandbox) -> None:
    jobs.delivered(sandbox)
    File.objects.update(sha256="", wire_sha256="", reason="")
    sandbox.forget()
    out = io.StringIO()

    with pytest.raises(CommandError):
        call_command("verify", "--sandbox", sandbox.base_url, stdout=out)

    assert "2.25.7000" not in out.getvalue()
    assert "IM0" not in out.getvalue()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1.evil.test/",
        "http://localhost@evil.test/",
        "https://127.0.0.1/",
        "file:///etc/passwd",
    ],
)
def test_only_a_sandbox_on_this_machine_is_asked(url: str) -> None:
    with pytest.raises(CommandError, match="on this machine only"):
        verify("--sandbox", url)


def test_a_sandbox_that_does_not_run_is_a_plain_sentence() -> None:
    with pytest.raises(CommandError, match="does not answer"):
        verify("--sandbox", "http://127.0.0.1:9/")


@pytest.mark.disk
@pytest.mark.parametrize("name", ["{job}/.arriving-x1", "{job}/d0f1c0de", "elsewhere/.arriving-x2", "loose"])
def test_what_a_dead_writer_left_is_found_when_its_job_has_been_cleared_away(
    name: str, sandbox: Sandbox
) -> None:
    at = jobs.delivered(sandbox)
    end_retention()
    default_storage.delete(at.parcel.object_name)
    jobs.put(at.parcel, ParcelStatus.PURGED)
    name = name.format(job=at.job.key)
    leave(name, timedelta(days=2))

    assert violations() == [f"6: the object {name} belongs to no parcel"]


@pytest.mark.disk
def test_what_is_being_written_is_left_in_peace(sandbox: Sandbox) -> None:
    at = jobs.delivered(sandbox)

    leave(f"{at.job.key}/.arriving-now", timedelta(minutes=1))
    leave("elsewhere/.arriving-now", timedelta(minutes=1))
    leave(f"{at.job.key}/.arriving-old", timedelta(days=2))

    assert violations() == []


def test_more_files_take_no_more_questions(sandbox: Sandbox) -> None:
    upload(job_to(sandbox), images(3))
    work_off()
    with CaptureQueriesContext(connection) as few:
        violations()

    upload(job_to(sandbox), images(40, series=2))
    work_off()
    with CaptureQueriesContext(connection) as many:
        violations()

    assert len(many) - len(few) < 15
