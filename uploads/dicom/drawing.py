"""Draws an image's middle frame as a small PNG. Runs in ``picture_child``, where decoders harm nobody."""

import io
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi
from pydicom.pixels.utils import pixel_array

from uploads.dicom.source import Source

WIDEST: Final = 256  # pixels
LARGEST_FRAME: Final = 64_000_000  # pixels; a mammogram has 14 million
ENOUGH: Final = 4 * WIDEST  # pixels in a direction; of more only some are looked at
# Where an enhanced image keeps what others have at their top (PS3.3 C.7.6.16.2), for all frames or for each.
GROUPS: Final = {
    "PixelValueTransformationSequence": ("RescaleSlope", "RescaleIntercept"),
    "FrameVOILUTSequence": ("WindowCenter", "WindowWidth", "VOILUTFunction"),
}

Pixels = NDArray[Any]  # Any: whatever type the image stores
Range = tuple[float, float]


class NoPicture(Exception):
    """The file holds nothing that is drawn here."""


def draw(source: Source) -> bytes:
    """Answer a PNG of at most 256 by 256 pixels, gray or RGB.

    Raises NoPicture, MemoryError, and whatever pydicom and the decoders make of a damaged image.
    """
    ds = dcmread(io.BytesIO(source.pread(0, source.size)), force=True)
    frame = _middle_frame(ds)
    pixels = _thinned(pixel_array(ds, index=frame))
    if ds.PhotometricInterpretation == "PALETTE COLOR":
        shown = _eight_bits(apply_color_lut(pixels, ds), 16)
    elif pixels.ndim == 2:
        shown = _gray(pixels, ds, frame)
    else:
        shown = _eight_bits(pixels, ds.BitsStored)
    return _png(shown)


def _middle_frame(ds: Dataset) -> int:
    """The index of the middle frame, once a frame's size is found bearable."""
    if not 0 < (ds.get("Rows") or 0) * (ds.get("Columns") or 0) <= LARGEST_FRAME:
        raise NoPicture("no pixels, or too many")
    return (max(1, int(ds.get("NumberOfFrames") or 1)) - 1) // 2


def _thinned(pixels: Pixels) -> Pixels:
    step = max(1, max(pixels.shape[:2]) // ENOUGH)
    return pixels[::step, ::step]


def _gray(pixels: Pixels, ds: Dataset, frame: int) -> NDArray[np.uint8]:
    """The values as a radiologist would see them first."""
    _lift(ds, frame)
    values = apply_modality_lut(pixels, ds)
    if ds.get("VOILUTSequence"):
        values = apply_voi(values, ds)
        lowest, highest = 0.0, float(2 ** ds.VOILUTSequence[0].LUTDescriptor[2] - 1)
    else:
        lowest, highest = _window(ds) or _extremes(values, pixels, ds)
    if highest > lowest:
        shown = np.clip((values.astype(np.float64) - lowest) / (highest - lowest), 0, 1) * 255
    else:
        shown = np.where(values > lowest, 255.0, 0.0)
    return (255 - shown if ds.PhotometricInterpretation == "MONOCHROME1" else shown).astype(np.uint8)


def _lift(ds: Dataset, frame: int) -> None:
    """Put an enhanced image's rescaling and window where those of others are."""
    for group, keywords in GROUPS.items():
        for item in _functional_groups(ds, frame):
            for inner in item.get(group) or []:
                for keyword in keywords:
                    if keyword in inner and keyword not in ds:
                        ds[keyword] = inner[keyword]


def _functional_groups(ds: Dataset, frame: int) -> list[Dataset]:
    of_each = ds.get("PerFrameFunctionalGroupsSequence") or []
    return [*of_each[frame : frame + 1], *(ds.get("SharedFunctionalGroupsSequence") or [])]


def _window(ds: Dataset) -> Range | None:
    """The first window of the header (PS3.3 C.11.2.1.2)."""
    center, width = _first(ds.get("WindowCenter")), _first(ds.get("WindowWidth"))
    if center is None or width is None or width < 1:
        return None
    if ds.get("VOILUTFunction") == "LINEAR_EXACT":
        return center - width / 2, center + width / 2
    return center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2


def _first(value: Any) -> float | None:  # Any: none, one or many, as pydicom reads them
    values = value if isinstance(value, list | tuple) or hasattr(value, "append") else [value]
    return None if not values or values[0] in (None, "") else float(values[0])


def _extremes(values: Pixels, pixels: Pixels, ds: Dataset) -> Range:
    """From the darkest to the brightest value; what fills the space around an image is neither."""
    meant = values[pixels != ds.PixelPaddingValue] if "PixelPaddingValue" in ds else values
    return (float(meant.min()), float(meant.max())) if meant.size else (0.0, 0.0)


def _eight_bits(pixels: Pixels, bits: int) -> NDArray[np.uint8]:
    """Colors; whatever comes behind the first three channels is left out."""
    shift = max(0, min(bits, 8 * pixels.dtype.itemsize) - 8)
    return (pixels[:, :, :3] >> shift).astype(np.uint8)


def _png(shown: NDArray[np.uint8]) -> bytes:
    image = Image.fromarray(np.ascontiguousarray(shown))
    image.thumbnail((WIDEST, WIDEST), Image.Resampling.BOX)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
