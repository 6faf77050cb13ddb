"""What can be seen of an upload from outside: in the portal's database and storage, and at Qure."""

from tests.clients import Upload
from tests.portals import Portal

STATUS = "SELECT status FROM uploads_job WHERE key = ?"
OUTCOMES = """SELECT outcome FROM uploads_attempt attempt
    JOIN uploads_batch batch ON batch.id = attempt.batch_id JOIN uploads_job job ON job.id = batch.job_id
    WHERE job.key = ? ORDER BY attempt.id"""
PARCELS = """SELECT parcel.size FROM uploads_parcel parcel JOIN uploads_job job ON job.id = parcel.job_id
    WHERE job.key = ? AND parcel.status LIKE ? ORDER BY parcel.size"""


def status(portal: Portal, upload: Upload) -> str:
    """The upload's status."""
    ((found,),) = portal.rows(STATUS, upload.job.hex)
    return str(found)


def outcomes(portal: Portal, upload: Upload) -> list[str]:
    """How the attempts to send the upload's batches ended, in the order in which they began."""
    return [outcome for (outcome,) in portal.rows(OUTCOMES, upload.job.hex)]


def parcel_sizes(portal: Portal, upload: Upload, its_status: str = "%") -> list[int]:
    """The sizes of the upload's parcels, of those in a status or of all."""
    return [size for (size,) in portal.rows(PARCELS, upload.job.hex, its_status)]


def staged_sizes(portal: Portal, upload: Upload) -> list[int]:
    """The sizes of the upload's staged parcels that have their final names."""
    folder = portal.folder / "staging" / str(upload.job)
    parcels = [path for path in folder.glob("*") if path.suffix != ".png" and path.name[0] != "."]
    return sorted(path.stat().st_size for path in parcels)


def is_arriving(portal: Portal, upload: Upload) -> bool:
    """The server has begun to write a parcel."""
    folder = portal.folder / "staging" / str(upload.job)
    return any(path.stat().st_size for path in folder.glob(".arriving-*"))


def has_arrived(portal: Portal, upload: Upload) -> bool:
    """Qure holds at least one file of the upload."""
    return any(row["sha256"] in upload.digests for row in portal.qure.rows())
