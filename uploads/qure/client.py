"""The client of the Qure API: one request, one answer or one named fault. It repeats nothing."""

import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import certifi
import requests
import urllib3

from uploads.qure.account import Account, studies_url
from uploads.qure.answers import Answer, parse, says_unauthorized
from uploads.qure.body import MultipartBody, Part
from uploads.qure.errors import (
    QureFault,
    QureMisconfigured,
    QureNoAnswer,
    QureNothingUsable,
    QureNotReached,
    QureThrottled,
    QureTooLarge,
    QureUnauthorized,
)
from uploads.qure.retry_after import retry_after_seconds
from uploads.qure.sending import Abandoned, Outgoing
from uploads.qure.transport import Adapter, AnswerTooLong, Line, read_answer

WRONG_ADDRESS: Final = (404, 405, 410, 415)
BROKEN: Final = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
UNUSABLE_ADDRESS: Final = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    urllib3.exceptions.LocationValueError,
)
HIDDEN: Final = "[token]"
SECRET_LENGTH: Final = 8  # a shorter token may be a word of the answer
# A line that ends in the middle of a handshake may stand tomorrow.
TLS_CUT: Final = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


class Client:
    """Speaks to one account. Not to be shared between threads."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._adapter = Adapter(Line(account.stall_timeout, account.answer_timeout))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._adapter.close()

    def send(self, parts: Sequence[Part], on_progress: Callable[[int], None] | None = None) -> Answer:
        """POST the parts to ``studies`` and read the answer. Raises :class:`QureFault`.

        ``on_progress`` gets the bytes of the body that the line took so far. What it raises, or a part while
        it is opened or read, abandons the request and comes out of here as it is; so does ``PartChanged``.
        The connection is kept only after an answer that is a receipt.
        """
        body = MultipartBody(parts)
        outgoing = Outgoing(body, on_progress)
        is_done = False
        try:
            answer = self._attempt(body, outgoing)
            is_done = True
            return answer
        finally:
            outgoing.close()
            body.close()
            if not is_done:
                self.close()

    def _attempt(self, body: MultipartBody, outgoing: Outgoing) -> Answer:
        error: Exception
        try:
            return self._exchange(body, outgoing)
        except QureFault:
            raise
        except (Abandoned, AnswerTooLong, *BROKEN) as e:
            error = e
        if outgoing.raised is not None:
            raise outgoing.raised
        raise _transport_fault(error, attempted=outgoing.begun) from None

    def _exchange(self, body: MultipartBody, outgoing: Outgoing) -> Answer:
        account = self.account
        headers = {"Content-Type": body.content_type, **account.headers()}
        url, ca_bundle = studies_url(account.base_url), _ca_bundle(account)
        with self._adapter.post(url, outgoing, headers, account.connect_timeout, ca_bundle) as response:
            text = _without_token(read_answer(response), account.token)
            return _judge(response, text, outgoing.is_complete)


def _ca_bundle(account: Account) -> str:
    bundle = account.ca_bundle or certifi.where()
    if not Path(bundle).exists():
        raise QureMisconfigured("The file of trusted certificates is not there.", attempted=False)
    return bundle


def _without_token(text: str, token: str) -> str:
    """An answer is kept whole, but for a token that it repeats."""
    return text.replace(token, HIDDEN) if len(token) >= SECRET_LENGTH else text


def _judge(response: requests.Response, text: str, is_complete: bool) -> Answer:
    """The status decides first, the message second."""
    status = response.status_code
    if 200 <= status < 300:
        if not is_complete:
            raise QureNoAnswer("Qure answered before it had everything.", status, text)
        return parse(status, text)
    if status in (429, 503):
        wait = retry_after_seconds(response.headers.get("Retry-After"), response.headers.get("Date"))
        raise QureThrottled("Qure asks us to wait.", status, text, wait)
    raise _refusal(status, text)


def _refusal(status: int, text: str) -> QureFault:
    if status in (401, 403) or (status == 400 and says_unauthorized(text)):
        return QureUnauthorized("Qure does not accept the token.", status, text)
    if status == 400:
        return QureNothingUsable("Qure found no usable DICOM file in the request.", status, text)
    if status == 413:
        return QureTooLarge("Qure says that the request is too large.", status, text)
    if 300 <= status < 400:
        sentence = (
            "Qure's address redirects elsewhere. Enter the address that it redirects to, if it is Qure's."
        )
        return QureMisconfigured(sentence, status, text)
    if status in WRONG_ADDRESS:
        sentence = "There is no upload service at this address. Check the base URL."
        return QureMisconfigured(sentence, status, text)
    return QureNoAnswer("Qure answered with an error.", status, text)


def _transport_fault(error: Exception, attempted: bool) -> QureFault:
    """Name what broke. What happens before the first byte of the body is known not to have arrived."""
    if attempted:
        return QureNoAnswer("The connection to Qure broke before an answer.")
    causes = _causes(error)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return QureMisconfigured("Qure's certificate can't be trusted. Nothing was sent.", attempted=False)
    if any(isinstance(cause, ssl.SSLError) and not isinstance(cause, TLS_CUT) for cause in causes):
        sentence = "No secure connection to Qure's address is possible. Nothing was sent."
        return QureMisconfigured(sentence, attempted=False)
    if isinstance(error, requests.exceptions.InvalidHeader):
        return QureMisconfigured("A setting holds characters that it can't have.", attempted=False)
    if isinstance(error, UNUSABLE_ADDRESS):
        return QureMisconfigured("The address is not one that can be sent to.", attempted=False)
    return QureNotReached("Qure could not be reached.", attempted=False)


def _causes(error: BaseException) -> list[BaseException]:
    """The error and all that it wraps: requests and urllib3 keep the reason in four places."""
    found: list[BaseException] = []
    todo: list[object] = [error]
    while todo:
        current = todo.pop()
        if not isinstance(current, BaseException) or any(current is known for known in found):
            continue
        found.append(current)
        reason = getattr(current, "reason", None)  # of urllib3's MaxRetryError
        todo += [current.__cause__, current.__context__, reason, *current.args]
    return found
