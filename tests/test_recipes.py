"""Each recipe of docs/recipes.md does what its text says: a story plays it through the program."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from cli.__main__ import main
from tests.support import docs

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


def rules_of(recipe: str) -> str:
    """Return the alerts.yml of a recipe."""
    section = docs.text_of(PAGE).split(f"\n## {recipe}\n")[1].split("\n## ")[0]
    return section.split("```yaml\n")[1].split("```")[0]


def test_every_recipe_is_played() -> None:
    """But the one that has no alerts.yml."""
    recipes = [heading for heading in docs.headings(PAGE) if heading != "Recipes"]

    assert [*STORIES, "A gate in a pipeline"] == recipes


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
