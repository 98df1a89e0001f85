"""The schemas by their addresses: editors complete alerts.yml wherever it lies."""

import json
import os
import re
from pathlib import Path

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from lib.models.program import REPOSITORY, SCHEMAS
from tests.support.every import every

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "schemas"
FILES = sorted(FOLDER.rglob("*.json"))
_HEAD = re.compile(r'\A\{\n  "\$schema": "[^"]+",\n(?:  "\$id": "[^"]*",\n)?')
DRAFT = "https://json-schema.org/draft/2020-12/schema"


def address_of(path: Path) -> str:
    """Return the address under which a schema can be fetched."""
    return SCHEMAS + path.relative_to(FOLDER).as_posix()


@every("path", FILES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_a_schema_has_its_address(path: Path) -> None:
    """The second line of each file. A released schema gets no other change."""
    text = path.read_text("utf-8")
    head = f'{{\n  "$schema": "{DRAFT}",\n  "$id": "{address_of(path)}",\n'
    if "UPDATE_GOLDEN" in os.environ:
        text = _HEAD.sub(lambda _: head, text)
        path.write_text(text, "utf-8")

    assert text.startswith(head)


def test_references_between_schemas_lead_to_files() -> None:
    """An editor that has fetched alerts-1.0.0.json finds the options of each receiver beside it."""
    schemas = [json.loads(path.read_text("utf-8")) for path in FILES]
    registry: Registry[dict[str, object]] = Registry().with_resources(
        (schema["$id"], Resource(schema, DRAFT202012)) for schema in schemas
    )
    alerts = registry.contents(f"{SCHEMAS}alerts-1.0.0.json")
    validator = Draft202012Validator(alerts, registry=registry)
    document = {
        "version": 1,
        "destinations": {"a": {"type": "slack", "wrong": 1}},
        "routes": [{"name": "r", "notify": ["a"]}],
    }

    assert not validator.is_valid(document)
    document["destinations"] = {"a": {"type": "slack", "webhook": {"secret": "ecr-scan-alerts/a"}}}
    assert validator.is_valid(document)


def test_the_site_links_to_the_same_repository() -> None:
    """Where nothing else is said."""
    assert f'"{REPOSITORY}"' in (ROOT / "mkdocs.yml").read_text("utf-8")
