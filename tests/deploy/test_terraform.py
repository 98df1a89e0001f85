"""The Terraform module, held against the release template: variables and references."""

import json
import re
from pathlib import Path
from typing import Any

import hcl2
import pytest

from cli.stage_file import SCHEMA
from deploy.package import ROOT
from tests.deploy.test_release_files import TEMPLATES, WITH_LINKS, release, template

__all__ = ["release"]

MODULE = ROOT / "deploy" / "terraform"
OWN = {
    "stage": "Stage",
    "release": "",
    "code_bucket_prefix": "CodeBucketPrefix",
    "alerts_file": "",
    "topic_arns": "TopicArns",
}
"""Variables that are no keys of a stage file, and their parameters."""


def blocks(kind: str) -> dict[str, Any]:
    """Return the blocks of a kind by name, as a parser of Terraform's language reads them."""
    found: dict[str, Any] = {}
    for path in sorted(MODULE.glob("*.tf")):
        for block in hcl2.loads(path.read_text("utf-8")).get(kind, []):
            for name, body in block.items():
                found[name.strip('"')] = body
    return found


def text() -> str:
    return "\n".join(path.read_text("utf-8") for path in sorted(MODULE.glob("*.tf")))


def snake(name: str) -> str:
    return re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


def schema() -> Any:
    return json.loads((ROOT / "schemas" / SCHEMA).read_text("utf-8"))["properties"]


def test_every_key_of_a_stage_file_is_a_variable() -> None:
    """With the same default and the same words."""
    variables = blocks("variable")
    keys = {snake(key): rule for key, rule in schema().items() if "default" in rule}

    assert set(variables) == {*OWN, *keys}
    for name, rule in keys.items():
        assert plain(variables[name]["description"]) == rule["description"], name
        assert plain(variables[name]["default"]) == rule["default"], name


def plain(value: Any) -> Any:
    """Return a value without the quotes that the parser keeps."""
    if isinstance(value, str) and value.startswith('"'):
        return json.loads(value)
    return value


def test_every_variable_is_declared_and_used() -> None:
    """A typo is an error of `terraform validate`, which this machine need not have."""
    assert set(re.findall(r"\bvar\.(\w+)", text())) == set(blocks("variable"))


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_parameter_of_the_template_is_set(release: Path, name: str) -> None:  # the fixture
    """Those of the template without links are all but one."""
    given = set(re.findall(r"^ +([A-Z]\w+) +=", text(), re.MULTILINE))
    if name == WITH_LINKS:
        given |= {"ReportLinkDays"}

    assert given == set(template(release, name)["Parameters"])


def test_a_parameter_takes_the_variable_of_its_name() -> None:
    """A swapped pair would be valid, and wrong."""
    pairs = re.findall(r"^ +([A-Z]\w+) += var\.(\w+)$", text(), re.MULTILINE)

    assert len(pairs) > 15
    assert all(snake(parameter).removeprefix("_") == variable for parameter, variable in pairs)


def test_outputs_are_those_of_the_stack(release: Path) -> None:  # the fixture
    """Terraform finds a missing one only when it applies."""
    outputs = set(re.findall(r'stage\.outputs\["(\w+)"\]', text()))

    assert outputs
    assert outputs <= set(template(release, WITH_LINKS)["Outputs"])
    assert set(blocks("output")) == {"alarm_topic_arn", "reports_bucket", "dashboard_url"}


def test_every_reference_has_its_block() -> None:
    """Resources, data and locals."""
    resources = {f"{kind}.{name}" for kind, name in labelled("resource")}
    data = {f"{kind}.{name}" for kind, name in labelled("data")}

    assert set(re.findall(r"(?<![.\w])(aws_\w+\.\w+)", text())) <= resources
    assert set(re.findall(r"data\.(aws_\w+\.\w+)", text())) == data
    assert set(re.findall(r"local\.(\w+)", text())) == {"host", "folder", "template"}


def labelled(kind: str) -> list[tuple[str, str]]:
    return re.findall(rf'^{kind} "(\w+)" "(\w+)"', text(), re.MULTILINE)
