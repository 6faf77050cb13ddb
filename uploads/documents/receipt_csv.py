"""A receipt as a table for machines and spreadsheets: one row a thing, its kind in the first column."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from django.utils.timezone import localtime

from uploads.documents.csv_lines import csv_lines
from uploads.receipts import Receipt, ReceiptAttempt, ReceiptFile, ReceiptSeries, ReceiptStudy

COLUMNS: Final = (
    "record",
    "number",
    "status",
    "reason",
    "team",
    "by",
    "begun",
    "ended",
    "name",
    "patient_id",
    "birth_date",
    "modality",
    "description",
    "path",
    "bytes",
    "study_uid",
    "series_uid",
    "sop_uid",
    "selected",
    "received",
    "valid",
    "sent",
    "accepted",
    "left_out",
    "reported_by_qure",
    "sha256_arrived",
    "sha256_sent",
    "digest",
    "http_status",
    "answer",
)
PROVISIONAL: Final = "PROVISIONAL"

Row = dict[str, object]


def receipt_csv(receipt: Receipt, files: Iterable[ReceiptFile]) -> Iterator[str]:
    """The table, some hundred lines at a time."""
    return csv_lines(COLUMNS, _rows(receipt, files))


def _rows(receipt: Receipt, files: Iterable[ReceiptFile]) -> Iterator[Row]:
    if not receipt.is_final:
        yield {"record": PROVISIONAL, "reason": "This upload has not come to its end."}
    yield _upload(receipt)
    for patient in receipt.patients:
        yield {
            "record": "patient",
            "status": patient.status,
            "name": patient.name,
            "patient_id": patient.patient_id,
            "birth_date": patient.birth_date,
            "received": patient.count,
        }
    for study in receipt.studies:
        yield from (_series(study, one) for one in study.series)
    yield from map(_attempt, receipt.attempts)
    yield from map(_file, files)


def _upload(receipt: Receipt) -> Row:
    progress = receipt.progress
    return {
        "record": "upload",
        "number": str(receipt.reference),
        "status": progress.status_label,
        "reason": progress.headline,
        "team": receipt.team,
        "by": receipt.uploader,
        "begun": _iso(receipt.created_at),
        "ended": _iso(receipt.ended_at),
        "description": receipt.note,
        "selected": progress.selected,
        "received": progress.received,
        "valid": progress.valid,
        "sent": progress.sent,
        "accepted": progress.accepted,
        "left_out": receipt.left_out + receipt.unlisted,
        "digest": receipt.digest,
    }


def _series(study: ReceiptStudy, one: ReceiptSeries) -> Row:
    return {
        "record": "series",
        "status": one.ledger.sentence,
        "modality": one.ledger.modality,
        "description": one.ledger.description,
        "study_uid": study.study_uid,
        "series_uid": one.ledger.series_uid,
        "selected": one.ledger.selected,
        "received": one.ledger.received,
        "valid": one.ledger.valid,
        "sent": one.ledger.sent,
        "accepted": one.ledger.accepted,
        "reported_by_qure": "" if one.reported is None else one.reported,
        "digest": one.digest,
    }


def _attempt(attempt: ReceiptAttempt) -> Row:
    return {
        "record": "attempt",
        "number": f"{attempt.batch}.{attempt.number}",
        "status": attempt.outcome,
        "reason": attempt.detail,
        "by": attempt.destination,
        "begun": _iso(attempt.started_at),
        "ended": _iso(attempt.ended_at),
        "bytes": attempt.body_bytes,
        "sent": attempt.files,
        "http_status": "" if attempt.http_status is None else attempt.http_status,
        "answer": attempt.answer,
    }


def _file(file: ReceiptFile) -> Row:
    return {
        "record": "file",
        "number": file.number,
        "status": file.outcome,
        "reason": file.reason,
        "path": file.path,
        "bytes": file.size,
        "study_uid": file.study_uid,
        "series_uid": file.series_uid,
        "sop_uid": file.sop_uid,
        "selected": int(file.is_chosen),
        "left_out": int(not file.is_chosen),
        "sha256_arrived": file.sha256,
        "sha256_sent": file.wire_sha256,
    }


def _iso(at: datetime | None) -> str:
    return localtime(at).isoformat(timespec="seconds") if at else ""
