"""Content-Type and Content-Disposition: one grammar (RFC 2045), and the boundary in it (RFC 2046)."""

import re
from dataclasses import dataclass

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - a grammar's word (RFC 9110, 5.6.2), no secret
# The documented header has type=application/dicom without quotes, which strictly needs them: allow "/" there.
LOOSE_VALUE = r"[!#$%&'*+.^_`|~0-9A-Za-z/-]+"
PARAMETER = re.compile(rf'[ \t]*;[ \t]*({TOKEN})=(?:"((?:[^"\\\r\n]|\\.)*)"|({LOOSE_VALUE}))')
VALUE = re.compile(rf"[ \t]*({TOKEN}(?:/{TOKEN})?)")
BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")  # RFC 2046, 5.1.1


class Malformed(ValueError):
    """A header or a body that breaks its grammar; the text says what, without quoting what was sent."""


@dataclass(frozen=True)
class Field:
    """A header's value and its parameters; the value and the parameters' names in lower case."""

    value: str
    parameters: dict[str, str]


def parse_field(text: str) -> Field:
    """Read ``value; name=word; name="quoted"`` to its end; or raise ``Malformed``."""
    start = VALUE.match(text)
    if not start:
        raise Malformed("does not begin with a value")
    parameters: dict[str, str] = {}
    position = start.end()
    while match := PARAMETER.match(text, position):
        name = match[1].lower()
        if name in parameters:
            raise Malformed(f"has the parameter {name} twice")
        parameters[name] = match[3] if match[2] is None else re.sub(r"\\(.)", r"\1", match[2])
        position = match.end()
    if text[position:].strip(" \t"):
        raise Malformed("has a parameter that cannot be read")
    return Field(start[1].lower(), parameters)


def boundary_of(field: Field) -> bytes:
    """Return the boundary of a multipart type; raise ``Malformed`` if it is missing or not allowed."""
    boundary = field.parameters.get("boundary", "")
    if not boundary:
        raise Malformed("Content-Type has no boundary.")
    if not BOUNDARY.fullmatch(boundary):
        raise Malformed("The boundary has a character or a length that RFC 2046 does not allow.")
    return boundary.encode("ascii")
