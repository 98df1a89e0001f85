"""Every story of this folder, played: what is notified is what it expects."""

from pathlib import Path

import pytest

from cli.simulation.outcome import differences
from cli.simulation.player import Player
from cli.simulation.reading import read_story

STORIES = sorted(Path(__file__).parent.glob("*.yml"))


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_a_story_comes_out_as_it_says(path: Path) -> None:
    """Through the real flows, in virtual time."""
    story = read_story(path)

    assert differences(story, Player(story).play()) == []
