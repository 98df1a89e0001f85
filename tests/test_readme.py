"""README.md says what is there: commands, metrics, receivers, links."""

import re
from pathlib import Path

import pytest

from cli.commands import COMMANDS
from lib.observability import Metric

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def rows_of(text: str) -> set[str]:
    """Return the first word in code of every table row."""
    return set(re.findall(r"^\| `([A-Za-z0-9-]+)", text, re.MULTILINE))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_row(name: str) -> None:
    """A command that nobody can read about does not exist."""
    assert name in rows_of(README)


def test_the_metrics_table_lists_the_metrics() -> None:
    """Every metric has a row, and every row is a metric."""
    table = README.split("`EcrScanAlerts`")[1].split("Alarms:")[0]

    assert rows_of(table) == {each.value for each in Metric}


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_links_lead_somewhere(document: str) -> None:
    """Every relative link and image names a file of this repository."""
    text = (ROOT / document).read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#]+)\)", text)
    local = [each for each in targets if "://" not in each]

    assert [each for each in local if not (ROOT / each).exists()] == []
