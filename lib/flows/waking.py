"""Every minute: what is due is woken, so that no destination keeps another one waiting."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain, islice, zip_longest
from typing import Final

from lib.core.retries import wake_again
from lib.models import Destination, WakeUp
from lib.ports.queues import Waker
from lib.ports.streams import NotificationStore

LIMIT: Final = 1000
"""Wake-ups of one sweep."""
_ByDestination = Mapping[Destination, Sequence[WakeUp]]


def wake_due(
    rows: NotificationStore,
    waker: Waker,
    *,
    now: datetime,
    has_pace: Callable[[Destination], bool],
    limit: int = LIMIT,
) -> int:
    """
    Wake the notifications that are due or whose worker died, `limit` at most; return how many.

    Each destination has its share, one in turn: the thousands that wait for one after its outage
    keep nobody else waiting. What was woken steps back behind the others. A quiet one waits until
    no loud one of its destination is due; of those to a receiver with a pace one is woken, which
    makes 60 an hour.
    """
    loud, quiet = _waiting(rows.due(now=now))
    for destination in quiet.keys() - loud.keys():
        most = 1 if has_pace(destination) else None
        loud[destination] = quiet[destination][:most]
    chosen = tuple(islice(_in_turn(loud), limit))
    waker.wake(chosen)
    again_at = {name: now + wake_again(len(due)) for name, due in loud.items()}
    rows.woken([(wake_up, again_at[wake_up.destination]) for wake_up in chosen])
    return len(chosen)


def _waiting(
    wake_ups: Iterable[WakeUp],
) -> tuple[dict[Destination, list[WakeUp]], dict[Destination, list[WakeUp]]]:
    """Return what waits for each destination, loud and quiet."""
    loud: dict[Destination, list[WakeUp]] = defaultdict(list)
    quiet: dict[Destination, list[WakeUp]] = defaultdict(list)
    for wake_up in wake_ups:
        (quiet if wake_up.quiet else loud)[wake_up.destination].append(wake_up)
    return dict(loud), dict(quiet)


def _in_turn(waiting: _ByDestination) -> Iterable[WakeUp]:
    turns = chain.from_iterable(zip_longest(*waiting.values()))
    return (wake_up for wake_up in turns if wake_up is not None)
