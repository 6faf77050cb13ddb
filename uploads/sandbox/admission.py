"""What is decided on a request's headers alone, before a byte of its body is read."""

import hmac
from email.message import Message
from http import HTTPMethod

from uploads.sandbox.answers import Answer, bad_token, refusal
from uploads.sandbox.media import Malformed, boundary_of, parse_field
from uploads.sandbox.options import Options

DIGITS_MAX = 18  # of a Content-Length


def is_studies(path: str, options: Options) -> bool:
    """Whether a path is that of the one documented call."""
    return path == "/studies" or (path == "/studies/" and options.slash == "tolerant")


def refused(method: str, path: str, headers: Message, token: str, options: Options) -> Answer | None:
    """Return the answer to a request that is refused at the door, or None for one that may send its body."""
    if not is_studies(path, options):
        return refusal(404, "Not found.")
    if method != HTTPMethod.POST:
        return refusal(405, "Only POST is allowed.", ("Allow", "POST"))
    return (
        _refused_identity(headers, token, options)
        or _refused_content_type(headers, options)
        or _refused_length(headers, options)
    )


def _refused_identity(headers: Message, token: str, options: Options) -> Answer | None:
    given = headers.get_all("Authorization", [])
    schemes = ["Token", "Bearer"] if options.scheme == "any" else ["Token"]
    accepted = [f"{scheme} {token}".encode() for scheme in schemes]
    if len(given) != 1 or not any(hmac.compare_digest(_raw(given[0]), one) for one in accepted):
        return bad_token()
    if options.source and headers.get("Source") != options.source:
        return refusal(403, "The Source header is missing or wrong.")
    return None


def _refused_content_type(headers: Message, options: Options) -> Answer | None:
    try:
        field = parse_field(headers.get("Content-Type", ""))
    except Malformed:
        return refusal(415, "Content-Type is missing or cannot be read.")
    is_form = field.value == "multipart/form-data" and options.media == "any"
    is_related = (
        field.value == "multipart/related" and field.parameters.get("type", "").lower() == "application/dicom"
    )
    if not is_form and not is_related:
        return refusal(415, "Content-Type must be multipart/related with type=application/dicom.")
    try:
        boundary_of(field)
    except Malformed as e:
        return refusal(400, str(e))
    return None


def _refused_length(headers: Message, options: Options) -> Answer | None:
    lengths = headers.get_all("Content-Length", [])
    if "Transfer-Encoding" in headers or not lengths:
        return refusal(411, "The request must say its Content-Length.")
    length = lengths[0].strip()
    if len(lengths) > 1 or not (length.isascii() and length.isdigit() and len(length) <= DIGITS_MAX):
        return refusal(400, "Content-Length is not one number.")
    if int(length) > options.limit_bytes:
        return refusal(413, f"The payload is larger than {options.limit_bytes} bytes.")
    return None


def _raw(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")
