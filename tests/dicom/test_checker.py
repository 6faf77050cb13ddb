"""No file harms the process that asks, and none is blamed for what it did not do."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from tests import dicoms
from uploads.dicom.checker import FINDING_BYTES, Checker, Span
from uploads.dicom.findings import Finding, Outcome
from uploads.dicom.inspect import inspect
from uploads.dicom.process import ChildEnded, start_child
from uploads.dicom.reader import ReaderBroken
from uploads.dicom.source import BytesSource
from uploads.reasons import Reason


@pytest.fixture
def checker() -> Iterator[Checker]:
    """A checker whose child ends with the test."""
    made = Checker()
    yield made
    made.close()


def packed(folder: Path, contents: Sequence[bytes]) -> tuple[Path, list[Span]]:
    """Write the contents behind each other, as a parcel holds them."""
    path = folder / "parcel"
    spans = []
    with path.open("wb") as parcel:
        for content in contents:
            spans.append(Span(parcel.tell(), len(content)))
            parcel.write(content)
    return path, spans


def check(checker: Checker, folder: Path, *contents: bytes) -> list[Finding]:
    path, spans = packed(folder, contents)
    with path.open("rb") as parcel:
        return checker.check(parcel, spans)


def outcomes(findings: Sequence[Finding]) -> list[Outcome | Reason]:
    return [finding.reason or finding.outcome for finding in findings]


def test_the_child_finds_what_inspect_finds(checker: Checker, tmp_path: Path) -> None:
    contents = [
        dicoms.dicom_bytes(SeriesDescription="\u00e4"),
        b"",
        b"text",
        dicoms.headerless(syntax=dicoms.BIG_ENDIAN),
        dicoms.truncated(),
        dicoms.dicom_bytes(preamble=b"MZ".ljust(128)),
        dicoms.nesting_bomb(),
    ]

    findings = check(checker, tmp_path, *contents)

    assert findings == [inspect(BytesSource(content)) for content in contents]


def test_a_file_does_not_read_beyond_its_span(checker: Checker, tmp_path: Path) -> None:
    whole = dicoms.dicom_bytes()

    findings = check(checker, tmp_path, whole[:-100], whole[-100:] + whole)

    assert outcomes(findings) == [Reason.TRUNCATED_PIXELS, Reason.NOT_DICOM]


def test_the_position_of_the_file_stays_where_it_was(checker: Checker, tmp_path: Path) -> None:
    path, spans = packed(tmp_path, [dicoms.dicom_bytes()])

    with path.open("rb") as parcel:
        parcel.seek(7)
        checker.check(parcel, spans)

        assert parcel.tell() == 7


def test_system_files_are_told_by_name_without_a_child(checker: Checker, tmp_path: Path) -> None:
    path, spans = packed(tmp_path, [dicoms.dicom_bytes()])
    named = [Span(span.offset, span.length, "CD/._IM1") for span in spans]

    with path.open("rb") as parcel:
        findings = checker.check(parcel, named)

    assert outcomes(findings) == [Reason.SYSTEM_FILE]
    assert checker.child_pid is None


def test_findings_keep_their_order_around_system_files(checker: Checker, tmp_path: Path) -> None:
    path, (first, second, third) = packed(tmp_path, [dicoms.dicom_bytes(), b"junk", b"text"])
    spans = [first, Span(second.offset, second.length, "Thumbs.db"), third]

    with path.open("rb") as parcel:
        findings = checker.check(parcel, spans)

    assert outcomes(findings) == [Outcome.VALID, Reason.SYSTEM_FILE, Reason.NOT_DICOM]


def test_one_child_serves_many_requests_and_is_renewed(tmp_path: Path) -> None:
    checker = Checker(files_per_child=3)
    pids = []

    for _ in range(4):
        check(checker, tmp_path, dicoms.dicom_bytes(), b"text")
        pids.append(checker.child_pid)

    checker.close()
    assert pids[0] == pids[1] != pids[2] == pids[3]


def test_a_child_killed_between_files_is_replaced_and_no_file_is_blamed(
    checker: Checker, tmp_path: Path
) -> None:
    check(checker, tmp_path, dicoms.dicom_bytes())
    pid = checker.child_pid
    assert pid
    os.kill(pid, signal.SIGKILL)

    findings = check(checker, tmp_path, dicoms.dicom_bytes(), dicoms.dicom_bytes())

    assert outcomes(findings) == [Outcome.VALID, Outcome.VALID]
    assert checker.child_pid != pid


@pytest.mark.parametrize(("kills", "found"), [(2, Outcome.VALID), (3, Reason.TOO_COMPLEX)])
def test_a_file_over_which_three_children_died_is_too_complex_and_two_are_an_accident(
    checker: Checker, tmp_path: Path, kills: int, found: Outcome | Reason
) -> None:
    quick = dicoms.dicom_bytes()
    slow = dicoms.deflated_bomb(448 * dicoms.MEBIBYTE, Rows=16384, Columns=14336)  # a second or two

    killer = threading.Thread(target=kill_children, args=(checker, kills))
    killer.start()
    findings = check(checker, tmp_path, slow, quick)
    killer.join()

    assert outcomes(findings) == [found, Outcome.VALID]


def kill_children(checker: Checker, kills: int) -> None:
    """Kill one child after the other, as soon as each is there."""
    killed: set[int] = set()
    while len(killed) < kills:
        pid = checker.child_pid
        if pid and pid not in killed:
            killed.add(pid)
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)


def test_a_bomb_is_too_complex_and_the_files_beside_it_are_fine(checker: Checker, tmp_path: Path) -> None:
    good = dicoms.dicom_bytes()

    findings = check(checker, tmp_path, good, dicoms.deflated_bomb(), good, dicoms.nesting_bomb(), good)

    assert outcomes(findings) == [
        Outcome.VALID,
        Reason.TOO_COMPLEX,
        Outcome.VALID,
        Reason.TOO_COMPLEX,
        Outcome.VALID,
    ]


@pytest.mark.parametrize(("mebibytes", "found"), [(16, Reason.TOO_COMPLEX), (512, Outcome.VALID)])
def test_memory_is_limited(tmp_path: Path, mebibytes: int, found: Outcome | Reason) -> None:
    checker = Checker(seconds_per_file=120, memory_bytes=mebibytes * dicoms.MEBIBYTE)

    findings = check(checker, tmp_path, dicoms.memory_bomb(), dicoms.dicom_bytes())

    checker.close()
    assert outcomes(findings) == [found, Outcome.VALID]


def test_a_file_that_takes_too_long_is_too_complex_and_the_rest_goes_on(tmp_path: Path) -> None:
    checker = Checker(seconds_per_file=0.25)
    slow = dicoms.deflated_bomb()

    started = time.monotonic()
    findings = check(checker, tmp_path, dicoms.dicom_bytes(), slow, dicoms.dicom_bytes())
    checker.close()

    assert outcomes(findings) == [Outcome.VALID, Reason.TOO_COMPLEX, Outcome.VALID]
    assert time.monotonic() - started < 30


def test_cpu_time_is_limited_even_if_nobody_watches(tmp_path: Path) -> None:
    path, (span,) = packed(tmp_path, [dicoms.memory_bomb(200_000)])
    child = start_child("uploads.dicom.child", 0, 512 * dicoms.MEBIBYTE, FINDING_BYTES)

    with path.open("rb") as parcel:
        child.send(parcel.fileno(), [(span.offset, span.length)], at_once=1)
        with pytest.raises(ChildEnded) as ended:
            child.receive(60)

    assert ended.value.code == -signal.SIGXCPU


def test_a_child_that_stands_still_is_replaced_and_no_file_is_blamed(tmp_path: Path) -> None:
    checker = Checker(seconds_per_file=0.5)
    check(checker, tmp_path, dicoms.dicom_bytes())
    pid = checker.child_pid
    assert pid
    os.kill(pid, signal.SIGSTOP)

    findings = check(checker, tmp_path, dicoms.dicom_bytes(), dicoms.dicom_bytes())

    checker.close()
    assert outcomes(findings) == [Outcome.VALID, Outcome.VALID]
    assert not Path(f"/proc/{pid}").exists()


def test_threads_share_a_checker(checker: Checker, tmp_path: Path) -> None:
    found: dict[int, list[Finding]] = {}

    def work(number: int) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        for _ in range(5):
            contents = [dicoms.dicom_bytes(SeriesNumber=number), bytes(number + 1), b""]
            found.setdefault(number, []).extend(check(checker, folder, *contents))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    once = [Outcome.VALID, Reason.NOT_DICOM, Reason.EMPTY]
    assert [outcomes(found[number]) for number in range(2)] == [once * 5, once * 5]


def test_a_forked_process_starts_its_own_child_and_leaves_the_parent_s_alone(
    checker: Checker, tmp_path: Path
) -> None:
    check(checker, tmp_path, dicoms.dicom_bytes())
    pid = checker.child_pid
    fork = os.fork()
    if fork == 0:
        status = 1
        try:
            findings = check(checker, tmp_path, dicoms.dicom_bytes())
            is_own = checker.child_pid not in {None, pid}
            checker.close()
            status = 0 if is_own and outcomes(findings) == [Outcome.VALID] else 2
        finally:
            os._exit(status)

    _, status = os.waitpid(fork, 0)
    findings = check(checker, tmp_path, dicoms.dicom_bytes())

    assert os.waitstatus_to_exitcode(status) == 0
    assert outcomes(findings) == [Outcome.VALID]
    assert checker.child_pid == pid


def test_a_child_does_not_outlive_its_parent(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from uploads.dicom.checker import FINDING_BYTES, Checker, Span\n"
        "checker = Checker()\n"
        "checker.check(open(sys.argv[1], 'rb'), [Span(0, 4)])\n"
        "print(checker.child_pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    path, _ = packed(tmp_path, [b"text"])
    parent = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False
    )
    pid = int(parent.stdout)

    deadline = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)

    assert parent.returncode == -signal.SIGKILL
    assert not is_running(pid)


def open_files(process: Path) -> set[str]:
    """What the descriptors of a process point to; one that closes meanwhile is left out."""
    found = set()
    for link in (process / "fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(str(link.readlink()))
    return found


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_closed_checker_has_no_child_left_and_works_again(checker: Checker, tmp_path: Path) -> None:
    check(checker, tmp_path, dicoms.dicom_bytes())
    pid = checker.child_pid
    checker.close()

    assert checker.child_pid is None
    assert not Path(f"/proc/{pid}").exists()
    assert outcomes(check(checker, tmp_path, dicoms.dicom_bytes())) == [Outcome.VALID]


def test_the_child_has_limits_no_environment_and_no_descriptors_of_ours(
    checker: Checker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QURE_TOKEN", "canary-token")
    with (tmp_path / "secret").open("wb") as secret:
        os.set_inheritable(secret.fileno(), True)
        check(checker, tmp_path, dicoms.dicom_bytes())
    process = Path(f"/proc/{checker.child_pid}")

    limits = (process / "limits").read_text()
    targets = open_files(process)
    while any("parcel" in target for target in targets):  # until it has closed the request's
        targets = open_files(process)

    assert b"canary" not in (process / "environ").read_bytes()
    assert {target.partition(":")[0] for target in targets} == {"/dev/null", "socket"}
    rows = {line[:26].strip(): line[26:].split()[0] for line in limits.splitlines()[1:]}
    assert (rows["Max core file size"], rows["Max file size"]) == ("0", "0")
    assert int(rows["Max address space"]) < 2 * 1024**3
    assert int(rows["Max cpu time"]) <= 15


def test_when_no_child_can_be_started_no_file_is_blamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    checker = Checker()

    with pytest.raises(ReaderBroken):
        check(checker, tmp_path, dicoms.dicom_bytes())

    monkeypatch.undo()
    assert outcomes(check(checker, tmp_path, dicoms.dicom_bytes())) == [Outcome.VALID]
    checker.close()


def test_a_disk_that_fails_is_not_the_file_s_fault(checker: Checker) -> None:
    out, into = os.pipe()  # reading a pipe by position fails with ESPIPE, as a broken disk does with EIO
    os.close(into)

    with os.fdopen(out, "rb") as file, pytest.raises(ReaderBroken):
        checker.check(file, [Span(0, 1000)])


def test_the_parent_stays_small_and_does_not_import_pydicom(tmp_path: Path) -> None:
    script = (
        "import json, sys\n"
        "from uploads.dicom.checker import FINDING_BYTES, Checker, Span\n"
        "spans = [Span(*pair) for pair in json.loads(sys.argv[2])]\n"
        "checker = Checker()\n"
        "with open(sys.argv[1], 'rb') as parcel:\n"
        "    checker.check(parcel, spans)\n"
        "checker.close()\n"
        "names = {name.partition('.')[0] for name in sys.modules}\n"
        "peak = [line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')]\n"
        "print(*peak, *names & {'pydicom', 'django'})\n"
    )
    path, spans = packed(tmp_path, [dicoms.deflated_bomb(), *[dicoms.dicom_bytes()] * 200])
    pairs = json.dumps([[span.offset, span.length] for span in spans])

    done = subprocess.run(
        [sys.executable, "-c", script, str(path), pairs], capture_output=True, text=True, check=True
    )

    kibibytes, *imported = done.stdout.split()
    assert int(kibibytes) < 60 * 1024
    assert imported == []
