"""The DICOM file header (PS3.10 7.1), for data sets that came without one."""

import struct
from typing import Final

PREAMBLE: Final = bytes(128)
MAGIC: Final = b"DICM"
IMPLEMENTATION_CLASS_UID: Final = "2.25.264393047381157028402951734908617358129"
IMPLEMENTATION_VERSION: Final = "QURE_PORTAL_1"
LONG_VRS: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})


def file_header(sop_class_uid: str, sop_uid: str, transfer_syntax_uid: str) -> bytes:
    """Preamble, prefix and file meta information: the same for the same three UIDs."""
    elements = (
        element(0x00020001, "OB", b"\x00\x01"),
        element(0x00020002, "UI", sop_class_uid.encode("ascii")),
        element(0x00020003, "UI", sop_uid.encode("ascii")),
        element(0x00020010, "UI", transfer_syntax_uid.encode("ascii")),
        element(0x00020012, "UI", IMPLEMENTATION_CLASS_UID.encode("ascii")),
        element(0x00020013, "SH", IMPLEMENTATION_VERSION.encode("ascii")),
    )
    group = b"".join(elements)
    return PREAMBLE + MAGIC + element(0x00020000, "UL", struct.pack("<L", len(group))) + group


def element(tag: int, vr: str, value: bytes) -> bytes:
    """One data element in explicit VR little endian (PS3.5 7.1.2), padded to an even length."""
    if len(value) % 2:
        value += b"\x00" if vr in {"UI", "OB", "UN"} else b" "
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode("ascii"))
    if vr in LONG_VRS:
        return head + struct.pack("<HL", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value
