"""Findings go through a pipe and come out the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploads.dicom.findings import (
    Finding,
    Flag,
    Identity,
    Kind,
    MalformedFinding,
    Outcome,
    from_json,
    to_json,
)
from uploads.reasons import Reason

IDENTITIES = st.builds(Identity, kind=st.sampled_from(Kind))
FINDINGS = st.builds(
    Finding,
    outcome=st.sampled_from(Outcome),
    reason=st.none() | st.sampled_from(Reason),
    identity=st.none() | IDENTITIES,
    wrapper=st.binary(),
    flags=st.tuples() | st.tuples(st.sampled_from(Flag)),
)


@given(FINDINGS)
def test_a_finding_survives_the_pipe_as_one_line(finding: Finding) -> None:
    line = to_json(finding)

    assert "\n" not in line
    assert line.isascii()
    assert from_json(line) == finding


@pytest.mark.parametrize(
    "line",
    [
        "",
        "null",
        "[]",
        "{}",
        "not JSON",
        '["valid", null, null, ""]',
        '["perfect", null, null, "", []]',
        '["valid", "because", null, "", []]',
        '["valid", null, ["1.2"], "", []]',
        '["valid", null, [1, 2, 3, 4, 5, 6, 7, 8, "image"], "", []]',
        '["valid", null, null, "not base64!", []]',
        '["valid", null, null, 5, []]',
        "[" * 100_000,
    ],
)
def test_anything_else_is_malformed(line: str) -> None:
    with pytest.raises(MalformedFinding):
        from_json(line)
