"""The pages about the architecture, compared with the code, the template and the contracts."""

import ast
import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lib.store import rows
from tests.support.every import every

ROOT = Path(__file__).parents[1]
STORE = ROOT / "lib" / "store"
DECISIONS = ROOT / "docs" / "decisions"
SECTIONS = dict(
    part.split("\n", 1)
    for part in (ROOT / "docs" / "architecture.md").read_text("utf-8").split("\n## ")[1:]
)


def table(section: str) -> list[list[str]]:
    """Return the cells of the table in a section, without its head."""
    lines = [line for line in SECTIONS[section].splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines[2:]]


# --- rooms ----------------------------------------------------------------------------------------


def contract(name: str) -> dict[str, Any]:
    """Return the import contract whose name begins so."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts: list[dict[str, Any]] = project["tool"]["importlinter"]["contracts"]
    return next(entry for entry in contracts if entry["name"].startswith(name))


def test_the_page_has_the_rooms_in_the_order_of_the_contracts() -> None:
    """A line of the page is a layer of the contract."""
    layers = contract("Rooms of lib")["layers"]
    expected = [
        (str(number), room) for number, layer in enumerate(layers, 1) for room in layer.split(" | ")
    ]

    assert [(line, room) for line, room, *_ in table("Rooms")] == expected


def test_the_page_calls_those_rooms_pure_that_are_held() -> None:
    """Neither more rooms than the contract has, nor fewer."""
    pure = {f"lib.{room}" for _, room, _, mark in table("Rooms") if mark == "yes"}

    assert pure == set(contract("Pure rooms")["source_modules"])


@every("room", ["cli", "lib/core", "lib/flows", "lib/messages"])
def test_the_head_of_a_room_names_each_of_its_modules(room: str) -> None:
    """A newcomer finds in one place what there is, and no module that has gone."""
    folder = ROOT / room
    head = ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8"))) or ""
    modules = {path.stem for path in folder.glob("[!_]*.py")} | {
        path.parent.name for path in folder.glob("*/__init__.py")
    }
    entries = re.findall(r"^ {4,}((?:\w+, )*\w+) ", head, re.MULTILINE)
    named = {name for entry in entries for name in entry.split(", ")}

    assert sorted(module for module in modules if not re.search(rf"\b{module}\b", head)) == []
    assert sorted(named - modules) == []


# --- the table ------------------------------------------------------------------------------------


def kinds() -> Iterator[tuple[str, str, str]]:
    """Yield the key of each kind of row, and the function that makes it."""
    for function in vars(rows).values():
        if inspect.isfunction(function):
            names = dict.fromkeys(inspect.signature(function).parameters, MARK)
            given = {**names, "version": 1} if "version" in names else names
            key = function(*given.values())
            yield ellipsis(key["pk"]), ellipsis(key["sk"]), function.__name__


MARK: Any = type("Mark", (str,), {"key": "…"})("…")
"""Stands for any name, and for any image."""


def ellipsis(part: str) -> str:
    return re.sub("0*1$", "…", part)


def users(function: str) -> set[str]:
    """Return the modules of the room that import the function of a key."""
    return {
        path.name
        for path in STORE.glob("*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ImportFrom) and node.module == rows.__name__
        if function in {alias.name for alias in node.names}
    }


def test_the_page_has_every_kind_of_row_and_no_other() -> None:
    """As `lib/store/rows.py` has them."""
    assert [(pk, sk) for pk, sk, *_ in table("The table")] == [key[:2] for key in kinds()]


def test_the_page_names_a_module_that_uses_the_key() -> None:
    """The one that reads and writes rows of this kind."""
    modules = [module for *_, module in table("The table")]

    for module, (*_, function) in zip(modules, kinds(), strict=True):
        assert module in users(function), function


def test_the_room_has_keys_in_one_module() -> None:
    """Else a kind of row could be missing on the page."""
    elsewhere = [
        path.name
        for path in STORE.glob("*.py")
        if path.name != "rows.py" and re.search(r'"pk": (?!\w+\[)', path.read_text("utf-8"))
    ]

    assert elsewhere == []


def test_the_head_of_the_module_lists_its_keys() -> None:
    """Each with the names that it ends in."""
    head = re.findall(r"^ {4}(\S+) +(\S+) {2,}\S", rows.__doc__ or "", re.MULTILINE)

    assert [tuple(re.sub("<.*>", "…", part) for part in key) for key in head] == [
        key[:2] for key in kinds()
    ]


# --- queues and bucket ----------------------------------------------------------------------------


def template(name: str) -> str:
    return (ROOT / "deploy" / "template" / f"{name}.yml").read_text("utf-8")


def test_the_page_has_every_queue_of_the_template() -> None:
    """By its name without service and stage."""
    names = re.findall(r"QueueName: \S+stage\}-(\S+)", template("queues"))

    assert [queue for queue, *_ in table("Queues")] == names


def test_the_page_has_every_prefix_of_the_bucket() -> None:
    """Those that expire, and the configuration and the copies, which are kept."""
    expiring = re.findall(r"Prefix: (\S+/)", template("storage"))
    kept = {"config/", "current/"}

    assert sorted(prefix for prefix, _ in table("The bucket")) == sorted({*expiring, *kept})


# --- decisions ------------------------------------------------------------------------------------

PAGES = sorted(path for path in DECISIONS.glob("*.md") if path.name != "README.md")


@every("page", PAGES, ids=lambda page: page.stem[:4])
def test_a_decision_is_a_number_a_date_and_one_paragraph(page: Path) -> None:
    """Its file is named after its title."""
    title, date, *paragraphs = page.read_text("utf-8").strip().split("\n\n")
    number, name = title.removeprefix("# ").split(". ", 1)

    assert page.stem == f"{int(number):04}-{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')}"
    assert re.fullmatch(r"20\d\d-[01]\d-[0-3]\d", date)
    assert len(paragraphs) == 1


def test_decisions_are_numbered_one_after_the_other_and_listed() -> None:
    """The index has title, link and date of each, in their order."""
    rows = re.findall(
        r"^\| (\d+) \| \[(.+)\]\((.+)\) \| (\S+) \|$",
        (DECISIONS / "README.md").read_text("utf-8"),
        re.MULTILINE,
    )
    pages = [(page.name, page.read_text("utf-8").split("\n\n")) for page in PAGES]

    assert [number for number, *_ in rows] == [str(number) for number in range(1, len(PAGES) + 1)]
    assert rows == [
        (*text[0].removeprefix("# ").split(". ", 1), name, text[1]) for name, text in pages
    ]
