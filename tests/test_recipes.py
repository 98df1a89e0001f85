"""Each recipe of docs/recipes.md does what its text says: a story plays it through the program."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from cli.__main__ import main
from tests.cli.refusing_aws import RefusingAws, serving
from tests.support import commands, docs

PAGE: Final = "docs/recipes.md"
FIX: Final = "CVE-2026-1001"
NO_FIX: Final = "CVE-2026-1002"
EXPLOITED: Final = "CVE-2026-1003"
LOW: Final = "CVE-2026-1004"
FINDINGS: Final[Mapping[str, Any]] = {
    "fix": {
        "id": FIX,
        "severity": "HIGH",
        "package": "openssl",
        "version": "3.0.11",
        "fixed": "3.0.14",
    },
    "none": {"id": NO_FIX, "severity": "CRITICAL", "package": "zlib", "version": "1.2.11"},
    "exploited": {
        "id": EXPLOITED,
        "severity": "CRITICAL",
        "package": "curl",
        "version": "8.1",
        "fixed": "8.4",
        "exploit": True,
    },
    "low": {"id": LOW, "severity": "LOW", "package": "bash", "version": "5.1", "fixed": "5.2"},
}
GATE: Final = "A gate in a pipeline"
ALL: Final = ("fix", "none", "exploited", "low")


def push(repository: str, tag: str, *findings: str, notified: list[Any]) -> dict[str, Any]:
    """Return a step: an image is pushed, scanned, and some destinations are notified."""
    image = f"{repository}-{tag}".replace("/", "-").replace(".", "-").title().replace("-", "")
    return {
        "after": "1h",
        "push": {"repository": repository, "image": image, "tags": [tag]},
        "scan": {"scanner": "enhanced", "findings": list(findings)},
        "notified": notified,
    }


def to(destination: str, kind: str, *ids: str) -> dict[str, Any]:
    """Return a notification."""
    return {"to": destination, kind: list(ids)}


STORIES: Final[Mapping[str, list[dict[str, Any]]]] = {
    "One team, one channel": [
        push("shop/api", "1.0", *ALL, notified=[to("team", "baseline", FIX, NO_FIX, EXPLOITED)]),
        push("shop/web", "1.0", "low", notified=[]),
    ],
    "Only what runs in production": [
        push("shop/api", "v1.0", *ALL, notified=[to("team", "baseline", FIX, EXPLOITED)]),
        push("shop/api", "dev-7", *ALL, notified=[]),
    ],
    "A team per repository prefix": [
        push("payments/api", "1.0", "fix", notified=[to("bot/C0PAYMENTS", "baseline", FIX)]),
        push("web/page", "1.0", "fix", notified=[to("bot/C0STOREFRONT", "baseline", FIX)]),
        push("tools/x", "1.0", "fix", "none", notified=[to("bot", "baseline", NO_FIX)]),
    ],
    "Tickets for what can be fixed": [
        push("shop/api", "release-1", *ALL, notified=[to("tickets", "baseline", FIX, EXPLOITED)]),
        push("shop/api", "release-2", "none", notified=[to("tickets", "resolved", FIX, EXPLOITED)]),
        push("shop/api", "dev", *ALL, notified=[]),
    ],
    "Pull requests": [
        push("shop/api", "main-1", "fix", notified=[to("bot/C0PLATFORM", "baseline", FIX)]),
        push("shop/api", "pr-17", "fix", "none", notified=[to("bot", "new", NO_FIX)]),
        push("shop/api", "pr-18", "fix", notified=[]),
    ],
    "On-call": [
        push("shop/api", "prod-1", "fix", notified=[to("team", "baseline", FIX)]),
        push(
            "shop/api",
            "prod-2",
            *ALL,
            notified=[to("on-call", "new", EXPLOITED), to("team", "new", NO_FIX, EXPLOITED)],
        ),
    ],
    "E-mail, and a weekly digest": [
        push(
            "shop/api",
            "1.0",
            *ALL,
            notified=[
                to("security-mail", "baseline", NO_FIX, EXPLOITED),
                to("team", "baseline", FIX, NO_FIX, EXPLOITED),
            ],
        )
    ],
    "An audit trail": [
        push("shop/api", "1.0", "low", notified=[to("trail", "baseline", LOW)]),
        push(
            "shop/api",
            "1.1",
            "none",
            notified=[{"to": "trail", "new": [NO_FIX], "resolved": [LOW]}],
        ),
    ],
}


def blocks_of(recipe: str, language: str = "yaml") -> list[str]:
    """Return the blocks of a recipe in a language."""
    section = docs.text_of(PAGE).split(f"\n## {recipe}\n")[1].split("\n## ")[0]
    return [part.split("```")[0] for part in section.split(f"```{language}\n")[1:]]


def rules_of(recipe: str) -> str:
    """Return the alerts.yml of a recipe."""
    return blocks_of(recipe)[0]


def test_every_recipe_is_played() -> None:
    """But the one that has no alerts.yml."""
    recipes = [heading for heading in docs.headings(PAGE) if heading != "Recipes"]

    assert [*STORIES, GATE] == recipes


@pytest.mark.parametrize("recipe", STORIES)
def test_a_recipe_does_what_it_says(
    recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who is notified of what."""
    first, *rest = STORIES[recipe]
    story = {
        "version": 1,
        "title": recipe,
        "start": "2026-11-02T09:00:00Z",
        "account": "111122223333",
        "region": "eu-central-1",
        "findings": FINDINGS,
        "rules": rules_of(recipe),
        "steps": [{key: value for key, value in first.items() if key != "after"}, *rest],
    }
    path = tmp_path / "story.yml"
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(json.loads(json.dumps(story)), file)

    code = main(["simulate", str(path), "--check"])

    assert code == 0, capsys.readouterr().out


# --- the gate -------------------------------------------------------------------------------------


@dataclass
class Registry(RefusingAws):
    """An ECR with one image, of which the scan is basic, and refuses what else is asked."""

    scan_status: str = "COMPLETE"
    severity: str = "LOW"

    def answer(self, operation: str, *, is_json: bool) -> tuple[int, str]:
        if operation == "DescribeImages":
            return 200, json.dumps({"imageDetails": [IMAGE]})
        if operation == "DescribeImageScanFindings":
            finding = {
                "name": "CVE-2024-0001",
                "severity": self.severity,
                "attributes": [{"key": "package_name", "value": "openssl"}],
            }
            scan = {"findings": [finding], "imageScanCompletedAt": 1764000000.0}
            status = {"status": self.scan_status, "description": "no reason"}
            return 200, json.dumps(IMAGE | {"imageScanStatus": status, "imageScanFindings": scan})
        if operation == "BatchGetImage":
            return 200, json.dumps({"images": [], "failures": []})
        return super().answer(operation, is_json=is_json)


IMAGE: Final[Mapping[str, Any]] = {
    "registryId": "111122223333",
    "repositoryName": "payments/api",
    "imageDigest": "sha256:" + "1" * 64,
    "imageId": {"imageDigest": "sha256:" + "1" * 64},
    "imageTags": ["1.4.2"],
}


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Registry]:
    """Serve a registry; the folder has no alerts.yml."""
    monkeypatch.chdir(tmp_path)
    with serving(Registry()) as server:
        environment = {
            "AWS_ENDPOINT_URL": server.address,
            "AWS_ACCESS_KEY_ID": "AKID",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_REGION": "eu-central-1",
            "AWS_MAX_ATTEMPTS": "1",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield server  # type: ignore[misc]  # the same object


@pytest.mark.slow
@pytest.mark.parametrize(
    ("severity", "status", "code", "words"),
    [
        ("LOW", "COMPLETE", 0, "go on"),
        ("HIGH", "FAILED", 1, "there is no verdict"),
        ("HIGH", "COMPLETE", 1, "there is no verdict"),
    ],
    ids=["low", "failed", "basic-scanning-names-no-fix"],
)
def test_the_shell_script_of_the_gate(
    registry: Registry, tmp_path: Path, severity: str, status: str, code: int, words: str
) -> None:
    """It goes on only with a verdict."""
    registry.severity, registry.scan_status = severity, status
    command = tmp_path / "ecr-scan-alerts"
    command.write_text(f'#!/bin/sh\nPYTHONPATH={docs.ROOT} exec {sys.executable} -m cli "$@"\n')
    command.chmod(0o755)
    (script,) = blocks_of(GATE, "shell")

    ended = subprocess.run(
        ["bash", "-e"],  # noqa: S607  # the one on the path
        input=script,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, words in ended.stdout) == (code, True), ended.stderr


@pytest.mark.parametrize("severity", ["LOW", "HIGH"])
def test_the_workflows_of_the_gate(registry: Registry, severity: str) -> None:
    """Their commands run; the last one is the gate."""
    registry.severity = severity
    github, gitlab = (YAML(typ="safe").load(StringIO(text)) for text in blocks_of(GATE))
    steps = [step["run"] for step in github["jobs"]["gate"]["steps"] if "run" in step]
    for lines in (steps, gitlab["gate"]["script"]):
        calls = [words for line in lines for words in commands.commands(line)]
        *others, gate = [words[1:] for words in calls if words[0] == "ecr-scan-alerts"]

        assert [main(words) for words in others] == [0] * len(others)
        assert main(gate) == (0 if severity == "LOW" else 1)


def test_every_shell_script_is_run() -> None:
    """That of the gate is the only one."""
    (block,) = docs.blocks(docs.PAGES, "shell")

    assert block.text == blocks_of(GATE, "shell")[0]
