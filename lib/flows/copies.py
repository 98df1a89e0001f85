"""
The copies of streams for readers, written once their rows are.

    a sync            -> the copy is written where the state is another one
    the daily pass    -> also where an earlier write was lost
"""

from lib.core.current import current_copy
from lib.flows.syncs import SyncOutcome
from lib.models.streams import StreamState
from lib.ports.current import CurrentCopies


class CopyWriter:
    """Keeps the copies of streams up to date."""

    def __init__(self, copies: CurrentCopies) -> None:
        self._copies = copies

    def follow(self, outcome: SyncOutcome, *, compares: bool = False) -> bool:
        """
        Write the copy of a stream that a sync changed, and return whether it was written.

        `compares`: ask for the version of the copy where the sync changed nothing. Of two writers
        at once the older can be the last: a later call that compares finds that. Raises
        `StoreError`; alerts should be on their way by then.
        """
        state = outcome.state
        if state is None or not (outcome.advanced or (compares and self._is_behind(state))):
            return False
        self._copies.put(current_copy(state, outcome.tags))
        return True

    def _is_behind(self, state: StreamState) -> bool:
        current = state.version if state.images else None
        return self._copies.version(state.stream) != current
