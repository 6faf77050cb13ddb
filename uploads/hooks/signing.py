"""How a call is signed, so that its receiver can tell that it is ours, whole and fresh."""

import hashlib
import hmac
from typing import Final

HEADER: Final = "Portal-Signature"


def signature(secret: str, body: bytes, timestamp: int) -> str:
    """``t=<seconds>,v1=<HMAC-SHA256 of "<seconds>.<body>", hexadecimal>``."""
    code = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"t={timestamp},v1={code.hexdigest()}"
