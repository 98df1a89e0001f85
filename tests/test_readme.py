"""README.md is short, and the pages of docs/ say what is there: commands, metrics, links."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from cli.stage_file import FOLDER, SCHEMA
from lib.models.program import REPOSITORY, SCHEMAS
from lib.observability import Metric
from tests.faults.rows import ROWS
from tests.support import docs
from tests.support.every import every

ROOT = Path(__file__).parents[1]
LONGEST = 180
"""Lines of README.md: what it is, how it is tried, where to go on."""


def test_readme_is_short() -> None:
    """Details belong to docs/."""
    assert len(docs.text_of("README.md").splitlines()) <= LONGEST


def test_the_metrics_table_lists_the_metrics() -> None:
    """Every metric has a row, and every row is a metric."""
    rows = docs.first_words(docs.table("docs/metrics.md", "metric"))

    assert sorted(rows) == sorted(metric.value for metric in Metric)


@every("page", docs.PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """Every relative link and picture names a file of this repository, and a heading in it."""
    assert [link for link in docs.links(page) if "://" not in link and not leads(page, link)] == []


def leads(page: str, link: str) -> bool:
    """Whether a relative link of a page has a target."""
    path, _, anchor = link.partition("#")
    target = (ROOT / page).parent / unquote(path) if path else ROOT / page
    if not target.exists():
        return False
    name = target.resolve().relative_to(ROOT).as_posix()
    return not anchor or anchor in docs.anchors(name)


@every("page", docs.PAGES)
def test_a_page_has_one_title(page: str) -> None:
    """It is the first line."""
    titles = re.findall(r"^# .+$", docs.prose_of(page), re.MULTILINE)

    assert titles == [docs.text_of(page).splitlines()[0]]


def test_every_page_is_in_the_list_of_pages() -> None:
    """docs/README.md links to all of them, or to the list that does."""
    listed = {
        (docs.DOCS / link.partition("#")[0]).resolve()
        for link in docs.links("docs/README.md")
        if "://" not in link
    }
    pages = {path for path in docs.DOCS.rglob("*.md") if path.parent.name != "decisions"}

    assert {path.relative_to(ROOT).as_posix() for path in pages - listed} == {"docs/README.md"}


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
    page = docs.text_of("docs/reliability.md")
    rows = docs.table("docs/reliability.md", "#")

    assert [tuple(row[:2]) for row in rows] == [(row.number, row.fault) for row in ROWS]
    assert f"plays these {len(ROWS)} faults" in page
    assert f"<summary>All {len(ROWS)} rows</summary>" in page
    assert f"under {len(ROWS)} faults" in docs.text_of("README.md")


def test_addresses_of_the_repository_are_those_of_the_constant() -> None:
    """The site links there, and editors find the schema of an example there."""
    site = (ROOT / "mkdocs.yml").read_text("utf-8")
    addresses = {
        address
        for page in docs.FOR_USERS
        for address in re.findall(r"\$schema=(https:\S+)", docs.text_of(page))
    }

    assert f'[REPOSITORY_URL, "{REPOSITORY}"]' in site
    assert addresses == {f"{SCHEMAS}alerts-1.0.0.json"}
