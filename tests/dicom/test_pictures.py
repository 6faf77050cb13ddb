"""A picture comes from a process that may crash, hang or grow; nothing of it reaches the one that asks."""

import base64
import io
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests import dicoms
from uploads.dicom.drawing import draw
from uploads.dicom.pictures import Drawer, MalformedPicture, understand
from uploads.dicom.reader import Limits, Reader
from uploads.dicom.source import BytesSource

HEAVY = {"numpy", "pydicom", "gdcm", "openjpeg", "jpeg_ls", "pylibjpeg"}
PATIENCE = 120.0  # seconds; on a machine that is busy with something else


@pytest.fixture
def drawer() -> Iterator[Drawer]:
    """A drawer whose child ends with the test."""
    made = Drawer(PATIENCE)
    yield made
    made.close()


def picture_of(drawer: Drawer, content: bytes) -> bytes | None:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        return drawer.draw(file, len(content))


def png(width: int = 1, height: int = 1) -> bytes:
    out = io.BytesIO()
    Image.new("L", (width, height)).save(out, "PNG")
    return out.getvalue()


def test_the_child_draws_what_is_drawn_here(drawer: Drawer) -> None:
    content = dicoms.dicom_bytes(rows=300, columns=200)

    assert picture_of(drawer, content) == draw(BytesSource(content))


@pytest.mark.parametrize(
    "content",
    [
        dicoms.encapsulated(),
        dicoms.report(),
        dicoms.nesting_bomb(),
        dicoms.deflated_bomb(),
        dicoms.encapsulated([b"\xff\xd8"], Rows=65535, Columns=65535),
    ],
    ids=["not a JPEG", "report", "nesting bomb", "deflated bomb", "giant"],
)
def test_what_can_t_be_drawn_has_no_picture_and_the_next_one_has(drawer: Drawer, content: bytes) -> None:
    pictures = [picture_of(drawer, content), picture_of(drawer, dicoms.dicom_bytes())]

    assert pictures[0] is None
    assert pictures[1] is not None


def test_an_image_that_takes_too_long_has_no_picture() -> None:
    drawer = Drawer(seconds_per_picture=0.001)

    picture = picture_of(drawer, dicoms.deflated_bomb())

    drawer.close()
    assert picture is None


def test_an_image_that_takes_too_much_memory_has_no_picture() -> None:
    drawer = Drawer(PATIENCE, memory_bytes=16 * dicoms.MEBIBYTE)

    picture = picture_of(drawer, dicoms.dicom_bytes(rows=4000, columns=4000))

    drawer.close()
    assert picture is None


def test_a_decoder_that_crashes_means_no_picture_and_harms_nobody(tmp_path: Path) -> None:
    limits = Limits(PATIENCE, 512 * dicoms.MEBIBYTE, 100, 1024)
    reader: Reader[bytes | str | None] = Reader("tests.dicom.crashing_child", understand, "to blame", limits)
    (tmp_path / "file").write_bytes(b"hostile")

    with (tmp_path / "file").open("rb") as file:
        answers = reader.read(file.fileno(), [(0, 7), (0, 0)], at_once=1)

    reader.close()
    assert answers == ["to blame", None]


def test_a_child_that_has_gone_is_started_again(drawer: Drawer) -> None:
    picture_of(drawer, dicoms.dicom_bytes())
    first = drawer.child_pid
    subprocess.run(["kill", "-9", str(first)], check=True)

    picture = picture_of(drawer, dicoms.dicom_bytes())

    assert picture is not None
    assert drawer.child_pid != first


def test_a_picture_is_understood() -> None:
    assert understand(base64.b64encode(png(256, 1))) == png(256, 1)


def test_an_empty_line_means_no_picture() -> None:
    assert understand(b"") is None


@pytest.mark.parametrize(
    "said",
    [
        b"AAA",
        b"<svg>",
        *map(base64.b64encode, [b"GIF89a", b"x" * 100, png(257, 1), png(1, 65535), png()[:20]]),
    ],
)
def test_what_is_no_small_png_is_not_believed(said: bytes) -> None:
    with pytest.raises(MalformedPicture):
        understand(said)


def test_whoever_asks_for_a_picture_stays_small(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from uploads.dicom.pictures import Drawer\n"
        "drawer = Drawer()\n"
        "with open(sys.argv[1], 'rb') as file:\n"
        "    assert drawer.draw(file, int(sys.argv[2])) is not None\n"
        "drawer.close()\n"
        "peak = [line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')]\n"
        "print(*peak, *{name.partition('.')[0] for name in sys.modules})\n"
    )
    content = dicoms.dicom_bytes(rows=3000, columns=3000)
    (tmp_path / "image").write_bytes(content)

    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "image"), str(len(content))],
        capture_output=True,
        text=True,
        check=True,
    )

    kibibytes, *imported = done.stdout.split()
    assert int(kibibytes) < 60 * 1024
    assert HEAVY & set(imported) == set()


@pytest.mark.parametrize(
    ("modules", "unwanted"),
    [
        ("portal.celery, uploads.tasks, uploads.management.commands.beat", HEAVY),
        ("portal.wsgi, portal.urls", HEAVY - {"numpy"}),  # fpdf2 imports numpy where it finds one
    ],
    ids=["workers and beat", "web"],
)
def test_no_process_of_the_portal_imports_a_decoder(modules: str, unwanted: set[str]) -> None:
    script = (
        "import sys, django\n"
        "django.setup()\n"
        f"import {modules}\n"
        "print(*{name.partition('.')[0] for name in sys.modules})\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert unwanted & set(done.stdout.split()) == set()
