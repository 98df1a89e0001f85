"""README.md says what is there: commands, metrics, receivers, links."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cli.commands import COMMANDS
from cli.stage_file import FOLDER, SCHEMA
from lib.observability import Metric
from tests.faults.rows import ROWS

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


@pytest.mark.parametrize(
    "document",
    [
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "docs/architecture.md",
        "docs/decisions/README.md",
    ],
)
def test_links_lead_somewhere(document: str) -> None:
    """Every relative link and image names a file of this repository."""
    page = ROOT / document
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#]+)\)", text)
    local = [each for each in targets if "://" not in each]

    assert [each for each in local if not (page.parent / each).exists()] == []


def test_the_table_of_stage_files_is_that_of_the_schema() -> None:
    """Each key with its default and its meaning, in the schema's words."""
    schema = json.loads((ROOT / "schemas" / SCHEMA).read_text(encoding="utf-8"))
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]

    assert rows == [
        f"| `{name}` | {default_of(rule)} | {rule['description']} |"
        for name, rule in schema["properties"].items()
    ]


def default_of(rule: dict[str, Any]) -> str:
    """Return a default as the table shows it."""
    match rule.get("default"):
        case None:
            return "required"
        case "" | []:
            return "none"
        case str() as text:
            return f"`{text}`"
        case value:
            return f"`{json.dumps(value)}`"


def test_every_fault_of_the_matrix_has_its_line() -> None:
    """In the order of their numbers, and counted where the table is announced."""
    table = README[README.index("<summary>All ") :]
    listed = re.findall(r"^\| ([\d.]+[a-z]?) \| (.*?) \|", table, re.MULTILINE)

    assert listed == [(row.number, row.fault) for row in ROWS]
    assert f"plays these {len(ROWS)} faults" in README
    assert f"<summary>All {len(ROWS)} rows</summary>" in README
