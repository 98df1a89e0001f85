"""Files of tools whose rules are not taken over."""

import json

import pytest

from cli.ignore_files.others import other_file
from tests.cli.ignore_files.origins import EXAMPLES
from tests.support.documents import CASES
from tests.support.every import every

XML = "<?xml version='1.0'?>\n"


@every(
    ("name", "text", "words"),
    [
        ("a.json", " \n", "it is empty"),
        (".snyk", "ignore:\n  SNYK-JS-1:\n", "a policy of Snyk"),
        (".nsprc", "{}", "better-npm-audit"),
        ("osv-scanner.toml", '[[IgnoredVulns]]\nid = "GO-1"\n', "osv-scanner"),
        ("trivyignore.rego", "package trivy\n", "Rego"),
        ("a.yaml", "generalwhitelist:\n  CVE-1: x\n", "Clair"),
        ("a.xml", f"{XML}<suppressions></suppressions>", "Dependency-Check"),
        ("bom.xml", f"{XML}<bom xmlns='x'></bom>", "CycloneDX in XML: convert it to JSON"),
        ("a.json", json.dumps({"filters": []}), "suppression rules of Inspector"),
        ("a.json", '{"@context": "https://spdx.org/rdf/3.0.1"}', "SPDX 3"),
        ("a.json", '{"sbom": {"bomFormat": "CycloneDX"}}', "inspector-scan"),
        ("a.json", '{"allowlist": ["GHSA-1"]}', "audit-ci"),
        ("a.json", '[{"@context": "https://openvex.dev/ns"}]', "import them one by one"),
        ("a.yaml", "'@context': https://openvex.dev/ns\n", "YAML"),
    ],
)
def test_a_file_is_refused_by_its_name(name: str, text: str, words: str) -> None:
    """With what to do."""
    assert words in str(other_file(name, text))


@pytest.mark.parametrize(
    "path",
    [
        *sorted(path for path in EXAMPLES.rglob("*") if path.is_file()),
        *sorted((CASES / "vex").iterdir()),
    ],
    ids=lambda path: path.name,
)
def test_what_is_taken_over_is_none_of_them(path: object) -> None:
    """Of each format."""
    assert isinstance(path, type(EXAMPLES))
    assert other_file(path.name, path.read_text("utf-8")) is None
