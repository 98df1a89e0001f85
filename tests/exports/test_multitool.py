"""SARIF, checked by the validator of its authors, with its own rules and those of GitHub."""

import json
import os
import platform
import stat
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from lib.checks.expectations import Expectations
from lib.checks.settings import check
from lib.exports.checks import RepositoryCheck, checks_sarif
from lib.exports.sarif import sarif
from lib.models import AnyReport, Image, RepositorySettings, Suppressed
from lib.normalizer.document_parts import Place
from lib.normalizer.documents import normalize_document
from tests.support.builders import NOW, a_report, an_image, an_unusable_report
from tests.support.documents import FINDINGS, ROOT

SYSTEM: Final = {"Linux": "linux", "Darwin": "darwin", "Windows": "win32"}[platform.system()]
TOOL: Final = (
    ROOT / f".build/validators/node_modules/@microsoft/sarif-multitool-{SYSTEM}/Sarif.Multitool"
)
BROKEN: Final = "broken.sarif"
OFFLINE: Final = {"SARIF2006.UrisShouldBeReachable.Options": {"RuleEnabled": "Disabled"}}
"""The validator's settings. That rule calls every address of every log, and only notes results."""

pytestmark = pytest.mark.slow
"""The validator is another program."""


def documents() -> Mapping[str, list[AnyReport]]:
    """Return the reports of every real document, by a name that a file can have."""
    place = Place("123456789012", "eu-central-1")
    paths = sorted(FINDINGS.glob("*/*.json"))
    return {
        f"{path.parent.name}-{path.stem}": list(
            normalize_document(json.loads(path.read_text("utf-8")), place=place).reports
        )
        for path in paths
        if path.parent.name != "allowlists" and path.stem != "zero"
    }


def checked() -> list[RepositoryCheck]:
    """Return checks as `audit` makes them: everything deviates, nothing, and nothing is known."""
    image = Image("aws", "123456789012", "eu-central-1", "payments/api", "")
    deviating = RepositorySettings(image, "MUTABLE", newest=an_image(1, digest="sha256:1"))
    sound = replace(image, repository="payments/worker")
    unread = replace(image, repository="payments/web")
    findings = check(deviating, Expectations(encryption="KMS"), now=NOW + timedelta(days=90))
    assert len(findings) > 3
    return [
        RepositoryCheck(image, findings),
        RepositoryCheck(sound, suppressed=[Suppressed(findings[0], "one", "why", "2099-12-31")]),
        RepositoryCheck(unread, unread="AWS denies ecr:GetLifecyclePolicy for payments/web"),
    ]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[Mapping[str, Any]]:
    """Return what the validator says about logs of all documents, in one run of it."""
    if not TOOL.exists():
        pytest.skip("the validator is not installed: make setup")
    TOOL.chmod(TOOL.stat().st_mode | stat.S_IXUSR)
    folder = tmp_path_factory.mktemp("sarif")
    for name, reports in documents().items():
        (folder / f"{name}.sarif").write_text(sarif(reports), "utf-8")
    (folder / "none.sarif").write_text(sarif([]), "utf-8")
    (folder / "unusable.sarif").write_text(sarif([an_unusable_report()]), "utf-8")
    (folder / "clean.sarif").write_text(sarif([a_report()]), "utf-8")
    (folder / "audit.sarif").write_text(checks_sarif(checked()), "utf-8")
    (folder / "audit-of-nothing.sarif").write_text(checks_sarif([]), "utf-8")
    (folder / BROKEN).write_text(without_help(documents()["ecr-basic-aws-cli-example"]), "utf-8")
    settings, log = folder / "settings.json", folder / "validator.json"
    settings.write_text(json.dumps(OFFLINE), "utf-8")
    command = [TOOL, "validate", folder / "*.sarif", "--rule-kind", "Sarif;Ghas", "-o", log]
    command += ["--config", settings]
    environment = os.environ | {
        # It asks for ICU, which has nothing to say about these texts.
        "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",
        # It ends before better machine code would pay for its compilation.
        "DOTNET_JITMinOpts": "1",
    }
    subprocess.run(command, check=False, capture_output=True, timeout=300, env=environment)
    runs = json.loads(log.read_text("utf-8-sig"))["runs"]
    assert len(list(folder.glob("*.sarif"))) > 10
    return [result for run in runs for result in run.get("results", ())]


def without_help(reports: Sequence[AnyReport]) -> str:
    """Return a log whose rules have no help, which is an error to GitHub."""
    log = json.loads(sarif(reports))
    for rule in log["runs"][0]["tool"]["driver"]["rules"]:
        del rule["help"]
    return json.dumps(log)


def test_the_validator_has_no_objection(results: list[Mapping[str, Any]]) -> None:
    """Neither an error nor a warning, on any document."""
    objections = {
        (result["ruleId"], result["message"]["id"], place(result))
        for result in results
        if result.get("level", "warning") in ("error", "warning") and place(result) != BROKEN
    }

    assert objections == set()


def test_the_validator_sees_what_is_missing(results: list[Mapping[str, Any]]) -> None:
    """The check above can fail."""
    assert "GH2012" in {result["ruleId"] for result in results if place(result) == BROKEN}


def place(result: Mapping[str, Any]) -> str:
    """Return the file that a result is about."""
    uri: str = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    return Path(uri).name
