"""What mends a setting: commands that a shell and the AWS CLI take as they are."""

import json
import shlex
from typing import Any

import pytest
from botocore.session import get_session
from botocore.validate import validate_parameters

from lib.checks import remedies
from lib.checks.completion import policy
from lib.checks.remedies import Remedy
from lib.models import NameFilter, RepositorySettings, ScanningRule
from tests.checks.test_check import a_repository
from tests.support.builders import an_image

MODEL = get_session().get_service_model("ecr")


def arguments(remedy: Remedy) -> dict[str, Any]:
    """Return the options of a command by name, with the one that lists shorthands as a list."""
    words = shlex.split(remedy.command)
    assert words[:2] == ["aws", "ecr"]
    found: dict[str, Any] = {}
    for word in words[3:]:
        if word.startswith("--"):
            name = word.removeprefix("--")
            found[name] = []
        else:
            found[name].append(word)
    return found


def after(settings: RepositorySettings) -> list[Remedy]:
    return [
        remedies.immutable_tags(settings, ("latest",)),
        remedies.scan_on_push(settings),
        remedies.lifecycle(settings, policy(), remark="", difference=()),
        remedies.encryption(settings),
        remedies.start_scan(settings),
    ]


@pytest.mark.parametrize("number", range(5))
def test_every_command_names_the_place(number: int) -> None:
    """It works whatever region and account a shell is set to."""
    remedy = after(a_repository(newest=an_image()))[number]
    said = arguments(remedy)

    assert said["region"] == ["eu-central-1"]
    assert said["registry-id"] == ["000474600478"]
    assert said["repository-name"][0].startswith("payments/api")
    assert remedy.text.startswith(remedy.remark or remedy.command)


def test_tags_are_fixed_but_for_those_that_may_move() -> None:
    plain = arguments(remedies.immutable_tags(a_repository(), ()))
    some = arguments(remedies.immutable_tags(a_repository(), ("latest", "dev-*", "dev-1", *"abc")))

    assert plain["image-tag-mutability"] == ["IMMUTABLE"]
    assert some["image-tag-mutability"] == ["IMMUTABLE_WITH_EXCLUSION"]
    assert some["image-tag-mutability-exclusion-filters"] == [
        f"filterType=WILDCARD,filter={each}" for each in ("latest", "dev-*", "a", "b", "c")
    ]
    for globs in (("dev-?",), tuple("abcdef"), ("a*b*c*",)):
        other = remedies.immutable_tags(a_repository(), globs)
        assert other.command.startswith("aws ecr list-images ")
        assert f"these may move: {', '.join(globs)}." in other.remark
    assert 'FilterValue: "dev-*"' in remedies.immutable_tags(a_repository(), ("dev-*",)).properties


def test_the_rules_of_the_registry_stay_when_one_is_added() -> None:
    """The call replaces all of them."""
    rules = (
        ScanningRule("SCAN_ON_PUSH", (NameFilter("shop"),)),
        ScanningRule("CONTINUOUS_SCAN", (NameFilter("core/*"),)),
    )
    remedy = remedies.scan_on_push(a_repository(scan_type="ENHANCED", scan_rules=rules))

    request = {
        "scanType": "ENHANCED",
        "rules": json.loads(arguments(remedy)["rules"][0]),
    }

    assert [
        (each["scanFrequency"], [name["filter"] for name in each["repositoryFilters"]])
        for each in request["rules"]
    ] == [("CONTINUOUS_SCAN", ["core/*"]), ("SCAN_ON_PUSH", ["shop", "payments/api"])]
    validate_parameters(
        request, MODEL.operation_model("PutRegistryScanningConfiguration").input_shape
    )
    assert 'Filter: "core/*"' in remedy.properties


def test_inspector_is_asked_where_it_scans() -> None:
    remedy = remedies.start_scan(a_repository(scan_type="ENHANCED"))

    assert remedy.command.startswith("aws inspector2 list-coverage --region eu-central-1 ")


def test_a_name_that_a_shell_would_read_is_quoted() -> None:
    settings = a_repository(image=an_image(digest="", tags=(), repository="a;b$(c)"))

    for remedy in after(settings):
        if "repository-name" in (said := arguments(remedy)):
            assert said["repository-name"][0].startswith("a;b$(c)")
