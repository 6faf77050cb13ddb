"""The sort of object behind a SOP class UID (PS3.4 B.5, PS3.6 A)."""

from typing import Final

from uploads.dicom.findings import Kind

STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
SECONDARY: Final = ("7",)  # secondary capture, single and multi-frame
REPORT: Final = ("88", "11")  # structured reports with KO and dose, presentation states
DOCUMENT: Final = ("104",)  # encapsulated PDF, CDA, STL, OBJ, MTL
IMAGE: Final = (
    *("1", "2", "3", "4", "5", "6", "20", "128", "130"),  # CR with DX MG IO, CT, US, MR, NM, US, NM, PET
    *("12", "13", "14"),  # XA and XRF, breast tomosynthesis, IVOCT
    *("77.1", "77.2", "481.1"),  # visible light, RT image
)
NOT_IMAGE: Final = frozenset({"4.2", "77.1.5.3"})  # spectroscopy, stereometric relationship
ROOTS: Final = (
    (Kind.IMAGE, IMAGE),
    (Kind.SECONDARY, SECONDARY),
    (Kind.REPORT, REPORT),
    (Kind.DOCUMENT, DOCUMENT),
)


def kind_of(sop_class_uid: str) -> Kind:
    """Classify a valid SOP class UID; what is not known is OTHER."""
    if not sop_class_uid.startswith(STORAGE):
        return Kind.OTHER
    suffix = sop_class_uid.removeprefix(STORAGE)
    if suffix in NOT_IMAGE:
        return Kind.OTHER
    return next((kind for kind, roots in ROOTS if _is_under(suffix, roots)), Kind.OTHER)


def _is_under(suffix: str, roots: tuple[str, ...]) -> bool:
    return any(suffix == root or suffix.startswith(f"{root}.") for root in roots)
