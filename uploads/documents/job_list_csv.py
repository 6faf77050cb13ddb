"""The history as a table: one line an upload, in the order of the list."""

from collections.abc import Iterable, Iterator
from typing import Final

from django.utils.timezone import localtime

from uploads.documents.csv_lines import csv_lines
from uploads.job_list.rows import JobRow

COLUMNS: Final = (
    "reference",
    "begun",
    "status",
    "stat",
    "team",
    "by",
    "source",
    "note",
    "patients",
    "patient_ids",
    "accession_numbers",
    "modalities",
    "study_uids",
    "series",
    "files",
    "accepted",
    "need_a_look",
)
BETWEEN: Final = "; "


def job_list_csv(rows: Iterable[JobRow]) -> Iterator[str]:
    """The table, some hundred lines at a time."""
    return csv_lines(COLUMNS, map(_line, rows))


def _line(row: JobRow) -> dict[str, object]:
    job = row.job
    return {
        "reference": str(job.key),
        "begun": localtime(job.created_at).isoformat(timespec="seconds"),
        "status": job.get_status_display(),
        "stat": "STAT" if job.is_stat else "",
        "team": job.team.name,
        "by": job.created_by.get_username(),
        "source": job.get_source_display(),
        "note": job.note,
        "patients": _joined(patient.name for patient in row.patients),
        "patient_ids": _joined(patient.patient_id for patient in row.patients),
        "accession_numbers": _joined(study.accession_number for study in row.studies),
        "modalities": _joined(row.modalities),
        "study_uids": _joined(study.study_uid for study in row.studies),
        "series": row.series_count,
        "files": row.selected,
        "accepted": row.accepted,
        "need_a_look": row.problems,
    }


def _joined(texts: Iterable[str]) -> str:
    return BETWEEN.join(dict.fromkeys(filter(None, texts)))
