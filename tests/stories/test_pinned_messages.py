"""Pinned messages of the stories: what they speak of, and what they were compared with."""

from pathlib import Path

from cli.simulation.player import Player
from cli.simulation.reading import read_story
from lib.models.views import PinnedMessage

STORIES = Path(__file__).parent


def pinned(name: str) -> list[PinnedMessage]:
    """Return the messages of a story in their order."""
    performance = Player(read_story(next(STORIES.glob(f"{name}-*.yml")))).play()
    return [arrival.message for arrival in performance.arrivals]


def test_a_message_names_what_its_view_agreed_with() -> None:
    """The first one agreed with nothing; the next one names the current image of then."""
    first, last = pinned("01")

    assert first.before is None
    assert last.before is not None
    assert last.before.current is not None
    assert last.before.current.tags == ("1.1",)


def test_a_message_says_why_the_rest_that_is_open_is_not_in_it() -> None:
    """Everything open is reported, suppressed or refused with a reason."""
    for message in pinned("06"):
        left_out = {*message.refused, *message.delta.agreement.suppressed}
        assert left_out.isdisjoint(message.delta.after)
        assert set(message.state.lifecycles) <= left_out | set(message.delta.after)
