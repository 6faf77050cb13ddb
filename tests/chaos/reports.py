"""What a run has come to: what was done to the portal, and what became of the files."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from tests.accidents.sights import status
from tests.chaos.people import Sent
from tests.chaos.plans import Plan
from tests.chaos.watching import Sighting, Watch
from tests.portals import Portal
from uploads.states import JOB_AT_REST, JobStatus

ACCEPTED = """SELECT file.wire_sha256 FROM uploads_file file JOIN uploads_job job ON job.id = file.job_id
    WHERE job.key = ? AND file.status = 'accepted'"""
LOOKS_AN_UPLOAD: Final = 5  # on average; in a usual run there are fifty


@dataclass(frozen=True)
class Report:
    """All that a run is judged by. Every list is empty after a good one."""

    plan: Plan
    struck: Counter[str]
    seconds: float
    files: int
    jobs: int
    looks: int
    lost: list[str]  # digests of files that Qure does not have
    falsely_accepted: list[str]  # pages, or rows, that said so before it was true
    differing: list[str]  # digests of what a receiver has and nobody sent there
    in_limbo: list[str]  # keys of uploads that did not come to rest, or not to a good end
    violations: list[str]  # what ``manage.py verify`` says
    unseen: list[str]  # uploads that no page showed at their end: then what pages said proves nothing
    trouble: list[str]  # what the run itself fell over

    @property
    def is_good(self) -> bool:
        """Nothing was lost, nothing was said that was not so, and somebody was there to hear it."""
        wrong = (self.lost, self.falsely_accepted, self.differing, self.in_limbo, self.violations)
        return self.is_watched and not any((*wrong, self.unseen, self.trouble))

    @property
    def is_watched(self) -> bool:
        """Pages were looked at all the time, not only at the end."""
        return self.looks >= LOOKS_AN_UPLOAD * self.jobs

    def __str__(self) -> str:
        kills = sum(count for what, count in self.struck.items() if what.startswith("killed"))
        lines = [
            f"seed {self.plan.seed}: {self.files} files in {self.jobs} uploads by {self.plan.people} people,"
            f" {kills} kills, {sum(self.struck.values()) - kills} other faults,"
            f" {self.looks} looks at pages, {timedelta(seconds=round(self.seconds))}",
            ", ".join(f"{what} {count}" for what, count in sorted(self.struck.items())),
            f"lost {len(self.lost)}, falsely accepted {len(self.falsely_accepted)},"
            f" differing {len(self.differing)}, in limbo {len(self.in_limbo)},"
            f" violations {len(self.violations)}, unseen {len(self.unseen)}"
            + ("" if self.is_watched else ", too few looks"),
        ]
        for what in (self.falsely_accepted, self.in_limbo, self.violations, self.unseen, self.trouble):
            lines += what[:20]
        return "\n".join(lines)


@dataclass(frozen=True)
class Receivers:
    """What each receiver has, and what was sent there; a receiver is known by its port."""

    rows: Mapping[int, list[dict[str, Any]]]  # Any: decoded JSON
    sent: Mapping[int, list[Sent]]

    @classmethod
    def of(cls, sent: Sequence[Sent]) -> "Receivers":
        """Ask all receivers that somebody has sent to."""
        by_port: dict[int, list[Sent]] = defaultdict(list)
        for one in sent:
            by_port[one.by.qure.port].append(one)
        return cls({port: its[0].by.qure.rows() for port, its in by_port.items()}, by_port)

    @property
    def files(self) -> int:
        """How many different files were to come to the receivers."""
        return sum(len(self._chosen(port)) for port in self.sent)

    @property
    def all_rows(self) -> list[dict[str, Any]]:  # Any: as above
        """What came to any of them."""
        return [row for rows in self.rows.values() for row in rows]

    @cached_property
    def held(self) -> dict[int, set[str]]:
        """Digests of what each receiver has."""
        return {port: {row["sha256"] for row in rows} for port, rows in self.rows.items()}

    def lost(self) -> list[str]:
        """Digests of what a receiver should have, and has not."""
        to_come = [
            (port, one) for port, its in self.sent.items() for one in its if one.end == JobStatus.ACCEPTED
        ]
        return sorted(digest for port, one in to_come for digest in one.digests - self.held[port])

    def differing(self) -> list[str]:
        """Digests of what a receiver has, and nobody has sent there: changed, invented, or another team's."""
        return sorted(digest for port in self.sent for digest in self.held[port] - self._chosen(port))

    def _chosen(self, port: int) -> set[str]:
        return {digest for one in self.sent[port] for digest in one.digests}


def judge(
    plan: Plan,
    portal: Portal,
    sent: Sequence[Sent],
    watch: Watch,
    struck: Counter[str],
    ran: float,
) -> Report:
    """Compare what the people had, what Qure has, what the portal says, and what its pages said."""
    receivers = Receivers.of(sent)
    chosen = {one.upload.job: one.digests for one in sent}
    return Report(
        plan=plan,
        struck=struck,
        seconds=ran,
        files=receivers.files,
        jobs=len(sent),
        looks=watch.looks,
        lost=receivers.lost(),
        falsely_accepted=[
            *premature(watch.sightings, chosen, receivers.all_rows),
            *_falsely_recorded(portal, receivers),
        ],
        differing=receivers.differing(),
        in_limbo=[
            f"{one.upload.job} {status(portal, one.upload)}"
            for one in sent
            if status(portal, one.upload) != one.end
        ],
        violations=_violations(portal, sent),
        unseen=unseen(watch.sightings, sent),
        trouble=[],
    )


def _falsely_recorded(portal: Portal, receivers: Receivers) -> list[str]:
    """Files that are accepted by the portal's records, and not in the receiver."""
    return [
        f"row of {digest}"
        for port, its in receivers.sent.items()
        for one in its
        for digest in _accepted(portal, one) - receivers.held[port]
    ]


def _accepted(portal: Portal, sent: Sent) -> set[str]:
    return {digest for (digest,) in portal.rows(ACCEPTED, sent.upload.job.hex)}


def _violations(portal: Portal, sent: Iterable[Sent]) -> list[str]:
    """What ``manage.py verify`` says, which asks all receivers too."""
    addresses = sorted({one.by.qure.base_url for one in sent})
    verified = portal.manage("verify", *(word for url in addresses for word in ("--sandbox", url)))
    return [] if verified.returncode == 0 else [*verified.stdout.splitlines(), verified.stderr]


def premature(
    sightings: Iterable[Sighting], digests: Mapping[UUID, Set[str]], received: Iterable[Mapping[str, Any]]
) -> list[str]:
    """Sightings of more accepted files than Qure had at that moment, and of fewer than were seen before."""
    first_at = {row["sha256"]: row["first_at"] for row in received}
    seen: dict[UUID, list[Sighting]] = defaultdict(list)
    for sighting in sightings:
        seen[sighting.job].append(sighting)
    found = []
    for job, told in seen.items():
        its = digests.get(job, frozenset())
        arrivals = [first_at[digest] for digest in its if digest in first_at]
        for one in told:
            said = len(its) if one.status == JobStatus.ACCEPTED else one.accepted
            if said > sum(at <= one.at for at in arrivals):
                found.append(f"{job}: a page said {one.status}, {one.accepted} accepted, too early")
        back = [other for one, other in pairwise(told) if other.accepted < one.accepted]
        found += [f"{job}: a page took back what was accepted" for _ in back]
    return found


def unseen(sightings: Iterable[Sighting], sent: Sequence[Sent]) -> list[str]:
    """Uploads that no page showed as they ended, with all their files."""
    said: dict[tuple[UUID, str], int] = {}
    for one in sightings:
        said[one.job, one.status] = max(one.accepted, said.get((one.job, one.status), 0))
    least = {one.upload.job: len(one.digests) if one.end == JobStatus.ACCEPTED else 0 for one in sent}
    ends = {one.upload.job: one.end for one in sent}
    return [
        f"{job} never seen as {end}" for job, end in ends.items() if said.get((job, end), -1) < least[job]
    ]


def unfinished(portal: Portal, sent: Iterable[Sent]) -> list[Sent]:
    """Uploads that have not ended well yet."""
    return [one for one in sent if status(portal, one.upload) != one.end]


def needs_somebody(portal: Portal, one: Sent) -> bool:
    """It rests, and not well."""
    return status(portal, one.upload) in JOB_AT_REST - {one.end}
