"""11: an upload has as many files as were named, and says so."""

from django.db.models import Count, Max, Q

from uploads.models import LEFT_OUT_AS_EXPECTED, File, Job
from uploads.verification.pieces import PIECE, Violations


def no_file_of_a_job_is_gone() -> Violations:
    """11. The number that the history shows is that of the rows, and no row is missing between the others.

    Files are numbered from 0 in the order in which they were named, so that a hole is a row that is gone.
    """
    shown = Count("pk", filter=~Q(LEFT_OUT_AS_EXPECTED))
    groups = File.objects.order_by("job").values("job").annotate(rows=Count("pk"), top=Max("number") + 1)
    columns = ("job", "job__file_count", "rows", "top", "shown")
    for job, said, rows, top, counted in groups.annotate(shown=shown).values_list(*columns).iterator(PIECE):
        if rows != top:
            yield f"11: job {job} has {rows} files, but {top} were named"
        if counted != said:
            yield f"11: job {job} shows {said} files, but has {counted}"
    for job in Job.objects.filter(files=None).exclude(file_count=0).order_by("pk"):
        yield f"11: job {job.pk} shows {job.file_count} files, but has 0"
