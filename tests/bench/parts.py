"""What is measured, part by part: each is asked for by its targets and yields its lines."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from tests.bench.checking import checking_line, pair_line
from tests.bench.drain import Drain
from tests.bench.flatness import flatness_lines
from tests.bench.full_speed import full_speed_lines
from tests.bench.history import history_lines
from tests.bench.intake import intake_lines
from tests.bench.journey import journey_lines, memory_lines
from tests.bench.object_store import object_store_lines
from tests.bench.orthanc import orthanc_lines
from tests.bench.parallel import parallel_line
from tests.bench.portal import Portal, running_portal
from tests.bench.relaying import relay_lines
from tests.bench.studies import Study, make_studies
from tests.bench.table import Line, say
from tests.bench.upload_page import upload_page_lines


@dataclass
class Bench:
    """A run: where it lies, its receiver, and what is asked of it."""

    folder: Path
    drain: Drain
    targets: set[str]
    pair_count: int
    is_quick: bool
    stack: ExitStack = field(default_factory=ExitStack)  # what is kept until the run ends

    @cached_property
    def studies(self) -> list[Study]:
        """The three studies, made when they are first needed."""
        studies = make_studies(self.folder / "studies", self.is_quick)
        say(", ".join(map(str, studies)))
        return studies

    @contextmanager
    def portal(self, what: str) -> Iterator[Portal]:
        """A portal of its own for a part, which relays to the receiver that counts.

        A quick run says nothing of speed: one portal does for all its parts.
        """
        if self.is_quick:
            yield self._shared_portal
        else:
            with running_portal(self.folder / f"portal-{what}", self.drain.counting_url) as portal:
                yield portal

    @cached_property
    def _shared_portal(self) -> Portal:
        return self.stack.enter_context(running_portal(self.folder / "portal", self.drain.counting_url))


def lines_of(bench: Bench) -> Iterator[Line]:
    """Measure what is asked for, part by part."""
    with bench.stack:
        for targets, part in PARTS.items():
            wanted = bench.targets.intersection(targets)
            if wanted:
                yield from (line for line in part(bench) if line.target in wanted | TOLD_BESIDES)


def _intake(bench: Bench) -> Iterator[Line]:
    with bench.portal("of-intake") as portal:
        yield from intake_lines(bench.studies, bench.folder / "floors", portal, bench.pair_count)


def _checking(bench: Bench) -> Iterator[Line]:
    for study in bench.studies:
        if study.name != "DX":  # a parcel of it is one file: there the call is measured, not the checking
            yield checking_line(study, bench.pair_count)
            yield pair_line(study, bench.pair_count, bench.is_quick)


def _relaying(bench: Bench) -> Iterator[Line]:
    for study in bench.studies:
        yield from relay_lines(study, bench.drain, bench.pair_count, bench.targets)
    if "P5" in bench.targets:
        yield from flatness_lines(bench.studies[0], bench.drain)


def _journeys(bench: Bench) -> Iterator[Line]:
    with bench.portal("of-journeys") as portal:
        for study in bench.studies:
            yield from journey_lines(study, portal, bench.pair_count)
        yield from memory_lines(portal)


def _parallel(bench: Bench) -> Iterator[Line]:
    yield parallel_line(bench.studies[0], bench.folder / "parallel", bench.drain, bench.pair_count)


def _full_speed(bench: Bench) -> Iterator[Line]:
    with bench.portal("at-full-speed") as portal:
        for study in bench.studies:
            yield from full_speed_lines(study, portal, bench.drain, bench.pair_count)


def _orthanc(bench: Bench) -> Iterator[Line]:
    with bench.portal("beside-orthanc") as portal:
        folder, receiver = bench.folder / "orthanc", bench.drain.counting_url
        yield from orthanc_lines(bench.studies, folder, portal, receiver, bench.pair_count)


def _object_store(bench: Bench) -> Iterator[Line]:
    yield from object_store_lines(bench.studies, bench.folder / "s3", bench.pair_count)


def _pages(bench: Bench) -> Iterator[Line]:
    receiver = bench.drain.urls["http"]
    with bench.portal("of-pages") as portal:
        folder = bench.folder / "pages"
        yield from upload_page_lines(folder, portal, receiver, bench.pair_count, bench.is_quick)


def _history(bench: Bench) -> Iterator[Line]:
    yield from history_lines(bench.folder, bench.is_quick)


PARTS: Final[dict[tuple[str, ...], Callable[[Bench], Iterator[Line]]]] = {
    ("history",): _history,
    ("P1", "P2"): _intake,
    ("P4",): _checking,
    ("P5", "P6"): _relaying,
    ("P7",): _parallel,
    ("P8",): _journeys,
    ("P9",): _full_speed,
    ("P3", "P10"): _orthanc,
    ("P11",): _object_store,
    ("P12",): _pages,
}
TARGETS: Final = [target for targets in PARTS for target in targets]
TOLD_BESIDES: Final = {"RAM"}  # along with the others of its part
