"""P8: a study on its whole way, sent at the pace of a gigabit line; and the memory of every process."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.bench.pairs import Figure, compare, figure_of
from tests.bench.portal import TOKEN, Portal
from tests.bench.relaying import staged_in, staged_parts
from tests.bench.sender import Sender, Sent
from tests.bench.studies import Study
from tests.bench.table import Line, at_most
from uploads.qure.account import Account
from uploads.qure.body import encoded_size
from uploads.qure.client import Client
from uploads.staged import StagedReader

PACE: Final = 125_000_000  # bytes a second
REACHED: Final = 0.97  # of the pace, or it is said that it was not
WHOLE_GOAL: Final = 1.10
TAIL_GOAL: Final = 0.2  # seconds besides the receiver's own
MEMORY_GOAL: Final = 300  # megabytes
DELAYS: Final = 3  # times that the receiver is asked for its delay


@dataclass(frozen=True)
class Journey:
    """One upload with everything at work; times are in seconds."""

    sent: Sent
    receipt_at: float
    word_at: float

    @property
    def whole(self) -> float:
        """From the first byte sent to the last receipt."""
        return self.receipt_at - self.sent.first_byte_at

    @property
    def tail(self) -> float:
        """From the last acknowledgment to the last receipt."""
        return self.receipt_at - self.sent.last_ack_at


def journey_lines(study: Study, portal: Portal, pair_count: int) -> list[Line]:
    """The upload with all at work beside the same upload with the workers paused, in alternating pairs."""
    sender = Sender(portal.url, portal.username, portal.password)
    journeys: list[Journey] = []
    alone: list[float] = []

    def travel() -> float:
        journeys.append(_travel(sender, portal, study))
        return journeys[-1].whole

    def upload() -> float:
        alone.append(_upload_alone(sender, portal, study))
        return alone[-1]

    ratio = compare(travel, upload, pair_count)
    delay = _receiver_delay(portal, study, journeys[-1].sent.job)
    return _time_lines(study, journeys[1:], ratio, alone[1:], delay)


def memory_lines(portal: Portal) -> list[Line]:
    """The most that a process of each kind ever held."""
    peaks = sorted(portal.peaks().items(), key=lambda item: -item[1])
    return [
        at_most(MEMORY_GOAL, "RAM", f"{name}, the largest process, MB", peak, f"{peak:.0f}")
        for name, peak in peaks
    ]


def _travel(sender: Sender, portal: Portal, study: Study) -> Journey:
    sent = sender.send(study, PACE)
    return Journey(sent, *portal.receipts(sent.job))


def _upload_alone(sender: Sender, portal: Portal, study: Study) -> float:
    with portal.paused():
        sent = sender.send(study, PACE)
    portal.receipts(sent.job)
    return sent.seconds


def _receiver_delay(portal: Portal, study: Study, job: str) -> float:
    """From the last byte of the job's last request to its answer, with a receiver at leisure."""
    wanted = set(portal.last_request(job))
    places = [(parcel, file) for parcel in study.parcels for file in parcel.files if file.number in wanted]
    delays = []
    for _ in range(DELAYS):
        with staged_in(study.parcels[0].path.parent), StagedReader() as reader:
            parts = staged_parts(reader, places)
            sent_at = 0.0

            def note(sent_bytes: int, total: int = encoded_size(parts)) -> None:
                nonlocal sent_at
                if sent_bytes >= total:
                    sent_at = time.perf_counter()

            with Client(Account(portal.receiver, TOKEN)) as client:
                client.send(parts, on_progress=note)
            delays.append(time.perf_counter() - sent_at)
    return statistics.median(delays)


def _time_lines(
    study: Study, journeys: Sequence[Journey], ratio: Figure, alone: list[float], delay: float
) -> list[Line]:
    tail = figure_of([journey.tail for journey in journeys])
    pace = study.size / statistics.median(journey.sent.seconds for journey in journeys)
    word = figure_of([journey.word_at - journey.receipt_at for journey in journeys])
    note = "" if pace > REACHED * PACE else " (less than asked for)"
    return [
        at_most(WHOLE_GOAL, "P8", f"whole way / upload alone, {study.name}", ratio.median, str(ratio)),
        at_most(
            round(TAIL_GOAL + delay, 2),
            "P8",
            f"tail after the upload, {study.name}, s",
            tail.median,
            str(tail),
        ),
        Line("P8", f"the receiver's own delay, {study.name}, s", f"{delay:.2f}"),
        Line("P8", f"from the receipt to the last word, {study.name}, s", str(word)),
        Line("P8", f"pace, {study.name}, MB/s", f"{pace / 1e6:.0f}{note}"),
        Line("P8", f"upload alone, {study.name}, s", str(figure_of(alone))),
    ]
