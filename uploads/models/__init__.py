"""The rows."""

from uploads.models.extents import Extent, extents_of_all, staged_bytes
from uploads.models.fields import SecretUnreadable
from uploads.models.inserting import insert_like
from uploads.models.jobs import (
    HOLDS_KEY,
    LEFT_OUT_AS_EXPECTED,
    MAY_COME_AGAIN,
    MAY_COME_FROM,
    MOVES_BY_ITSELF,
    File,
    Job,
    Kind,
    Parcel,
    Picture,
    Series,
    Source,
    take_turn,
)
from uploads.models.many import update_each
from uploads.models.notices import (
    Delivery,
    DeliveryAttempt,
    HookEvent,
    Notice,
    NoticeKind,
    NoticeSettings,
    Webhook,
    make_secret,
)
from uploads.models.patients import DeclaredSeries, DeclaredStudy, Patient
from uploads.models.relay import Attempt, Batch, ReceiptLine
from uploads.models.state import (
    IllegalMove,
    LostRace,
    StateChange,
    Stateful,
    advance_all,
    advance_each,
    record_birth,
)
from uploads.models.teams import (
    ApiToken,
    Destination,
    Membership,
    Team,
    make_token,
    token_digest,
    without_token,
)
from uploads.models.waiting import due_after

__all__ = [
    "HOLDS_KEY",
    "LEFT_OUT_AS_EXPECTED",
    "MAY_COME_AGAIN",
    "MAY_COME_FROM",
    "MOVES_BY_ITSELF",
    "ApiToken",
    "Attempt",
    "Batch",
    "DeclaredSeries",
    "DeclaredStudy",
    "Delivery",
    "DeliveryAttempt",
    "Destination",
    "Extent",
    "File",
    "HookEvent",
    "IllegalMove",
    "Job",
    "Kind",
    "LostRace",
    "Membership",
    "Notice",
    "NoticeKind",
    "NoticeSettings",
    "Parcel",
    "Patient",
    "Picture",
    "ReceiptLine",
    "SecretUnreadable",
    "Series",
    "Source",
    "StateChange",
    "Stateful",
    "Team",
    "Webhook",
    "advance_all",
    "advance_each",
    "due_after",
    "extents_of_all",
    "insert_like",
    "make_secret",
    "make_token",
    "record_birth",
    "staged_bytes",
    "take_turn",
    "token_digest",
    "update_each",
    "without_token",
]
