"""Programs of one release work with the tables of the next, and the next reads what is there."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, models
from django.db.migrations import (
    AddConstraint,
    AddField,
    AddIndex,
    AlterField,
    CreateModel,
    DeleteModel,
    RemoveConstraint,
    RemoveField,
    RenameField,
)
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.test import Client
from django.urls import reverse

from tests.models.releases import in_the_way
from tests.pipeline.journeys import STUDY, image, series_uid, sha256_of
from tests.sandboxes import TOKEN, Sandbox
from uploads.models import Destination, File, Job
from uploads.pipeline import relay
from uploads.states import FileStatus
from uploads.verification.counts import no_file_of_a_job_is_gone
from uploads.verification.waiting import every_file_is_accounted_for

RELEASES = ["0011_team_quota"]  # the last migration of each
FIRST = ("uploads", "0001_initial")
KIND = models.CharField(max_length=20)


def state_of(name: str) -> ProjectState:
    return MigrationLoader(None).project_state(("uploads", name))


def newest() -> ProjectState:
    return MigrationLoader(None).project_state()


@pytest.mark.parametrize("release", RELEASES)
def test_programs_of_a_release_can_work_with_the_newest_tables(release: str) -> None:
    assert in_the_way(state_of(release), newest()) == []


def test_what_was_added_before_the_first_release_and_asked_too_much_is_named() -> None:
    sentences = in_the_way(state_of("0009_pictures"), newest())

    for column in ("Attempt.is_probe", "Destination.failures"):
        assert f"{column} is asked for, and old programs don't name it" in sentences


@pytest.mark.parametrize(
    "operation",
    [
        CreateModel("Visit", [("id", models.BigAutoField(primary_key=True))]),
        AddField("job", "kind", models.CharField(max_length=20, null=True)),
        AddField("job", "kind", models.CharField(max_length=20, db_default="")),
        AlterField("job", "note", models.CharField(max_length=400, blank=True)),
        AddIndex("job", models.Index(fields=["note"], name="notes")),
        RemoveConstraint("patient", "one_patient_a_job"),
    ],
    ids=["a table", "an empty column", "a column with a default", "longer", "an index", "a rule less"],
)
def test_what_only_adds_is_in_nobodys_way(operation: Operation) -> None:
    assert in_the_way(newest(), after(operation)) == []


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (DeleteModel("Patient"), "Patient is gone"),
        (RemoveField("job", "note"), "Job.note is gone"),
        (AddField("job", "kind", KIND), "Job.kind is asked for, and old programs don't name it"),
        (AlterField("job", "note", KIND), "Job.note takes fewer letters"),
        (AlterField("job", "note", models.TextField()), "Job.note is of another kind"),
        (AlterField("job", "purged_at", models.DateTimeField()), "Job.purged_at must not be empty"),
        (AlterField("patient", "status", KIND), "Patient.status has lost a choice"),
        (
            AddConstraint("job", UniqueConstraint(fields=["note"], name="one_note")),
            "Job: one_note may refuse what old programs write",
        ),
        (
            AddConstraint("job", CheckConstraint(condition=~Q(note=""), name="a_note")),
            "Job: a_note may refuse what old programs write",
        ),
    ],
)
def test_what_old_programs_would_fall_over_is_named(operation: Operation, expected: str) -> None:
    (sentence,) = in_the_way(newest(), after(operation))

    assert sentence.startswith(expected)


def test_a_column_by_another_name_is_gone_for_old_programs() -> None:
    renamed = after(RenameField("job", "note", "remark"))

    assert in_the_way(newest(), renamed)[0] == "Job.note is gone"


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [(["unconfirmed", "confirmed", "declined", "asked"], 0), (["unconfirmed", "confirmed"], 1)],
    ids=["one more", "one less"],
)
def test_a_status_may_be_added_and_none_may_go(statuses: list[str], expected: int) -> None:
    changed = after(
        RemoveConstraint("patient", "patient_status"),
        AddConstraint("patient", CheckConstraint(condition=Q(status__in=statuses), name="patient_status")),
    )

    assert len(in_the_way(newest(), changed)) == expected


def after(*operations: Operation) -> ProjectState:
    """The newest tables, and something done to them."""
    state = newest().clone()
    for operation in operations:
        operation.state_forwards("uploads", state)
    return state


@pytest.fixture
def first_tables(transactional_db: None) -> Iterator[ProjectState]:
    """The tables of the first migration, and none of the later ones; those of today are there afterwards."""
    executor = MigrationExecutor(connection)
    newest_of_each = executor.loader.graph.leaf_nodes()
    yield executor.migrate([FIRST])
    MigrationExecutor(connection).migrate(newest_of_each)


def test_rows_of_the_first_tables_are_read_after_all_migrations(
    first_tables: ProjectState, client: Client
) -> None:
    key = make_rows(first_tables)

    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())

    client.force_login(User.objects.get())
    page = client.get(reverse("job", args=[key]))
    assert page.status_code == 200
    assert Job.objects.get().file_count == 2
    assert [*no_file_of_a_job_is_gone(), *every_file_is_accounted_for()] == []


def test_what_was_staged_and_checked_before_all_migrations_is_sent_after_them(
    first_tables: ProjectState, sandbox: Sandbox
) -> None:
    make_rows(first_tables)
    content = image(1)
    batch_id = make_batch(first_tables, content)

    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    Destination.objects.update(base_url=sandbox.base_url)
    relay.send(batch_id)

    file = File.objects.get(batch=batch_id)
    assert file.status == FileStatus.ACCEPTED
    assert sandbox.bytes_of(file.wire_sha256) == content


def maker(state: ProjectState) -> Callable[..., Any]:  # Any: models as they were
    """What makes rows by the models as they were."""

    def make(model: str, /, **values: Any) -> Any:  # Any: models as they were, column values
        return state.apps.get_model("uploads", model)._base_manager.create(**values)

    return make


def make_batch(state: ProjectState, content: bytes) -> int:
    """A batch that is due, of one file that is staged and checked, by the models as they were; its key."""
    make = maker(state)
    team = state.apps.get_model("uploads", "Team")._base_manager.get()
    user = state.apps.get_model("auth", "User")._base_manager.get()
    job = make("Job", created_by=user, team=team, status="processing")
    series = make("Series", job=job, study_uid=STUDY, series_uid=series_uid(1))
    digest, name = sha256_of(content), f"{job.key}/{uuid.uuid4()}"
    default_storage.save(name, ContentFile(content))
    where = {"object_name": name, "layout": [[0, 0, 0, len(content), digest]], "digest": digest}
    parcel = make("Parcel", job=job, key=uuid.uuid4(), size=len(content), status="checked", **where)
    batch = make("Batch", job=job, body_bytes=10_000)
    what = {"sop_uid": f"{STUDY}.1.1", "sha256": digest, "wire_sha256": digest, "size": len(content)}
    whose = {"job": job, "series": series, "parcel": parcel, "batch": batch}
    make("File", number=0, path="CD/IM1", path_digest="1", status="valid", **what, **whose)
    return int(batch.pk)


def make_rows(state: ProjectState) -> uuid.UUID:
    """An upload that waits for the second of its files, by the models as they were; answer its key."""
    make = maker(state)
    user = state.apps.get_model("auth", "User")._base_manager.create(username="user")
    destination = make("Destination", name="Qure", base_url="http://127.0.0.1:9/", token=TOKEN)
    team = make("Team", name="Team", destination=destination)
    make("Membership", user=user, team=team)
    job = make("Job", created_by=user, team=team)
    parcel = make("Parcel", job=job, key=uuid.uuid4(), object_name="a/b", size=3, digest="d", layout=[])
    for number, (status, holder) in enumerate((("received", parcel), ("declared", None))):
        values = {"path": f"{number}", "path_digest": f"{number}", "size": 3}
        make("File", job=job, number=number, status=status, parcel=holder, **values)
    return uuid.UUID(str(job.key))
