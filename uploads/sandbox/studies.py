"""``POST /studies``: read the body, look at its parts, store what is good, and decide the answer.

    admission (headers) -> spool (body to disk) -> split (parts) -> land (digest, UIDs) -> store -> answer

A fault that is scripted for the request takes effect on this way; `connection` sends the answer.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import Message
from io import BufferedIOBase
from typing import BinaryIO

from uploads.sandbox import faults, multipart, spooling
from uploads.sandbox.answers import (
    Answer,
    PartNote,
    SeriesCount,
    Wording,
    no_dicom,
    number_of,
    refusal,
    success,
)
from uploads.sandbox.faults import REFUSING, Fault
from uploads.sandbox.ledger import RequestNote
from uploads.sandbox.media import Malformed, boundary_of, parse_field
from uploads.sandbox.odd_answers import odd_answer, odd_numbers
from uploads.sandbox.options import Options
from uploads.sandbox.spooling import Spooled
from uploads.sandbox.state import Sandbox
from uploads.sandbox.store import Landed

HEADER_MAX = 200  # characters kept of a header
STORING_NOTHING = REFUSING | {"drop_before"}
UNANSWERED = frozenset({"drop_after", "silent"})


@dataclass(frozen=True)
class Incoming:
    """A request as it stands after its headers; ``go_ahead`` asks a waiting client for the body."""

    headers: Message
    stream: BufferedIOBase
    started_at: float
    go_ahead: Callable[[], None]


@dataclass(frozen=True)
class Reply:
    """What is to be answered: no answer = close; ``is_whole`` = the body was read to its end."""

    answer: Answer | None
    fault: Fault | None = None
    size: int = 0
    part_count: int = 0
    is_whole: bool = True


@dataclass(frozen=True)
class Verdict:
    """What became of a request, before it is written down; ``kept`` is empty when nothing is stored."""

    outcome: str
    answer: Answer | None
    fault: Fault | None = None
    landed: tuple[Landed, ...] = ()
    kept: tuple[Landed, ...] = ()


def refuse(incoming: Incoming, answer: Answer, sandbox: Sandbox) -> Reply:
    """Write down a request that was refused on its headers alone."""
    nothing = Spooled(0, None, is_whole=False)
    sandbox.ledger.note_request(_note(incoming, nothing, Verdict("refused", answer)))
    return Reply(answer, is_whole=False)


def receive(incoming: Incoming, sandbox: Sandbox) -> Reply:
    """Take in one request that passed the door; return what to answer."""
    fault = sandbox.faults.take()
    with sandbox.store.spool() as body:
        incoming.go_ahead()
        length = int(incoming.headers["Content-Length"])
        spooled = spooling.spool(incoming.stream, length, body, fault)
        verdict = _verdict(incoming, spooled, body, fault, sandbox)
    answer = _write_down(incoming, spooled, verdict, sandbox)
    for landed in verdict.landed:
        sandbox.store.discard(landed)
    return Reply(answer, verdict.fault, spooled.size, len(verdict.landed), spooled.is_whole)


def _verdict(
    incoming: Incoming, spooled: Spooled, body: BinaryIO, fault: Fault | None, sandbox: Sandbox
) -> Verdict:
    if not spooled.is_whole:
        return Verdict("incomplete", None, fault)
    if fault and fault.kind in STORING_NOTHING:
        return _stopped(fault, ())
    if not spooled.size:
        return Verdict("refused", no_dicom(), fault)
    try:
        boundary = boundary_of(parse_field(incoming.headers["Content-Type"]))
        parts = multipart.split(body, boundary)
    except Malformed as e:
        return Verdict("refused", refusal(400, str(e)), fault)
    landed = tuple(sandbox.store.land(body, part) for part in parts)
    fault = fault or sandbox.faults.take_for(frozenset(one.arrival.sop_uid for one in landed))
    return _judge(landed, fault, sandbox)


def _judge(landed: tuple[Landed, ...], fault: Fault | None, sandbox: Sandbox) -> Verdict:
    """Decide on a request whose parts are all known."""
    good = [one for one in landed if one.arrival.is_dicom]
    if fault and fault.kind in STORING_NOTHING:
        return _stopped(fault, landed)
    if any(one.arrival.sop_uid in sandbox.options.refused_sop_uids for one in good):
        return Verdict("refused", refusal(400, "An instance in this request is refused."), fault, landed)
    if not good:
        return Verdict("refused", no_dicom(), fault, landed)
    if len(good) < len(landed) and sandbox.options.bad_part == "refuse":
        return Verdict("refused", refusal(400, "A part is not a DICOM file."), fault, landed)
    lost = fault.fewer_by if fault and fault.kind == "fewer" else 0
    return Verdict("stored", None, fault, landed, tuple(good[: max(0, len(good) - lost)]))


def _stopped(fault: Fault, landed: tuple[Landed, ...]) -> Verdict:
    answer = None if fault.kind == "drop_before" else faults.refusing_answer(fault)
    return Verdict("fault", answer, fault, landed)


def _write_down(incoming: Incoming, spooled: Spooled, verdict: Verdict, sandbox: Sandbox) -> Answer | None:
    note = _note(incoming, spooled, verdict)
    arrivals = [landed.arrival for landed in verdict.landed]
    if verdict.outcome != "stored":
        sandbox.ledger.note_request(note, arrivals)
        return verdict.answer
    for landed in verdict.kept:
        sandbox.store.keep(landed)
    notes, counts = sandbox.ledger.store(note, arrivals, [landed.arrival for landed in verdict.kept])
    return _accepting(notes, counts, verdict.fault, sandbox.options)


def _accepting(
    notes: Sequence[PartNote], counts: Sequence[SeriesCount], fault: Fault | None, options: Options
) -> Answer:
    kind = fault.kind if fault else ""
    expired = kind == "license_expired"
    wording = Wording(
        counts=options.counts,
        repeats=options.repeats,
        numbers=options.numbers,
        is_rich=options.answer == "rich" or expired,
        license_expired=options.license_expired or expired,
    )
    numbers = [(count.series_uid, number_of(count, wording)) for count in counts]
    if fault:
        numbers = odd_numbers(kind, fault.fewer_by, numbers)
    return odd_answer(kind, success(numbers, notes, wording))


def _note(incoming: Incoming, spooled: Spooled, verdict: Verdict) -> RequestNote:
    kind = verdict.fault.kind if verdict.fault else ""
    is_accepted = verdict.outcome == "stored" and kind not in UNANSWERED
    status = 200 if is_accepted else 0
    return RequestNote(
        started_at=incoming.started_at,
        first_byte_at=spooled.first_byte_at,
        ended_at=time.time(),
        bytes=spooled.size,
        status=verdict.answer.status if verdict.answer else status,
        outcome=verdict.outcome,
        fault=kind,
        user_agent=incoming.headers.get("User-Agent", "")[:HEADER_MAX],
        source=incoming.headers.get("Source", "")[:HEADER_MAX],
        content_type=incoming.headers.get("Content-Type", "")[:HEADER_MAX],
    )
