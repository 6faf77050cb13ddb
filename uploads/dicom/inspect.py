"""One outcome for every file, whatever it is."""

import warnings
from typing import Final

from uploads.dicom.findings import Finding, Flag, Identity, Kind, Outcome
from uploads.dicom.header import (
    DIRECTORY_RECORDS,
    HEAD_BYTES,
    MEDIA_STORAGE_SOP_CLASS,
    SOP_CLASS,
    UNDEFINED,
    Header,
    is_overload,
    read_header,
)
from uploads.dicom.identity import fault_of_uids, has_undecodable_text, identity_of
from uploads.dicom.layout import Layout, has_executable_preamble, layout_of
from uploads.dicom.pixels import has_all_pixels
from uploads.dicom.source import Source
from uploads.dicom.wrapping import file_header
from uploads.reasons import Reason

MEDIA_STORAGE_DIRECTORY: Final = "1.2.840.10008.1.3.10"
DICOM_ROOT: Final = "1.2.840.10008."  # every SOP class of the standard begins so
DATA_SET_STARTS: Final = (b"\x08\x00", b"\x00\x08")  # group 0008, little and big endian
SEARCHED_BYTES: Final = 4096  # where a damaged data set names its SOP class, if it is one

NOT_DICOM: Final = Finding(Outcome.IGNORED, Reason.NOT_DICOM)
NEEDS_PIXELS: Final = frozenset({Kind.IMAGE, Kind.SECONDARY})


def inspect(source: Source) -> Finding:
    """Look at a file's header and at the length of its pixels. Never raises: a failure is a reason.

    Reads 64 KiB, and more only where the header is longer or the pixels are in pieces.
    """
    if source.size == 0:
        return _rejected(Reason.EMPTY)
    head = source.pread(0, HEAD_BYTES)
    layout = layout_of(head)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's warnings quote values
        finding = _inspect(source, head, layout)
    if layout.has_file_header and has_executable_preamble(head):
        return Finding(Outcome.QUARANTINED, Reason.EXECUTABLE_PREAMBLE, finding.identity)
    return finding


def _inspect(source: Source, head: bytes, layout: Layout) -> Finding:
    if layout.meta_at is None and not head.startswith(DATA_SET_STARTS):
        return NOT_DICOM
    try:
        return _judge(read_header(source, head, layout.meta_at), layout)
    except Exception as e:  # pydicom raises whatever its parts raise: eight types in 60,000 damaged files
        if is_overload(e):
            return _rejected(Reason.TOO_COMPLEX)
        is_dicom = layout.has_file_header or DICOM_ROOT.encode() in head[:SEARCHED_BYTES]
        return _rejected(Reason.UNREADABLE_HEADER) if is_dicom else NOT_DICOM


def _judge(header: Header, layout: Layout) -> Finding:
    if _is_directory(header):
        return Finding(Outcome.IGNORED, Reason.DICOMDIR)
    fault = fault_of_uids(header)
    if fault and not layout.has_file_header and not header.text(SOP_CLASS).startswith(DICOM_ROOT):
        return NOT_DICOM  # nearly everything reads as DICOM when it is forced
    if fault:
        return _rejected(fault)
    identity = identity_of(header)
    if not _is_syntax_known(header, layout):
        return _rejected(Reason.UNREADABLE_HEADER, identity)
    if not has_all_pixels(header, identity.kind in NEEDS_PIXELS):
        return _rejected(Reason.TRUNCATED_PIXELS, identity)
    flags = (Flag.UNDECODABLE_TEXT,) if has_undecodable_text(header) else ()
    return Finding(Outcome.VALID, None, identity, _wrapper(identity, layout), flags)


def _is_directory(header: Header) -> bool:
    sop_class_uid = header.text(MEDIA_STORAGE_SOP_CLASS)
    return sop_class_uid == MEDIA_STORAGE_DIRECTORY or DIRECTORY_RECORDS in header.values


def _is_syntax_known(header: Header, layout: Layout) -> bool:
    """Whether a header can be put in front: what compressed the pixels can't be guessed.

    A file with a header is sent as it is.
    """
    if layout.has_file_header or header.transfer_syntax_uid:
        return True
    return layout.meta_at is None and (header.pixels is None or header.pixels.length != UNDEFINED)


def _wrapper(identity: Identity, layout: Layout) -> bytes:
    if layout.meta_at is not None:
        return layout.prefix
    return file_header(identity.sop_class_uid, identity.sop_uid, identity.transfer_syntax_uid)


def _rejected(reason: Reason, identity: Identity | None = None) -> Finding:
    return Finding(Outcome.REJECTED, reason, identity)
