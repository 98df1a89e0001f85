"""`simulate`: plays a story in virtual time, and shows who is notified of what, when and why."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cli.simulation.outcome import condition_part, differences, label, lines, vulnerabilities
from cli.simulation.player import Performance, Player
from cli.simulation.reading import read_story
from cli.simulation.receivers import Arrival
from cli.simulation.story import Story
from cli.terminal import complain, print_table, say, working
from lib.models.views import DeltaItem
from lib.text import counted

HELP = "play a story: who would be notified of what, when and why"
DESCRIPTION = (
    "Play a story of pushes, scans, tags, rules and receivers (schemas/story-1.0.0.json) through "
    "the program itself, in virtual time. Each message is shown with its reasons, and at the end "
    "what each destination shows. Nothing is sent, and AWS is not called. With --check, exit code "
    "1 when the result differs from what the story expects."
)
_TIME: Final = "%Y-%m-%d %H:%M:%S"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("file", metavar="STORY", help="a story in YAML")
    parser.add_argument("--check", action="store_true", help="compare with what the story expects")
    parser.add_argument(
        "--format",
        choices=("json", "text"),
        default="text",
        help="json: one line for each message, and one with what each destination shows at the end",
    )


def run(options: argparse.Namespace) -> int:
    """Play the story, and print what comes of it. Raises `ConfigError` for a wrong story."""
    story = read_story(Path(options.file))
    with working("playing"):
        played = Player(story).play()
    if options.format == "json":
        for line in lines(story, played):
            print(json.dumps(line))
    else:
        say(story.title, style="bold")
        _print_messages(story, played.arrivals)
        _print_views(story, played)
    problems = differences(story, played) if options.check else []
    complain(*(f"{options.file}: {problem}" for problem in problems))
    if options.check and options.format == "text" and not problems:
        say(f"{options.file}: comes out as expected")
    return int(bool(problems))


def _print_messages(story: Story, arrivals: Sequence[Arrival]) -> None:
    streams = {arrival.row.stream for arrival in arrivals}
    for arrival in arrivals:
        quiet = " (quiet: brought up to date without a message)" if arrival.message.quiet else ""
        about = label(arrival.row.stream, streams, story)
        current = arrival.message.state.current
        image = f", {current.image.name}" if current is not None else ""
        say()
        say(f"{arrival.at.strftime(_TIME)}  {arrival.row.destination}: {about}{image}{quiet}")
        for item in arrival.message.delta.items:
            say(f"- {item.kind} {_subject(item)}: {item.reason}")
    say()
    say(counted(len(arrivals), "message"))


def _subject(item: DeltaItem) -> str:
    """Return what an item is about: a vulnerability with its severity, or a part of the image."""
    if item.item.condition is None:
        return f"{item.item.id} {item.item.severity.name}"
    return condition_part(item) or "the image"


def _print_views(story: Story, played: Performance) -> None:
    rows = [
        (
            destination,
            label(stream, views, story),
            ", ".join(sorted(vulnerabilities(view))) or "nothing",
        )
        for destination, views in sorted(played.views.items())
        for stream, view in sorted(views.items())
    ]
    if rows:
        say()
        print_table(("DESTINATION", "STREAM", "SHOWS AT THE END"), rows)
