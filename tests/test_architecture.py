"""The pages about the architecture, compared with the code, the template and the contracts."""

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

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


# --- the table ------------------------------------------------------------------------------------


def constants(module: ast.Module) -> dict[str, str]:
    """Return the texts that have a name in a module."""
    return {
        node.target.id: node.value.value
        for node in module.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }


def pattern(node: ast.expr, names: Mapping[str, str]) -> str:
    """Return a key with an ellipsis for what differs from row to row."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.JoinedStr(values=values):
            return "".join(pattern(value, names) for value in values).partition("…")[0] + "…"
        case ast.FormattedValue(value=value):
            return pattern(value, names)
    return "…"


def keys(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the keys of the rows that a module writes."""
    names = constants(module)
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}

    def parts(row: ast.Dict) -> dict[str, str]:
        made: dict[str, str] = {}
        for key, value in zip(row.keys, row.values, strict=True):
            if isinstance(key, ast.Constant) and key.value in {"pk", "sk"}:
                made[str(key.value)] = pattern(value, names)
            elif key is None and isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
                base = functions.get(value.func.id)
                inner = (
                    [] if base is None else [n for n in ast.walk(base) if isinstance(n, ast.Dict)]
                )
                made |= parts(inner[0]) if inner else {}
        return made

    for node in ast.walk(module):
        if isinstance(node, ast.Dict):
            key = parts(node)
            if {"pk", "sk"} <= key.keys():
                yield key["pk"], key["sk"]


def test_the_page_has_every_kind_of_row_and_no_other() -> None:
    """With the module that knows the key."""
    code = {
        (*key, path.name)
        for path in STORE.glob("*.py")
        for key in keys(ast.parse(path.read_text("utf-8")))
    }

    assert len(code) >= 9
    assert {(pk, sk, module) for pk, sk, _, module in table("The table")} == code


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
