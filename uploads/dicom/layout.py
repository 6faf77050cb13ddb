"""How a file begins: where its file meta information and its data set are, and what hides before them."""

from dataclasses import dataclass
from typing import Final

from uploads.dicom.wrapping import MAGIC, PREAMBLE

META_GROUP: Final = b"\x02\x00"  # group 0002, always little endian (PS3.10 7.1)
EXPLICIT_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
EXPLICIT_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1"
IMPLICIT_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2"
SMALLEST_SWAPPED_GROUP: Final = 0x0400  # group 0004 and up, read in the wrong order

# A program, script or archive that can be started as it lies there (CVE-2019-11687).
EXECUTABLE_MAGICS: Final = (
    b"MZ",  # DOS, Windows
    b"\x7fELF",  # Linux
    b"\xfe\xed\xfa\xce",  # Mach-O, 32 and 64 bits, both byte orders
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",  # Mach-O for several processors, Java
    b"\xca\xfe\xba\xbf",
    b"\xbe\xba\xfe\xca",
    b"\xbf\xba\xfe\xca",
    b"#!",  # scripts
    b"PK\x03\x04",  # ZIP, JAR
    b"PK\x05\x06",
)


@dataclass(frozen=True)
class Layout:
    """Where the parts are. ``prefix`` is what is missing before the file meta information."""

    meta_at: int | None
    prefix: bytes = b""

    @property
    def has_file_header(self) -> bool:
        """Whether it is a file by PS3.10, with preamble and prefix."""
        return self.meta_at is not None and not self.prefix


@dataclass(frozen=True)
class Encoding:
    """How data elements are written (PS3.5 7.1)."""

    is_implicit: bool
    is_little_endian: bool

    @property
    def transfer_syntax_uid(self) -> str:
        """The uncompressed syntax that is written so."""
        if self.is_implicit:
            return IMPLICIT_LITTLE_ENDIAN
        return EXPLICIT_LITTLE_ENDIAN if self.is_little_endian else EXPLICIT_BIG_ENDIAN


def layout_of(head: bytes) -> Layout:
    """Find the file meta information; headless files may lack the preamble, its prefix or all of it."""
    if head[128:132] == MAGIC:
        return Layout(132)
    if head.startswith(MAGIC + META_GROUP):
        return Layout(len(MAGIC), PREAMBLE)
    if head.startswith(META_GROUP) and _is_vr(head[4:6]):
        return Layout(0, PREAMBLE + MAGIC)
    return Layout(None)


def has_executable_preamble(head: bytes) -> bool:
    """Say whether the preamble of a DICOM file starts a program. TIFF's magics are allowed (PS3.10 7.1)."""
    return head.startswith(EXECUTABLE_MAGICS)


def encoding_at(first_element: bytes, transfer_syntax_uid: str) -> Encoding:
    """Tell the encoding from the first bytes of a data set; files often say one and hold the other."""
    is_implicit = not _is_vr(first_element[4:6])
    if transfer_syntax_uid:
        return Encoding(is_implicit, is_implicit or transfer_syntax_uid != EXPLICIT_BIG_ENDIAN)
    group = int.from_bytes(first_element[:2], "little")
    return Encoding(is_implicit, is_implicit or group < SMALLEST_SWAPPED_GROUP)


def _is_vr(two: bytes) -> bool:
    return len(two) == 2 and two.isalpha() and two.isupper()
