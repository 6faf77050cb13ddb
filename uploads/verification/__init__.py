"""What must hold after any accident, asked of the database, the storage and, where it can be, the receiver.

The numbers are those of the invariants in docs/design.md. Each check yields a sentence for each violation;
sentences name rows by their primary keys and objects by their names, which are made of ids, never by what is
in them. Checks read in pieces: a portal that has sent millions of files can be verified while it works.

delivery   1, 3, 4, 7   what was sent, and what Qure's receipts prove
receiver   1, 10        what Qure has, where it can be asked
waiting    2, 5         nothing is forgotten
counts     11           no row is gone
breaker    12           a closed destination is left in peace
staging    6            bytes are there as long as they are needed
trail      8            how each row came to its status
gate       9            whose images leave
"""

from collections.abc import Callable, Mapping
from typing import Final

from uploads.verification.breaker import closed_destinations_see_probes_only
from uploads.verification.counts import no_file_of_a_job_is_gone
from uploads.verification.delivery import (
    accepted_files_have_a_receipt,
    attempts_are_in_order,
    batches_fit_the_limit,
    complete_series_are_proven,
    receipts_say_what_was_noted,
)
from uploads.verification.gate import no_file_of_an_unconfirmed_patient_leaves
from uploads.verification.pieces import Violations
from uploads.verification.receiver import (
    Instance,
    accepted_files_are_in_the_receiver,
    the_receiver_holds_nothing_else,
)
from uploads.verification.staging import (
    slices_are_of_their_file,
    staged_bytes_are_kept_as_long_as_needed,
    staged_bytes_are_unchanged,
    staging_holds_nothing_else,
)
from uploads.verification.trail import (
    every_move_was_made_by_somebody,
    every_status_is_where_its_trail_ends,
)
from uploads.verification.waiting import (
    every_file_is_accounted_for,
    files_are_as_far_as_their_batches,
    nothing_waits_without_a_time,
)

__all__ = ["CHECKS", "CHECKS_OF_THE_RECEIVER"]

CHECKS: Final[tuple[Callable[[], Violations], ...]] = (
    accepted_files_have_a_receipt,
    receipts_say_what_was_noted,
    every_file_is_accounted_for,
    files_are_as_far_as_their_batches,
    complete_series_are_proven,
    batches_fit_the_limit,
    nothing_waits_without_a_time,
    staged_bytes_are_kept_as_long_as_needed,
    staged_bytes_are_unchanged,
    slices_are_of_their_file,
    staging_holds_nothing_else,
    attempts_are_in_order,
    every_status_is_where_its_trail_ends,
    every_move_was_made_by_somebody,
    no_file_of_an_unconfirmed_patient_leaves,
    no_file_of_a_job_is_gone,
    closed_destinations_see_probes_only,
)
# Each is told how often each instance came to the receiver.
CHECKS_OF_THE_RECEIVER: Final[tuple[Callable[[Mapping[Instance, int]], Violations], ...]] = (
    accepted_files_are_in_the_receiver,
    the_receiver_holds_nothing_else,
)
