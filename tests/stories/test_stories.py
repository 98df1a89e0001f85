"""Every story of this folder, played once: what is notified, in which words, and what is left."""

from pathlib import Path

import pytest

from cli.simulation.outcome import differences
from cli.simulation.player import Player
from cli.simulation.reading import read_story
from tests.support import golden
from tests.support.notices import sums_of, texts_of

STORIES = sorted(Path(__file__).parent.glob("*.yml"))
TEXTS = golden.TEXTS / "notices"


@pytest.mark.untraced
@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_a_story_comes_out_as_it_says(path: Path) -> None:
    """
    Through the real flows, in virtual time.

    The texts of its messages read as kept, and their numbers add up in vulnerabilities: shown,
    unchanged and left out are all that is open.
    """
    story = read_story(path)
    kept = TEXTS / f"{path.stem}.txt"

    played = Player(story).play()

    assert differences(story, played) == []
    assert [arrival for arrival in played.arrivals if len(sums_of(arrival)) > 1] == []
    if kept.exists():
        golden.compare(kept, texts_of(played.arrivals))
