"""Rows about workers that die: one for each numbered point on the way of an event."""

from collections.abc import Iterator

from tests.faults.matrix import Play, Repeats, Row, row
from tests.faults.world import World

POINTS = (
    "source.report",
    "objects.put_report",
    "images.put",
    "streams.read",
    "objects.put_state",
    "streams.write",
    "waker.wake",
    "copies.put",
    "rows.look_up",
    "rows.update",
    "objects.put_pinned",
    "receiver.send",
    "rows.close",
)
"""What is called on the way, in order: eight steps of an event, five of a notification."""
DOUBTFUL = ("after receiver.send", "before rows.close")
"""Whoever dies here sent it and did not say so."""
SHARE = 0.05


def _killed_at(point: str) -> Play:
    def play(world: World, volume: int) -> Iterator[str]:
        """What the worker had in hand is taken up by another one."""
        world.kill_at((point,), SHARE)
        world.push(volume)
        world.run()
        yield from ()

    return play


def _row(number: int, point: str) -> Row:
    when, call = point.split(" ")
    repeats = Repeats.ASKED_FOR if point in DOUBTFUL else Repeats.NEVER
    fault = f"{SHARE:.0%} are killed {when} `{call}`"
    return row(f"13.{number}", fault, 500, repeats=repeats)(_killed_at(point))


ROWS = tuple(
    _row(number, point)
    for number, point in enumerate(
        (f"{when} {call}" for call in POINTS for when in ("before", "after")), 1
    )
)
