"""Every story of this folder, played once: what is notified, in which words, and what is left."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.simulation.outcome import differences
from cli.simulation.player import Player
from cli.simulation.reading import read_story
from tests.support import golden
from tests.support.notices import sums_of, texts_of

STORIES = sorted(Path(__file__).parent.glob("*.yml"))
TEXTS = golden.TEXTS / "notices"


def traced_once(paths: Iterable[Path]) -> Iterator[Any]:
    """Yield stories, without the tracer of coverage where all their words were in earlier ones."""
    words: set[str] = set()
    for path in paths:
        own = set(re.findall(r"(\w+):", path.read_text("utf-8")))
        marks = () if own - words else (pytest.mark.untraced,)
        yield pytest.param(path, id=path.stem, marks=marks)
        words |= own


@pytest.mark.parametrize("path", [*traced_once(STORIES)])
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
