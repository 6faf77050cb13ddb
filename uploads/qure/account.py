"""A Qure account, as the client needs to know it."""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from uploads.qure.errors import QureMisconfigured

WORD: Final = re.compile(r"[!-~]+")
WORDS: Final = re.compile(r"[!-~]+( +[!-~]+)*")  # a field value of ASCII (RFC 9110, 5.5)


@dataclass(frozen=True)
class Account:
    """Base URL, token and source come together from Qure. Times are in seconds."""

    base_url: str
    token: str = field(repr=False)
    source: str = ""
    scheme: str = "Token"
    user_agent: str = "qure-upload-portal"
    connect_timeout: float = 10
    stall_timeout: float = 60  # no progress while sending
    answer_timeout: float = 300  # until the answer is read
    ca_bundle: str | None = None

    def headers(self) -> dict[str, str]:
        """The headers that say who we are. Raises :class:`QureMisconfigured` for what no header can carry."""
        if not WORD.fullmatch(self.token):
            sentence = "The token is empty or holds characters that a token can't have."
            raise QureMisconfigured(sentence, attempted=False)
        if self.source and not WORDS.fullmatch(self.source):
            raise QureMisconfigured("The source holds characters that it can't have.", attempted=False)
        if not WORD.fullmatch(self.scheme) or not WORDS.fullmatch(self.user_agent):
            sentence = "The scheme or the user agent holds characters that it can't have."
            raise QureMisconfigured(sentence, attempted=False)
        headers = {"Authorization": f"{self.scheme} {self.token}", "User-Agent": self.user_agent}
        return headers | ({"Source": self.source} if self.source else {})


def studies_url(base_url: str) -> str:
    """The base URL and the word ``studies``, joined by exactly one slash.

    Raises :class:`QureMisconfigured` for an address that can't be sent to.
    """
    if not _is_usable(base_url):
        sentence = "The address is not one that can be sent to; it must look like https://api.example.com/."
        raise QureMisconfigured(sentence, attempted=False)
    return base_url.rstrip("/") + "/studies"


def _is_usable(base_url: str) -> bool:
    """A name or a number, a port perhaps, a path perhaps; no user, which would replace the token."""
    if not WORD.fullmatch(base_url):
        return False
    try:
        parts = urlsplit(base_url)
        is_port_usable = parts.port != 0
    except ValueError:
        return False
    is_plain = not any(mark in base_url for mark in "@?#\\")
    return parts.scheme in ("http", "https") and bool(parts.hostname) and is_plain and is_port_usable
