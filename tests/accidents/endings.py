"""How every accident must end."""

from tests.accidents.sights import status
from tests.clients import Upload
from tests.portals import Portal, wait_until
from uploads.states import JOB_AT_REST, JobStatus, Outcome

UNKNOWNS = """SELECT file.wire_sha256, COUNT(attempt.id) FROM uploads_file file
    JOIN uploads_job job ON job.id = file.job_id
    LEFT JOIN uploads_attempt attempt ON attempt.batch_id = file.batch_id AND attempt.outcome = ?
    WHERE job.key = ? GROUP BY file.id"""


def assert_delivered(portal: Portal, upload: Upload) -> None:
    """Qure has each file, byte for byte; none twice but after an attempt of which nobody knows the end."""
    wait_until(lambda: rests(portal, upload))
    assert status(portal, upload) == JobStatus.ACCEPTED
    received = {row["sha256"]: row["received"] for row in portal.qure.rows()}
    assert upload.digests <= received.keys()
    unknowns = dict(portal.rows(UNKNOWNS, Outcome.UNKNOWN, upload.job.hex))
    assert [sha256 for sha256 in upload.digests if received[sha256] > 1 + unknowns[sha256]] == []
    verified = portal.manage("verify", "--sandbox", portal.qure.base_url)
    assert verified.returncode == 0, verified.stdout


def rests(portal: Portal, upload: Upload) -> bool:
    """Whether the upload has come to rest, with a portal whose programs are kept running."""
    portal.revive()
    return status(portal, upload) in JOB_AT_REST
