"""Rows for tests: say what the test is about, nothing else."""

import hashlib
import itertools
import uuid
from typing import Any

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from uploads.dicom.patients import match_key
from uploads.models import (
    ApiToken,
    Batch,
    Destination,
    File,
    Job,
    Membership,
    Parcel,
    Patient,
    Series,
    Team,
    make_token,
    record_birth,
    token_digest,
)
from uploads.pipeline.manifest import path_digest
from uploads.seals import Seal
from uploads.states import FileStatus

PASSWORD = "correct horse battery staple"
PHANTOM = match_key("PHANTOM", "", "PHANTOM^TEST")  # whose images tests.dicoms and uploads.dicom.phantom make
_numbers = itertools.count(1)


def make_destination(**values: Any) -> Destination:  # Any: column values
    """A destination that nothing listens at, unless the test says where."""
    defaults = {"name": f"Qure {next(_numbers)}", "base_url": "http://127.0.0.1:9/", "token": "test-token"}
    return Destination.objects.create(**{**defaults, **values})


def make_team(**values: Any) -> Team:  # Any: column values
    """A team with a destination of its own."""
    values.setdefault("destination", None) or values.update(destination=make_destination())
    return Team.objects.create(**{"name": f"Team {next(_numbers)}", **values})


def make_user(*teams: Team, **values: Any) -> User:  # Any: column values
    """A person in these teams, with PASSWORD."""
    user = User.objects.create_user(**{"username": f"user{next(_numbers)}", "password": PASSWORD, **values})
    for team in teams:
        Membership.objects.create(user=user, team=team)
    return user


def make_api_token(user: User, team: Team, **values: Any) -> str:  # Any: column values
    """A token for the scripts' door; answers the token itself."""
    token = make_token()
    ApiToken.objects.create(
        user=user, team=team, name="script", digest=token_digest(token), hint=token[:8], **values
    )
    return token


def make_job(team: Team | None = None, **values: Any) -> Job:  # Any: column values
    """A job of one member of a team, who has confirmed the phantom."""
    team = team or make_team()
    if "created_by" not in values:
        member = User.objects.filter(memberships__team=team).first()
        values["created_by"] = member or make_user(team)
    job = Job.objects.create(team=team, **{"confirmed": {PHANTOM: "test"}, **values})
    record_birth(job, "test")
    return job


def make_series(job: Job, **values: Any) -> Series:  # Any: column values
    """A series of the job."""
    number = next(_numbers)
    defaults = {"study_uid": f"1.2.3.{number}", "series_uid": f"1.2.3.{number}.1", "modality": "CT"}
    series = Series.objects.create(job=job, **{**defaults, **values})
    record_birth(series, "test")
    return series


def make_patient(job: Job, **values: Any) -> Patient:  # Any: column values
    """A patient of the job."""
    number = next(_numbers)
    defaults = {"patient_id": f"P{number}", "name": "DOE^JANE", "match_key": match_key(f"P{number}", "", "")}
    patient = Patient.objects.create(job=job, **{**defaults, **values})
    record_birth(patient, "test")
    return patient


def make_file(job: Job, content: bytes | None = None, **values: Any) -> File:  # Any: column values
    """A file of the job; with ``content`` its bytes are staged in a parcel of its own."""
    number = job.files.count()
    path = values.pop("path", f"CD/IM{number:04d}")
    defaults: dict[str, Any] = {  # Any: column values
        "number": number,
        "path": path,
        "path_digest": path_digest(path),
        "size": len(content) if content is not None else 100,
        "sop_uid": f"1.2.3.9.{next(_numbers)}",
        "kind": "image",
    }
    if content is not None:
        digest = hashlib.sha256(content).hexdigest()
        defaults |= {"sha256": digest, "wire_sha256": digest, "wire_seal": Seal(content).hexdigest()}
        values.setdefault("parcel", make_parcel(job, content, number))
        values.setdefault("status", FileStatus.RECEIVED)
    file = File.objects.create(job=job, **{**defaults, **values})
    record_birth(file, "test")
    return file


def make_parcel(job: Job, content: bytes, number: int, **values: Any) -> Parcel:  # Any: column values
    """A staged parcel that holds just one file's bytes."""
    digest = hashlib.sha256(content).hexdigest()
    name = default_storage.save(f"{job.key}/{uuid.uuid4()}", ContentFile(content))
    defaults = {
        "key": uuid.uuid4(),
        "object_name": name,
        "size": len(content),
        "digest": hashlib.sha256(bytes.fromhex(digest)).hexdigest(),
        "layout": [[number, 0, 0, len(content), digest, Seal(content).hexdigest()]],
    }
    parcel = Parcel.objects.create(job=job, **{**defaults, **values})
    record_birth(parcel, "test")
    return parcel


def make_batch(job: Job, *files: File, **values: Any) -> Batch:  # Any: column values
    """A batch that holds the files."""
    batch = Batch.objects.create(job=job, **{"body_bytes": 1000, **values})
    record_birth(batch, "test")
    File.objects.filter(pk__in=[file.pk for file in files]).update(batch=batch)
    return batch
