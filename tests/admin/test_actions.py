"""What administrators may do to what happened: try it again, stop it, close a door."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.admin.pages import act, list_url, said
from tests.admin.rows import Everything
from tests.factories import make_batch, make_file, make_job
from uploads.models import ApiToken, Attempt, Batch, Job, StateChange
from uploads.states import BatchStatus, FileStatus, JobStatus, Outcome


def test_retry_makes_a_stuck_batch_due_again_and_names_who_did_it(
    admin_pages: Client, administrator: User, everything: Everything
) -> None:
    response = act(admin_pages, "job", "retry", everything.job)

    assert said(response) == ["1 of 1 uploads are tried again."]
    assert Batch.objects.get(pk=everything.stuck.pk).status == BatchStatus.READY
    changes = StateChange.objects.filter(kind="batch", from_status=BatchStatus.STUCK)
    assert changes.get().by == f"admin:{administrator.pk}"


def test_retry_of_what_waits_for_nobody_changes_nothing(admin_pages: Client, everything: Everything) -> None:
    other = make_job(everything.team, status=JobStatus.ACCEPTED)

    response = act(admin_pages, "job", "retry", other)

    assert said(response) == ["0 of 1 uploads are tried again."]
    assert Job.objects.get(pk=other.pk).status == JobStatus.ACCEPTED


def test_cancel_stops_what_has_not_been_sent_says_so_and_names_who_did_it(
    admin_pages: Client, administrator: User, everything: Everything
) -> None:
    running = make_job(everything.team)
    file = make_file(running, b"bytes")
    ended = make_job(everything.team, status=JobStatus.ACCEPTED)

    response = act(admin_pages, "job", "cancel", running, ended)

    assert said(response) == ["1 of 2 uploads are cancelled. What Qure had accepted before stays with Qure."]
    assert Job.objects.get(pk=running.pk).status == JobStatus.CANCELLED
    file.refresh_from_db()
    assert file.status == FileStatus.CANCELLED
    changes = StateChange.objects.filter(to_status=JobStatus.CANCELLED)
    assert {change.by for change in changes} == {f"admin:{administrator.pk}"}


def test_cancel_says_how_much_qure_may_have_besides(admin_pages: Client, everything: Everything) -> None:
    job = make_job(everything.team)
    batch = make_batch(job, make_file(job, status=FileStatus.VALID))
    facts = {"number": 1, "body_bytes": 9, "outcome": Outcome.UNKNOWN}
    Attempt.objects.create(batch=batch, destination=everything.team.destination, **facts)

    response = act(admin_pages, "job", "cancel", job)

    assert "Qure may also have 1 of their files: no answer confirms it." in said(response)[0]


def test_cancel_keeps_what_qure_has_accepted(admin_pages: Client, everything: Everything) -> None:
    act(admin_pages, "job", "cancel", everything.job)

    assert everything.job.files.filter(status=FileStatus.ACCEPTED).count() == 1


def test_an_administrator_revokes_somebodys_token_and_it_is_noted(
    admin_pages: Client, administrator: User, everything: Everything
) -> None:
    response = act(admin_pages, "apitoken", "revoke", everything.api_token)

    assert said(response) == ["1 of 1 tokens are revoked now."]
    assert ApiToken.objects.get().revoked_at is not None
    entry = LogEntry.objects.get()
    assert (entry.user, entry.change_message) == (administrator, "Revoked.")


def test_a_token_is_revoked_once(admin_pages: Client, everything: Everything) -> None:
    act(admin_pages, "apitoken", "revoke", everything.api_token)
    first = ApiToken.objects.get().revoked_at

    act(admin_pages, "apitoken", "revoke", everything.api_token)

    assert ApiToken.objects.get().revoked_at == first


@pytest.mark.parametrize(
    ("kind", "action"),
    [("job", "retry"), ("job", "cancel"), ("apitoken", "revoke"), ("destination", "resume")],
)
def test_somebody_who_may_only_look_is_offered_no_action_and_can_do_none(
    kind: str, action: str, onlooker: Client, everything: Everything
) -> None:
    running = make_job(everything.team)
    rows = (everything.job, running) if kind == "job" else (everything.api_token, everything.destination)
    before = (StateChange.objects.count(), ApiToken.objects.get().revoked_at)

    response = act(onlooker, kind, action, *rows)

    assert f'value="{action}"' not in response.content.decode()
    assert (StateChange.objects.count(), ApiToken.objects.get().revoked_at) == before


def test_somebody_who_may_change_uploads_may_act_but_not_edit(everything: Everything) -> None:
    helper = User.objects.create_user("helper", is_staff=True)
    helper.user_permissions.set(Permission.objects.filter(codename__in=("view_job", "change_job")))
    client = Client()
    client.force_login(helper)

    act(client, "job", "cancel", everything.job)
    edited = client.post(f"{list_url('job')}{everything.job.pk}/change/", {"status": "accepted"})

    assert Job.objects.get(pk=everything.job.pk).status == JobStatus.CANCELLED
    assert edited.status_code == 403
