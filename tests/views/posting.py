"""A script's request to ``POST /studies``, encoded as the seed's sample encodes it."""

from collections.abc import Sequence
from typing import Final

from django.test import Client
from requests_toolbelt.multipart.encoder import MultipartEncoder

from tests.views.browser import Answer, answer_of, client_of

Parts = Sequence[tuple[str, bytes]]
TYPE: Final = "multipart/related; type=application/dicom; boundary={}"


def encode(parts: Parts) -> tuple[bytes, str]:
    """The body and its content type; names may be equal."""
    fields = [(name, (name, content, "application/dicom")) for name, content in parts]
    encoder = MultipartEncoder(fields)
    return encoder.read(), TYPE.format(encoder.boundary_value)


def post(token: str, parts: Parts, client: Client | None = None, **headers: str) -> Answer:
    """Send files as a script does; ``headers`` are others than those of the sample."""
    body, content_type = encode(parts)
    return post_body(token, body, content_type, client, **headers)


def post_body(
    token: str, body: bytes, content_type: str, client: Client | None = None, **headers: str
) -> Answer:
    """Send a body that need not be what its type says."""
    response = (client or client_of(None)).post(
        "/studies", body, content_type=content_type, headers={"Authorization": f"Token {token}", **headers}
    )
    return answer_of(response)
