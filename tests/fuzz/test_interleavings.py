"""Whatever happens in whatever order, every invariant holds after every step, and all comes to rest."""

import hypothesis
import pytest
from hypothesis.stateful import run_state_machine_as_test

from tests.fuzz.conftest import Count
from tests.fuzz.interleavings import Interleavings

EXAMPLES = 10
STEPS = 15


@pytest.mark.django_db
def test_whatever_happens_in_whatever_order_nothing_is_lost_and_all_comes_to_rest(
    times: Count, seed: int
) -> None:
    settings = hypothesis.settings(
        max_examples=times(EXAMPLES), stateful_step_count=STEPS, deadline=None, database=None
    )
    run_state_machine_as_test(hypothesis.seed(seed)(Interleavings), settings=settings)
