"""What can go wrong between us and Qure.

    QureFault
    ├── QureUnavailable       later: nothing is wrong with what was sent
    │   ├── QureNotReached    no byte of the body can have arrived
    │   ├── QureThrottled     429, or 503: Qure asks us to wait
    │   └── QureNoAnswer      outcome unknown: timeout, reset, 5xx, an answer that is none
    ├── QureRefused           never as it is: send less, or leave something out
    │   ├── QureNothingUsable 400, or "No DICOM files were uploaded!"
    │   └── QureTooLarge      413
    ├── QureUnauthorized      401, 403: an administrator must change the token
    └── QureMisconfigured     3xx, 404, certificate, address: an administrator must change a setting

Texts are fixed sentences: what requests or a server says may hold the token or a patient's data.
"""


class QureFault(Exception):
    """An attempt that ended without a receipt."""

    def __init__(
        self, sentence: str, status: int | None = None, text: str = "", attempted: bool = True
    ) -> None:
        super().__init__(sentence)
        self.status = status  # of HTTP, if there was an answer
        self.text = text  # the answer's body, capped
        self.attempted = attempted  # whether a byte of the body may have left


class QureUnavailable(QureFault):
    """Try again later."""


class QureNotReached(QureUnavailable):
    """No connection: nothing was sent."""


class QureThrottled(QureUnavailable):
    """Qure asks us to wait: ``retry_after`` seconds, if it says how long."""

    def __init__(self, sentence: str, status: int, text: str, retry_after: float | None) -> None:
        super().__init__(sentence, status, text)
        self.retry_after = retry_after


class QureNoAnswer(QureUnavailable):
    """Nobody knows what became of the request."""


class QureRefused(QureFault):
    """Qure will not take this request, however often it is sent."""


class QureNothingUsable(QureRefused):
    """Qure found no DICOM file in the request that it can use."""


class QureTooLarge(QureRefused):
    """The request is larger than Qure takes."""


class QureUnauthorized(QureFault):
    """Qure does not accept the token."""


class QureMisconfigured(QureFault):
    """The address or a setting is wrong; the sentence says what to mend."""
