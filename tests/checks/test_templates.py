"""Creation templates: checked as the repositories that ECR will create by them."""

import json
import shlex
from typing import Any

import pytest
from botocore.session import get_session

from lib.checks.caches import created_cache
from lib.checks.expectations import Expectations
from lib.checks.findings import COMMAND
from lib.checks.remedies import immutable_tags
from lib.checks.settings import check
from lib.models import (
    CreationTemplate,
    Finding,
    NameFilter,
    PullThroughCache,
    RepositorySettings,
    ScanningRule,
    is_template,
)
from tests.checks.test_check import a_repository
from tests.support.builders import NOW, an_image

HUB = PullThroughCache("docker-hub", "registry-1.docker.io")
EVERYTHING = (ScanningRule("SCAN_ON_PUSH", (NameFilter("*"),)),)
UPDATE = get_session().get_service_model("ecr").operation_model("UpdateRepositoryCreationTemplate")


def a_template(prefix: str = "prod", **fields: Any) -> RepositorySettings:
    """Return a template that is set up as it should be."""
    template = CreationTemplate(
        prefix,
        fields.pop("applied_for", ("CREATE_ON_PUSH",)),
        fields.pop("resource_tags", ()),
        fields.pop("role", None),
    )
    image = an_image(digest="", tags=(), repository=template.name)
    rules = {"scan_on_push": False, "scan_rules": EVERYTHING}
    return a_repository(**{"image": image, "template": template, **rules, **fields})


def findings(settings: RepositorySettings, **expected: Any) -> dict[str, Finding]:
    found = check(settings, Expectations(**expected), now=NOW)
    return {finding.vulnerability_id: finding for finding in found}


def options(finding: Finding) -> dict[str, str]:
    """Return the options of a command that updates a template; each is one of the call."""
    words = shlex.split(finding.extra[COMMAND].splitlines()[-1])
    assert words[:3] == ["aws", "ecr", "update-repository-creation-template"]
    given = dict(zip(words[3::2], words[4::2], strict=False))
    names = {
        "".join(part.capitalize() for part in option.removeprefix("--").split("-"))
        for option in given
        if option != "--region"
    }
    assert UPDATE.input_shape is not None
    assert names <= {name[0].upper() + name[1:] for name in UPDATE.input_shape.members}
    return given


def test_names_of_templates_are_no_names_of_repositories() -> None:
    assert CreationTemplate("prod").name == CreationTemplate("prod/").name == "prod/"
    assert CreationTemplate("ROOT").name == "ROOT"
    assert all(map(is_template, ("prod/", "ROOT", "a/b/")))
    assert not any(map(is_template, ("prod", "root", "a/b")))


def test_a_sound_template_has_no_findings() -> None:
    assert findings(a_template()) == {}


@pytest.mark.parametrize(
    ("fields", "id_", "option", "value"),
    [
        (
            {"tag_mutability": "MUTABLE"},
            "ECR-TAG-MUTABILITY",
            "--image-tag-mutability",
            "IMMUTABLE",
        ),
        (
            {"tag_mutability": "IMMUTABLE", "cache": HUB},
            "ECR-CACHE-IMMUTABLE",
            "--image-tag-mutability",
            "MUTABLE",
        ),
        (
            {"lifecycle_policy": "{}"},
            "ECR-LIFECYCLE-INVALID",
            "--lifecycle-policy",
            "file://policy.json",
        ),
        (
            {"resource_tags": ("team",)},
            "ECR-TEMPLATE-ROLE",
            "--custom-role-arn",
            "arn:aws:iam::000474600478:role/ROLE",
        ),
        (
            {"encryption": "AES256"},
            "ECR-ENCRYPTION",
            "--encryption-configuration",
            "encryptionType=KMS",
        ),
    ],
)
def test_a_deviation_is_fixed_in_the_template(
    fields: dict[str, Any], id_: str, option: str, value: str
) -> None:
    (finding,) = findings(a_template(**fields), encryption="KMS").values()

    assert finding.vulnerability_id == id_
    assert (finding.title or "").startswith("new repositories: ")
    assert options(finding)[option] == value
    assert options(finding)["--prefix"] == "prod"
    assert "AWS::ECR::RepositoryCreationTemplate" in (finding.remediation or "")


def test_a_template_without_a_lifecycle_policy_gets_one() -> None:
    (finding,) = findings(a_template(lifecycle_policy=None)).values()

    assert finding.vulnerability_id == "ECR-LIFECYCLE-MISSING"
    assert len(json.loads(options(finding)["--lifecycle-policy"])["rules"]) == 2
    assert "each repository that ECR creates by this template" in (finding.description or "")
    assert "LifecyclePolicy: |" in (finding.remediation or "")


@pytest.mark.parametrize(
    ("prefix", "rules", "is_found"),
    [
        ("prod", (NameFilter("*"),), False),
        ("prod", (NameFilter("prod/*"),), False),
        ("prod", (NameFilter("prod/a*"),), True),
        ("prod", (NameFilter("shop/*"),), True),
        ("ROOT", (NameFilter("*"),), False),
        ("ROOT", (NameFilter("prod/*"),), True),
    ],
)
def test_new_repositories_are_scanned_by_a_rule_of_the_registry(
    prefix: str, rules: tuple[NameFilter, ...], *, is_found: bool
) -> None:
    settings = a_template(prefix, scan_rules=(ScanningRule("SCAN_ON_PUSH", rules),))

    found = findings(settings)

    assert found.keys() == ({"ECR-SCAN-ON-PUSH"} if is_found else set())
    for finding in found.values():
        words = shlex.split(finding.extra[COMMAND])
        (rule,) = json.loads(words[words.index("--rules") + 1])
        added = {"filter": "*" if prefix == "ROOT" else "prod/*", "filterType": "WILDCARD"}
        assert rule["repositoryFilters"][-1] == added


def test_the_first_rule_of_a_registry_scans_all_repositories() -> None:
    """It puts an end to the settings of repositories, so a narrower one would end scans."""
    (finding,) = findings(a_template(scan_rules=())).values()

    assert '"filter":"*"' in finding.extra[COMMAND]


@pytest.mark.parametrize(
    ("fields", "is_found"),
    [
        ({"resource_tags": ("team",), "role": "arn:aws:iam::1:role/ecr"}, False),
        ({"kms_key": "arn:aws:kms:eu-central-1:1:key/2"}, True),
        ({"encryption": "KMS"}, False),
    ],
)
def test_tags_and_keys_need_a_role(fields: dict[str, Any], *, is_found: bool) -> None:
    """Public case: a pull through a cache failed with "not found"."""
    assert ("ECR-TEMPLATE-ROLE" in findings(a_template(**fields))) is is_found


def test_patterns_that_ecr_does_not_take_are_for_people() -> None:
    remedy = immutable_tags(a_template(tag_mutability="MUTABLE"), tuple("abcdef"))

    assert remedy.command.startswith(
        "aws ecr describe-repository-creation-templates --prefixes prod"
    )


@pytest.mark.parametrize(
    ("template", "others", "is_cache"),
    [
        ("docker-hub", (), True),
        ("docker-hub/library", (), True),
        ("docker", (), False),
        ("ROOT", (), True),
        ("ROOT", ("shop",), True),
        ("ROOT", ("docker-hub",), False),
        ("ROOT", ("docker-hub/library",), True),
    ],
)
def test_a_template_creates_the_repositories_of_a_cache(
    template: str, others: tuple[str, ...], *, is_cache: bool
) -> None:
    this = CreationTemplate(template)
    templates = (this, *map(CreationTemplate, others))

    assert created_cache(this, templates, (HUB,)) == (HUB if is_cache else None)


def test_a_cache_of_all_names_is_in_every_template() -> None:
    this, rule = CreationTemplate("prod"), PullThroughCache("ROOT", "elsewhere")

    assert created_cache(this, (this,), (rule,)) == rule
    assert created_cache(this, (this,), ()) is None
