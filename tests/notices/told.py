"""Jobs of which there is something to tell."""

from typing import Any

from tests.factories import make_file, make_job, make_team, make_user
from uploads import tasks
from uploads.models import Job, Team, Webhook
from uploads.states import FileStatus, JobStatus

OUTCOMES = {
    JobStatus.ACCEPTED: FileStatus.ACCEPTED,
    JobStatus.ATTENTION: FileStatus.REJECTED,
}


def make_mailed_team(**of_user: Any) -> Team:  # Any: column values
    """A team with one member who has a mail address."""
    team = make_team()
    make_user(team, **{"email": "clinician@hospital.test", **of_user})
    return team


def resting_job(status: JobStatus = JobStatus.ACCEPTED, team: Team | None = None) -> Job:
    """A job that has just come to rest, its people told."""
    job = make_job(team or make_mailed_team(), status=JobStatus.PROCESSING)
    make_file(job, status=OUTCOMES[status], path="DOE^JANE/IM1")
    tasks.close_job(job.pk)
    assert Job.objects.get(pk=job.pk).status == status
    return job


def held_job(team: Team | None = None, reason: str = "unconfirmed_patient") -> Job:
    """A job that is still uploading, with a file that waits for a decision."""
    job = make_job(team or make_mailed_team())
    make_file(job, status=FileStatus.QUARANTINED, reason=reason, path="DOE^JANE/IM1")
    tasks.close_job(job.pk)
    return job


def make_webhook(team: Team, url: str, **values: Any) -> Webhook:  # Any: column values
    """A team's webhook."""
    return Webhook.objects.create(team=team, url=url, **values)
