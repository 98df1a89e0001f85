"""Rows about workers that die: one for each numbered point that an event or a delivery passes."""

from collections.abc import Callable, Iterator

from tests.faults.matrix import Repeats, row
from tests.faults.world import World

POINTS = (
    "states.image",
    "source.report",
    "reports.put",
    "states.commit",
    "waker.wake",
    "ledger.paused",
    "ledger.claim",
    "reports.get",
    "ledger.open_thread",
    "receiver.send",
    "ledger.sent",
)
"""What is called on the way, in order: five steps of an event, six of a delivery."""
DOUBTFUL = ("after receiver.send", "before ledger.sent")
"""Whoever dies here sent it and did not say so."""
SHARE = 0.05


def _killed_at(point: str) -> Callable[[World, int], Iterator[str]]:
    def play(world: World, volume: int) -> Iterator[str]:
        """What the worker had in hand is taken up by another one."""
        world.kills = lambda passed: passed == point and world.random.random() < SHARE
        world.push(volume)
        world.run()
        if volume > 100 and not world.process_scan.killed + world.deliver.killed:
            yield "nobody was killed"

    return play


for _number, _call in enumerate(POINTS):
    for _place, _when in enumerate(("before", "after")):
        _point = f"{_when} {_call}"
        row(
            f"13.{2 * _number + _place + 1}",
            f"5 % are killed {_when} `{_call}`",
            500,
            repeats=Repeats.ASKED_FOR if _point in DOUBTFUL else Repeats.NEVER,
        )(_killed_at(_point))
