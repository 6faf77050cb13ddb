"""The main job: a folder of real and junk files is dropped, and the page says what became of each."""

import hashlib
import re
import shutil
from collections import Counter
from pathlib import Path

import pydicom.data
from playwright.sync_api import Page, expect

from tests.dicoms import phantom_study
from tests.e2e.browsing import drop, left_out, reasons, send, steps, wait_for_rest
from tests.portals import Portal
from uploads.reasons import SENTENCES, Reason

SHIPPED = Path(pydicom.data.__file__).parent / "test_files"
JUNK = {
    "autorun.inf": b"[autorun]",
    "VIEWER/viewer.exe": b"MZ" + bytes(500),
    "VIEWER/README.TXT": b"read me",
    "Thumbs.db": b"x",
}


def newest(portal: Portal) -> int:
    """The upload that was begun last."""
    [(pk,)] = portal.rows("SELECT MAX(id) FROM uploads_job")
    return int(pk)


def test_real_and_junk_files_each_get_their_outcome_and_the_good_ones_arrive_byte_for_byte(
    page: Page, portal: Portal, folder: Path
) -> None:
    shutil.copytree(SHIPPED, folder / "SHIPPED")
    for name, content in JUNK.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "EMPTY").write_bytes(b"")
    study = phantom_study(series=2, instances=4)
    for name, content in study:
        for copy in ("", "AGAIN"):  # the same study twice
            path = folder / "STUDY" / copy / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    count = sum(path.is_file() for path in folder.rglob("*"))

    drop(page, folder)
    page.get_by_role("button", name=re.compile(r"^Choose all \d+ patients")).click()
    for box in page.locator("fieldset:nth-of-type(n + 2) input:not([value='nobody'])").all():
        box.check()
    named = left_out(page)
    button = page.get_by_role("button", name=re.compile(r"^Send \d+ files to Qure"))
    sent = int(re.findall(r"\d+", button.inner_text())[0])
    send(page)
    wait_for_rest(page, "Needs attention")

    assert count >= 150
    assert sent + sum(named.values()) == count
    assert named["empty file"] == 1
    assert named["viewer files"] >= len(JUNK)
    found = steps(page)
    why = reasons(page)
    assert found["Received"] == sent < found["Chosen"] < count  # what was left out damaged was chosen too
    assert found["Checked, good"] == found["Sent"] == found["Accepted by Qure"]
    assert found["Accepted by Qure"] + sum(why.values()) == count
    assert why[SENTENCES[Reason.DUPLICATE]] >= len(study)
    held = Counter(row["sha256"] for row in portal.qure.rows())
    assert all(held[hashlib.sha256(content).hexdigest()] == 1 for _, content in study)
    accepted = portal.rows(
        "SELECT sha256, wire_sha256 FROM uploads_file WHERE status = 'accepted' AND job_id = ?",
        newest(portal),
    )
    chosen = {hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}
    assert len(accepted) == found["Accepted by Qure"]
    assert {own for own, _ in accepted} <= chosen
    assert all(held[wire] == 1 for _, wire in accepted)
    page.goto("/jobs/")
    row = page.locator("tbody tr").first
    expect(row.locator("td[data-label='Files']")).to_have_text(str(found["Chosen"]))
    expect(row.locator("td[data-label='Accepted']")).to_have_text(str(found["Accepted by Qure"]))
