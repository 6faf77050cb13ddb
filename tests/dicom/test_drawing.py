"""What a small picture shows: the pixels that are in the file, as a radiologist would see them first."""

import io
import struct
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pydicom
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from tests import dicoms
from tests.dicom.test_corpus import FILES
from uploads.dicom.drawing import NoPicture, draw
from uploads.dicom.source import BytesSource

pytestmark = pytest.mark.filterwarnings("ignore")  # pydicom says of each damaged file that it is damaged

TEST_FILES: Final = Path(pydicom.__file__).parent / "data" / "test_files"
# Twelve bits in JPEG, which only GPL code decodes; damage that no decoder takes.
WITHOUT_PICTURE: Final = {
    "JPEG-lossy.dcm",
    "JPGExtended.dcm",
    "JPEG2000-embedded-sequence-delimiter.dcm",
    "MR_truncated.dcm",
    "badVR.dcm",  # "1A" frames
}
WINDOW: Final[dict[str, Any]] = {  # Any: DICOM values
    "WindowCenter": "100",
    "WindowWidth": "101",
    "RescaleSlope": "1",
    "RescaleIntercept": "0",
}


def shown(content: bytes) -> Image.Image:
    """The picture of a file."""
    return Image.open(io.BytesIO(draw(BytesSource(content))))


def values(content: bytes) -> list[Any]:  # Any: a gray, or a color of three
    """The pixels of the picture of a file, row by row."""
    return list(shown(content).get_flattened_data())


def of_values(*stored: int, **overrides: Any) -> bytes:  # Any: as dicom_bytes takes them
    """An image of one row with these values."""
    pixels = struct.pack(f"<{len(stored)}h", *stored)
    return dicoms.dicom_bytes(rows=1, columns=len(stored), pixels=pixels, **{**WINDOW, **overrides})


def has_pixels(path: Path) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = dcmread(path, force=True)
    return "PixelData" in ds and ds.get("Rows") is not None


def is_drawn(path: Path) -> bool:
    try:
        return shown(path.read_bytes()).width > 0
    except Exception:  # whatever a decoder raises
        return False


def test_every_file_with_pixels_has_a_picture_but_for_those_that_no_decoder_takes() -> None:
    with_pixels = {path for path in FILES if path.suffix == ".dcm" and has_pixels(path)}

    without = {path.name for path in with_pixels if not is_drawn(path)}

    assert len(with_pixels) > 60
    assert without == WITHOUT_PICTURE


@pytest.mark.parametrize(
    ("compressed", "original"),
    [
        ("MR_small_RLE.dcm", "MR_small.dcm"),
        ("MR_small_jp2klossless.dcm", "MR_small.dcm"),
        ("MR_small_jpeg_ls_lossless.dcm", "MR_small.dcm"),
        ("MR_small_bigendian.dcm", "MR_small.dcm"),
        ("MR_small_implicit.dcm", "MR_small.dcm"),
        ("SC_rgb_jpeg_gdcm.dcm", "SC_rgb_rle.dcm"),  # JPEG lossless, process 14
        ("SC_rgb_rle_16bit.dcm", "SC_rgb_rle.dcm"),
    ],
)
def test_a_losslessly_compressed_image_has_the_picture_of_the_original(
    compressed: str, original: str
) -> None:
    assert values((TEST_FILES / compressed).read_bytes()) == values((TEST_FILES / original).read_bytes())


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
def test_a_compressed_phantom_has_the_picture_of_the_phantom(syntax: str) -> None:
    _, content = dicoms.phantom_study(series=1, instances=1, size=64)[0]
    ds = dcmread(io.BytesIO(content))
    ds.compress(syntax, generate_instance_uid=False)
    compressed = io.BytesIO()
    ds.save_as(compressed)

    assert values(compressed.getvalue()) == values(content)


def test_a_deflated_file_has_a_picture() -> None:
    assert values(dicoms.dicom_bytes(syntax=dicoms.DEFLATED)) == [0] * 256


def test_the_first_window_goes_from_black_to_white() -> None:
    content = of_values(-500, 49, 50, 100, 150, 500, WindowCenter="100\\7", WindowWidth="101\\3")

    assert values(content) == [0, 0, 1, 128, 255, 255]


def test_values_are_rescaled_before_they_are_windowed() -> None:
    content = of_values(0, 50, 100, RescaleSlope="2", RescaleIntercept="-50")

    assert values(content) == [0, 1, 255]


def test_without_a_window_the_darkest_is_black_and_the_brightest_white() -> None:
    content = of_values(1000, 1500, 2000, WindowCenter=None, WindowWidth=None)

    assert values(content) == [0, 127, 255]


def test_padding_is_neither_darkest_nor_brightest() -> None:
    content = of_values(-2000, 1000, 2000, WindowCenter=None, WindowWidth=None, PixelPaddingValue=-2000)

    assert values(content) == [0, 0, 255]


def test_an_image_of_one_value_has_a_picture() -> None:
    assert values(of_values(7, 7, WindowCenter=None, WindowWidth=None)) == [0, 0]


def test_monochrome1_is_shown_the_other_way_round() -> None:
    assert values(of_values(-500, 500, PhotometricInterpretation="MONOCHROME1")) == [255, 0]


def test_an_enhanced_image_has_its_window_in_its_functional_groups() -> None:
    window, transformation, groups = Dataset(), Dataset(), Dataset()
    window.WindowCenter, window.WindowWidth = "100", "101"
    transformation.RescaleSlope, transformation.RescaleIntercept = "2", "0"
    groups.FrameVOILUTSequence = [window]
    groups.PixelValueTransformationSequence = [transformation]

    content = of_values(*(0, 25, 75, 100), **dict.fromkeys(WINDOW), SharedFunctionalGroupsSequence=[groups])

    assert values(content) == [0, 1, 255, 255]


@pytest.mark.parametrize(("frames", "middle"), [(1, 0), (2, 0), (3, 1), (6, 2)])
def test_of_many_frames_the_middle_one_is_shown(frames: int, middle: int) -> None:
    pixels = struct.pack(f"<{frames}h", *range(60, 60 + frames))

    content = dicoms.dicom_bytes(rows=1, columns=1, pixels=pixels, NumberOfFrames=frames, **WINDOW)

    assert values(content) == values(of_values(60 + middle))


@pytest.mark.parametrize(
    ("rows", "columns", "size"),
    [(512, 512, (256, 256)), (3000, 1500, (128, 256)), (40, 2000, (256, 5)), (16, 16, (16, 16))],
)
def test_a_picture_is_small_and_keeps_its_shape(rows: int, columns: int, size: tuple[int, int]) -> None:
    assert shown(dicoms.dicom_bytes(rows=rows, columns=columns)).size == size


@pytest.mark.parametrize(
    "claims", [{"Rows": 65535, "Columns": 65535}, {"Rows": 0}, {"Rows": None}, {"Columns": None}]
)
def test_an_image_of_an_unbearable_size_is_refused_before_it_is_decoded(claims: dict[str, Any]) -> None:
    with pytest.raises(NoPicture):
        draw(BytesSource(dicoms.encapsulated([b"\xff\xd8not a JPEG"], **claims)))


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"text", dicoms.report(), dicoms.encapsulated_pdf(), dicoms.dicomdir()),
        *(dicoms.encapsulated(), dicoms.truncated(), dicoms.nesting_bomb()),
        dicoms.dicom_bytes(NumberOfFrames=2_000_000_000),
    ],
)
def test_what_is_no_image_has_no_picture(content: bytes) -> None:
    with pytest.raises(Exception):  # noqa: B017  # any: the child takes each for "no picture"
        draw(BytesSource(content))


def chunks_of(png: bytes) -> Sequence[bytes]:
    """The names of a PNG's chunks."""
    names, at = [], 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        names.append(png[at + 4 : at + 8])
        at += 12 + length
    return names


def test_a_picture_holds_nothing_but_pixels() -> None:
    png = draw(BytesSource(dicoms.dicom_bytes(PatientName="CANARY^NAME")))

    assert set(chunks_of(png)) == {b"IHDR", b"IDAT", b"IEND"}
