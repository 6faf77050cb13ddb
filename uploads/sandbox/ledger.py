"""What the sandbox was sent: requests and instances in SQLite, committed before a request is answered."""

import json
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from uploads.sandbox.answers import PartNote, SeriesCount

SCHEMA = """
CREATE TABLE IF NOT EXISTS instance (
    study_uid TEXT NOT NULL, series_uid TEXT NOT NULL, sop_uid TEXT NOT NULL, sha256 TEXT NOT NULL,
    size INTEGER NOT NULL, received INTEGER NOT NULL, first_at REAL NOT NULL, last_at REAL NOT NULL,
    PRIMARY KEY (study_uid, series_uid, sop_uid, sha256)
);
CREATE INDEX IF NOT EXISTS instance_series ON instance (series_uid);
CREATE TABLE IF NOT EXISTS request (
    id INTEGER PRIMARY KEY, started_at REAL NOT NULL, first_byte_at REAL, ended_at REAL NOT NULL,
    bytes INTEGER NOT NULL, status INTEGER NOT NULL, outcome TEXT NOT NULL, fault TEXT NOT NULL,
    user_agent TEXT NOT NULL, source TEXT NOT NULL, content_type TEXT NOT NULL,
    part_count INTEGER NOT NULL, parts TEXT NOT NULL
);
"""


@dataclass(frozen=True)
class Arrival:
    """One part as it came; the UIDs and the digest are empty when the part was no DICOM."""

    name: str
    filename: str
    size: int
    sha256: str
    study_uid: str = ""
    series_uid: str = ""
    sop_uid: str = ""

    @property
    def is_dicom(self) -> bool:
        """Whether both UIDs that an answer needs could be read."""
        return bool(self.series_uid and self.sop_uid)

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes an instance: the same SOP UID in two series is two instances."""
        return self.study_uid, self.series_uid, self.sop_uid


@dataclass(frozen=True)
class RequestNote:
    """One request to ``studies``. Times are seconds since the epoch; status 0 = closed without an answer."""

    started_at: float
    first_byte_at: float | None
    ended_at: float
    bytes: int
    status: int
    outcome: str
    fault: str
    user_agent: str
    source: str
    content_type: str


class Ledger:
    """One SQLite file, shared by all connections behind a lock."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False)
        self._database.row_factory = sqlite3.Row
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")  # outlives kill -9, which is what is promised
        self._database.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file once nobody is writing to it."""
        with self._lock:
            self._database.close()

    def note_request(self, note: RequestNote, arrivals: Sequence[Arrival] = ()) -> None:
        """Keep a request that stored nothing."""
        with self._lock, self._database:
            self._insert_request(note, arrivals)

    def store(
        self, note: RequestNote, arrivals: Sequence[Arrival], kept: Sequence[Arrival]
    ) -> tuple[list[PartNote], list[SeriesCount]]:
        """Keep a request with its ``kept`` instances, all or nothing; return what an answer says of each."""
        with self._lock, self._database:
            self._insert_request(note, arrivals)
            chosen = frozenset(kept)
            notes = [self._insert_instance(arrival, arrival in chosen, note.ended_at) for arrival in arrivals]
            series = dict.fromkeys(arrival.series_uid for arrival in arrivals if arrival.is_dicom)
            return notes, [self._count(series_uid, kept) for series_uid in series]

    def instances(self) -> list[dict[str, object]]:
        """List every instance, oldest first; one that came with other bytes has two lines."""
        return self._rows("SELECT * FROM instance ORDER BY first_at, rowid")

    def requests(self, last: int = -1) -> list[dict[str, object]]:
        """List the ``last`` requests to studies, or all, oldest first, with the names of their parts."""
        rows = self._rows("SELECT * FROM request ORDER BY id DESC LIMIT ?", last)
        return [{**row, "parts": json.loads(str(row["parts"]))} for row in reversed(rows)]

    def series(self) -> list[dict[str, object]]:
        """List what is held for each study and series."""
        return self._rows(
            """SELECT study_uid, series_uid, COUNT(DISTINCT sop_uid) AS instances, SUM(size) AS bytes,
                      SUM(received) AS received, MAX(last_at) AS last_at
               FROM instance GROUP BY study_uid, series_uid ORDER BY last_at DESC"""
        )

    def forget(self) -> None:
        """Forget every request and instance."""
        with self._lock, self._database:
            self._database.execute("DELETE FROM instance")
            self._database.execute("DELETE FROM request")

    def _rows(self, query: str, *values: object) -> list[dict[str, object]]:
        with self._lock:
            return [dict(row) for row in self._database.execute(query, values)]

    def _insert_request(self, note: RequestNote, arrivals: Sequence[Arrival]) -> None:
        values = {
            **asdict(note),
            "part_count": len(arrivals),
            "parts": json.dumps([asdict(arrival) for arrival in arrivals]),
        }
        self._database.execute(
            """INSERT INTO request (started_at, first_byte_at, ended_at, bytes, status, outcome, fault,
                                    user_agent, source, content_type, part_count, parts)
               VALUES (:started_at, :first_byte_at, :ended_at, :bytes, :status, :outcome, :fault,
                       :user_agent, :source, :content_type, :part_count, :parts)""",
            values,
        )

    def _insert_instance(self, arrival: Arrival, is_kept: bool, at: float) -> PartNote:
        if not arrival.is_dicom:
            return PartNote(created=None)
        held = self._database.execute(
            "SELECT 1 FROM instance WHERE (study_uid, series_uid, sop_uid) = (?, ?, ?)", arrival.key
        ).fetchone()
        if is_kept:
            self._database.execute(
                """INSERT INTO instance VALUES (?, ?, ?, ?, ?, 1, ?, ?)
                   ON CONFLICT DO UPDATE SET received = received + 1, last_at = excluded.last_at""",
                (*arrival.key, arrival.sha256, arrival.size, at, at),
            )
        return PartNote(held is None, *arrival.key)

    def _count(self, series_uid: str, kept: Sequence[Arrival]) -> SeriesCount:
        here = [arrival.key for arrival in kept if arrival.series_uid == series_uid]
        held, received = self._database.execute(
            """SELECT COUNT(DISTINCT study_uid || ' ' || sop_uid), COALESCE(SUM(received), 0)
               FROM instance WHERE series_uid = ?""",
            (series_uid,),
        ).fetchone()
        return SeriesCount(series_uid, len(set(here)), len(here), held, received)
