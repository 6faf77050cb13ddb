"""Parts to send, and the yardstick: the same parts as ``MultipartEncoder`` writes them."""

import io
from collections.abc import Sequence
from functools import partial
from typing import BinaryIO

from requests_toolbelt import MultipartEncoder

from uploads.qure.account import Account
from uploads.qure.body import Part

TOKEN = "canary-7f3a9c-token"


def part_of(content: bytes, name: str = "000001.dcm") -> Part:
    """A part that is held in memory."""
    return Part(name, len(content), partial(_stream, content))


def parts_of(*contents: bytes) -> list[Part]:
    """Parts with names as the portal gives them."""
    return [part_of(content, f"{number:06d}.dcm") for number, content in enumerate(contents, start=1)]


def encoder_of(parts: Sequence[Part], boundary: str) -> MultipartEncoder:
    """The body as the API document's sample makes it."""
    fields = [(part.name, (part.name, part.open(), "application/dicom")) for part in parts]
    return MultipartEncoder(fields, boundary=boundary)


def account_at(base_url: str, **values: object) -> Account:
    """An account whose clocks are short."""
    clocks = {"connect_timeout": 5.0, "stall_timeout": 5.0, "answer_timeout": 5.0}
    return Account(**{"base_url": base_url, "token": TOKEN, **clocks, **values})  # type: ignore[arg-type]  # by name


def _stream(content: bytes) -> BinaryIO:
    return io.BytesIO(content)
