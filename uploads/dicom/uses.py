"""What an image is good for, by class, modality and words. static/js/reading/tree.js has the same rule."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from uploads.dicom.findings import Kind, Use

XRAYS: Final = frozenset({"CR", "DX", "DR", "RG"})
HEAD: Final = re.compile(
    r"HEAD|BRAIN|SKULL|CRANI|CEREB|NEURO|KOPF|SCHAEDEL|SCHADEL|HIRN|CABEZA|CRANEO|CEREBRO|TETE|CRANE|TESTA|ENCEF"
    r"|\bNCCT\b|\bCTH\b"
)
NOT_HEAD: Final = re.compile(r"NECK|CHEST|THORAX|ABDO|PELVI|SPINE|SINUS|FEMORAL HEAD|HUMERAL HEAD")
CHEST: Final = re.compile(r"CHEST|THORA|TORAX|LUNG|PULMO|POUMON|PECHO|\bCXR\b|\bRX TX\b")
SCOUT: Final = re.compile(r"SCOUT|TOPO|LOCALI[SZ]|SURVIEW|SCANOGRAM|PILOT|SCANO\b")
DOSE: Final = re.compile(r"DOSE|EXAM PROTOCOL|PATIENT PROTOCOL")
PICTURES: Final = frozenset({Kind.IMAGE, Kind.SECONDARY})


@lru_cache(maxsize=256)  # the images of a series say the same
def use_of(kind: Kind, modality: str, image_type: str, description: str, words: str, study: str) -> Use:
    """Say what an image is good for.

    ``words``: body part, series description and protocol; ``study``: the study's description.
    """
    words = _plain(words)
    wider = f"{words} {_plain(study)}"
    if kind is Kind.REPORT or modality == "SR":
        return Use.REPORT
    if kind not in PICTURES:
        return Use(kind.value)
    if "LOCALIZER" in image_type or (modality == "CT" and SCOUT.search(words)):
        return Use.SCOUT
    is_dose = bool(DOSE.search(_plain(description)))
    is_chest = modality in XRAYS and bool(CHEST.search(wider)) and not (kind is Kind.SECONDARY and is_dose)
    if is_chest:
        return Use.CHEST_XRAY
    if kind is Kind.SECONDARY or DOSE.search(words):
        return Use.SECONDARY
    is_head = modality == "CT" and HEAD.search(wider) and not NOT_HEAD.search(words)
    return Use.HEAD_CT if is_head else Use.IMAGE


def _plain(text: str) -> str:
    """In capitals, without accents, with spaces for underscores."""
    decomposed = unicodedata.normalize("NFD", text)
    letters = "".join(letter for letter in decomposed if not unicodedata.category(letter).startswith("M"))
    return letters.upper().replace("_", " ")
