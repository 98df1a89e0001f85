"""The example files of other tools, read."""

from datetime import date
from pathlib import Path

from cli.ignore_files import FORMATS
from cli.ignore_files.rules import IgnoreRule, Rule, SkippedRule

EXAMPLES = Path(__file__).parent / "examples"
TODAY = date(2026, 11, 23)


def rules_of(format_: str, text: str) -> list[Rule]:
    """Return the rules of a text, which is called FILE."""
    return FORMATS[format_](text, "FILE")


def example(format_: str, name: str) -> list[Rule]:
    """Return the rules of an example."""
    return rules_of(format_, (EXAMPLES / name).read_text("utf-8"))


def ignored(rules: list[Rule]) -> list[IgnoreRule]:
    """Return what becomes entries."""
    return [each for each in rules if isinstance(each, IgnoreRule)]


def skipped(rules: list[Rule]) -> list[tuple[int, str, str]]:
    """Return what does not, with line and reason."""
    return [(each.line, each.what, each.why) for each in rules if isinstance(each, SkippedRule)]
