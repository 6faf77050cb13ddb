"""A receipt on paper."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from django.utils.timezone import localtime
from django.utils.translation import gettext, ngettext

from uploads.documents.sheet import Sheet
from uploads.history import number
from uploads.receipts import Receipt, ReceiptAttempt, ReceiptSeries, ReceiptStudy, digest_rule

ANSWER_CHARACTERS: Final = 4000  # of one answer; the CSV has it whole


def receipt_pdf(receipt: Receipt) -> bytes:
    """The receipt as a PDF."""
    sheet = Sheet(
        gettext("Receipt %(reference)s") % {"reference": receipt.reference}, receipt.made_at, _texts(receipt)
    )
    if not receipt.is_final:
        sheet.alarm(gettext("PROVISIONAL"))
        sheet.text(
            gettext(
                "This upload has not come to its end. What follows is how it stood when this was printed; "
                "it proves nothing that is not said to be accepted."
            ),
            is_bold=True,
        )
    sheet.title(gettext("Receipt of an upload to Qure"))
    sheet.text(f"{receipt.progress.status_label}: {receipt.progress.headline}", is_bold=True)
    sheet.facts(_facts(receipt))
    _write_patients(sheet, receipt)
    for study in receipt.studies:
        _write_study(sheet, study)
    if receipt.reasons:
        sheet.heading(gettext("Files that Qure has not accepted, and why"))
        sheet.table(
            (gettext("Files"), gettext("Why")),
            ((number(group.count), group.sentence) for group in receipt.reasons),
            (1, 9),
        )
    if receipt.unlisted:
        sheet.text(_unlisted(receipt.unlisted))
    sheet.heading(gettext("Requests to Qure, and its answers"))
    for attempt in receipt.attempts:
        _write_attempt(sheet, attempt)
    if not receipt.attempts:
        sheet.text(gettext("Nothing has been sent."))
    sheet.text(digest_rule(), is_small=True)
    return sheet.content()


def moment(at: datetime | None) -> str:
    """A time with its offset from UTC."""
    return (
        f"{localtime(at):%Y-%m-%d %H:%M:%S} (UTC{localtime(at).isoformat()[-6:]})" if at else gettext("none")
    )


def shortened(answer: str) -> str:
    """An answer as far as paper goes, and what is left out said."""
    rest = len(answer) - ANSWER_CHARACTERS
    if rest <= 0:
        return answer
    left_out = gettext("%(count)s more characters: the CSV has all") % {"count": number(rest)}
    return f"{answer[:ANSWER_CHARACTERS]} … [{left_out}]"


def _facts(receipt: Receipt) -> list[tuple[str, str]]:
    steps = ("selected", "received", "valid", "sent", "accepted")
    counts = {step: number(getattr(receipt.progress, step)) for step in steps}
    return [
        (gettext("Reference"), str(receipt.reference)),
        (gettext("Team"), receipt.team),
        (
            gettext("Uploaded by"),
            f"{receipt.uploader}, {receipt.source}{', STAT' if receipt.is_stat else ''}",
        ),
        (gettext("Sent to"), ", ".join(receipt.destinations) or gettext("none")),
        (gettext("Begun"), moment(receipt.created_at)),
        (gettext("Ended"), moment(receipt.ended_at)),
        (gettext("This receipt made"), moment(receipt.made_at)),
        (gettext("Note"), receipt.note or gettext("none")),
        (
            gettext("Files"),
            gettext(
                "%(selected)s chosen, %(received)s received, %(valid)s good, %(sent)s sent, "
                "%(accepted)s accepted by Qure"
            )
            % counts,
        ),
        *_left_out(receipt.left_out),
        (gettext("Digest of all files sent"), receipt.digest or gettext("none")),
    ]


def _left_out(count: int) -> list[tuple[str, str]]:
    if not count:
        return []
    sentence = ngettext(
        "%(number)s file was left out on the computer, as expected; it is not counted as chosen.",
        "%(number)s files were left out on the computer, as expected; they are not counted as chosen.",
        count,
    )
    return [(gettext("Left out"), sentence % {"number": number(count)})]


def _unlisted(count: int) -> str:
    sentence = ngettext(
        "%(number)s more file was left out on the computer and is not listed.",
        "%(number)s more files were left out on the computer and are not listed.",
        count,
    )
    return sentence % {"number": number(count)}


def _write_patients(sheet: Sheet, receipt: Receipt) -> None:
    if not receipt.patients:
        return
    sheet.heading(gettext("Patients, as the files name them"))
    rows = (
        (one.name, one.patient_id, one.birth_date, one.sex, number(one.count), one.status)
        for one in receipt.patients
    )
    sheet.table(
        (
            gettext("Name"),
            gettext("ID"),
            gettext("Born"),
            gettext("Sex"),
            gettext("Files"),
            gettext("Decision"),
        ),
        rows,
        (11, 8, 6, 5, 4, 6),
    )


def _write_study(sheet: Sheet, study: ReceiptStudy) -> None:
    title = " · ".join(filter(None, (study.date, study.description, study.accession_number)))
    sheet.heading((gettext("Study %(title)s") % {"title": title}).strip())
    sheet.text(gettext("Study UID %(uid)s") % {"uid": study.study_uid}, is_small=True)
    sheet.table(_ledger_head(), (_series_row(one) for one in study.series), (20, 12, 12, 9, 10, 14, 11, 13))


def _ledger_head() -> tuple[str, ...]:
    return (
        gettext("Series"),
        gettext("Chosen"),
        gettext("Received"),
        gettext("Good"),
        gettext("Sent"),
        gettext("Accepted"),
        gettext("Reported"),
        gettext("What Qure says"),
    )


def _series_row(one: ReceiptSeries) -> tuple[str, ...]:
    ledger = one.ledger
    name = " · ".join(filter(None, (ledger.modality or gettext("Unknown modality"), ledger.description)))
    reported = gettext("none") if one.reported is None else number(one.reported)
    digest = "\n" + gettext("Digest %(digest)s") % {"digest": one.digest} if one.digest else ""
    counts = (ledger.selected, ledger.received, ledger.valid, ledger.sent, ledger.accepted)
    return (
        f"{name}\n{ledger.series_uid}{digest}",
        *(number(count) for count in counts),
        reported,
        ledger.sentence,
    )


def _write_attempt(sheet: Sheet, attempt: ReceiptAttempt) -> None:
    status = f"HTTP {attempt.http_status}" if attempt.http_status else gettext("no HTTP status")
    title = gettext("Request %(batch)s, attempt %(number)s: %(outcome)s") % {
        "batch": attempt.batch,
        "number": attempt.number,
        "outcome": attempt.outcome,
    }
    sheet.text(f"{title} ({status})", is_bold=True)
    files = ngettext("%(number)s file", "%(number)s files", attempt.files) % {"number": number(attempt.files)}
    size = gettext("%(number)s bytes") % {"number": number(attempt.body_bytes)}
    times = f"{moment(attempt.started_at)} → {moment(attempt.ended_at)}"
    sheet.text(f"{times} · {attempt.destination} · {files} · {size}. {attempt.detail}", is_small=True)
    sheet.text(shortened(attempt.answer) or gettext("Qure gave no answer."), is_small=True)


def _texts(receipt: Receipt) -> Iterator[str]:
    """Every text that somebody else has written: which fonts are needed depends on it."""
    yield from (receipt.team, receipt.uploader, receipt.note, *receipt.destinations)
    for patient in receipt.patients:
        yield from (patient.name, patient.patient_id, patient.birth_date, patient.sex)
    for study in receipt.studies:
        yield from (study.date, study.description, study.accession_number)
        for one in study.series:
            yield from (one.ledger.modality, one.ledger.description)
    yield from (attempt.answer for attempt in receipt.attempts)
