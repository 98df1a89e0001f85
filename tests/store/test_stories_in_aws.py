"""Stories played over the stores in DynamoDB and S3: they come out as over those in memory."""

from pathlib import Path
from typing import Any

import pytest

from cli.simulation.outcome import differences
from cli.simulation.player import Player
from cli.simulation.reading import read_story
from tests.support.thorough import THOROUGH

FOLDER = Path(__file__).parents[1] / "stories"
STORIES = (
    "10-pull-requests",
    "11-lost-answer",
    "20-flapping-severity",
    "35-program",
    "65-streams-divided",
    "187-one-image-in-two-streams-runs",
)
LONG = ("07-in-use", "32-fix-not-deployed") if THOROUGH else ()
"""A week each, in which every hour asks for what is due; story 187 does the same in nine hours."""


@pytest.mark.parametrize("name", [*STORIES, *LONG])
def test_a_story_comes_out_as_it_says(name: str, aws_streams: Any) -> None:
    """Through the real flows and the real stores, in virtual time."""
    story = read_story(FOLDER / f"{name}.yml")

    assert differences(story, Player(story, aws_streams).play()) == []
