"""What a repository lacks: each setting alone, and nothing that is stricter made weaker."""

import json
import shlex
from typing import Any

import pytest

from cli.repository.settings import (
    AES256,
    Comparison,
    Mutability,
    RegistryScanning,
    Settings,
    Wishes,
    check_allowed,
    check_key,
    check_name,
    compare,
)
from lib.checks.caches import BUILD_CACHE
from lib.checks.completion import policy
from lib.errors import DocumentError
from lib.models import PullThroughCache
from tests.checks.test_check import an_image_in_store
from tests.support.every import every

KEY = "arn:aws:kms:eu-central-1:000474600478:key/made-up"
EXCEPT = "IMMUTABLE_WITH_EXCLUSION"


def by_setting(now: Settings, wishes: Wishes) -> dict[str, Comparison]:
    return {each.setting: each for each in compare(now, wishes)}


def a_repository(**values: Any) -> Settings:
    return Settings("payments/api", **values)


# --- names, tags and keys -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["ab", "payments/api", "a.b_c__d-e--f/0", "a" * 256, "1/2", "nginx"]
)
def test_names_that_ecr_takes(name: str) -> None:
    """As its own pattern has them."""
    assert check_name(name) == name


@every(
    "name",
    ["a", "Payments", "a" * 257, "a//b", "/a", "a/", "a..b", "a___b", "-a", "a b", "pay:1", "ab\n"],
)
def test_names_that_ecr_refuses(name: str) -> None:
    """Before it is asked, and with a name that it takes."""
    with pytest.raises(DocumentError, match="such as payments/api"):
        check_name(name)


def test_an_address_is_no_name() -> None:
    """ECR's pattern takes it, and would make a repository of that name."""
    with pytest.raises(DocumentError, match="give the name alone"):
        check_name("000474600478.dkr.ecr.eu-central-1.amazonaws.com/payments/api")


def test_tags_that_may_be_moved() -> None:
    """Each once."""
    assert check_allowed(["latest", "dev-*", "latest"]) == ("latest", "dev-*")


@pytest.mark.parametrize(
    ("tags", "says"),
    [
        (list("abcdef"), "5 tags or patterns"),
        (["a b"], "no pattern of tags"),
        (["*-*-*"], "two \\* at most"),
        (["a" * 129], "no pattern of tags"),
        (["*"], "would let every tag be moved"),
    ],
)
def test_tags_that_ecr_refuses(tags: list[str], says: str) -> None:
    """As many, as long, and with as many stars as it takes."""
    with pytest.raises(DocumentError, match=says):
        check_allowed(tags)


@pytest.mark.parametrize("key", [None, "", KEY])
def test_keys(key: str | None) -> None:
    """None, AWS's own, or one by its ARN."""
    assert check_key(key, "eu-central-1") == key


@pytest.mark.parametrize(
    ("key", "says"),
    [("alias/mine", "--kms alone"), (KEY, "eu-central-1, and has to be in eu-west")],
)
def test_keys_that_ecr_refuses(key: str, says: str) -> None:
    """Another region's key cannot encrypt."""
    with pytest.raises(DocumentError, match=says):
        check_key(key, "eu-west-1")


# --- tags ---------------------------------------------------------------------------------------


@every(
    ("now", "allow", "then"),
    [
        (Mutability("MUTABLE"), (), "IMMUTABLE"),
        (Mutability("MUTABLE"), ("latest", "dev-*"), "IMMUTABLE except latest, dev-*"),
        (Mutability("MUTABLE_WITH_EXCLUSION", ("v*",)), ("latest",), "IMMUTABLE except latest"),
        (Mutability("MUTABLE_WITH_EXCLUSION", ("l*",)), ("latest",), "IMMUTABLE"),
        (Mutability("IMMUTABLE"), ("latest",), "IMMUTABLE"),
        (Mutability(EXCEPT, ("latest",)), (), "IMMUTABLE"),
        (Mutability(EXCEPT, ("latest",)), ("dev-*", "latest"), "IMMUTABLE except latest"),
        (Mutability(EXCEPT, ("latest", "dev-*")), ("latest",), "IMMUTABLE except latest"),
        (Mutability(EXCEPT, ("dev-1-*",)), ("dev-*",), "IMMUTABLE except dev-1-*"),
        (Mutability(EXCEPT, ("dev-*",)), ("dev-1-*",), "IMMUTABLE except dev-1-*"),
        (Mutability(EXCEPT, ("*",)), ("latest",), "IMMUTABLE except latest"),
        # The same in another order is the same.
        (Mutability(EXCEPT, ("b", "a")), ("a", "b"), "IMMUTABLE except b, a"),
    ],
)
def test_tags_are_kept_as_strictly_as_before_at_least(
    now: Mutability, allow: tuple[str, ...], then: str
) -> None:
    """What may be moved afterwards may be moved now, and is allowed."""
    found = by_setting(a_repository(mutability=now), Wishes(20, allow))["tag mutability"]

    assert found.wanted == then
    assert found.differs == (str(now) != then)


def test_what_cannot_be_moved_now_is_told() -> None:
    """Somebody asked for it: the step back is theirs."""
    now = a_repository(mutability=Mutability("IMMUTABLE"))

    found = by_setting(now, Wishes(20, ("latest",)))["tag mutability"]

    assert not found.differs
    assert found.advice.startswith("latest cannot be moved now, and stays so")


@pytest.mark.parametrize("mode", ["MUTABLE", "IMMUTABLE"])
def test_the_tags_of_a_pull_through_cache_stay_as_they_are(mode: str) -> None:
    """ECR has to move them."""
    cache = PullThroughCache("payments", "registry-1.docker.io")
    now = a_repository(mutability=Mutability(mode), cache=cache)

    found = by_setting(now, Wishes(20))["tag mutability"]

    assert (found.differs, found.change) == (False, None)
    assert found.advice.startswith("It caches registry-1.docker.io: ")


@pytest.mark.parametrize(
    ("caches", "allow", "then", "advice"),
    [
        (("buildcache",), (), "IMMUTABLE except buildcache", ""),
        (("cache-a", "cache-b"), ("latest",), "IMMUTABLE except latest, cache-*", ""),
        (("cache-a",), ("cache-*",), "IMMUTABLE except cache-*", ""),
        (tuple("abcdef"), (), "MUTABLE", "--allow with wider ones"),
    ],
)
def test_the_tags_of_build_caches_stay_mutable(
    caches: tuple[str, ...], allow: tuple[str, ...], then: str, advice: str
) -> None:
    stored = [an_image_in_store(n, tag, kind=BUILD_CACHE) for n, tag in enumerate(caches)]
    now = a_repository(stored=(*stored, an_image_in_store(99, "1.0")))

    found = by_setting(now, Wishes(20, allow))["tag mutability"]

    assert found.wanted == then
    assert advice in found.advice


def test_a_repository_of_build_caches_stays_as_it_is() -> None:
    now = a_repository(stored=(an_image_in_store(1, "main", kind=BUILD_CACHE),))

    found = by_setting(now, Wishes(20))["tag mutability"]

    assert not found.differs
    assert "build caches alone" in found.advice


def test_the_call_for_tags() -> None:
    """Filters only where there are some."""
    found = by_setting(a_repository(), Wishes(20, ("latest",)))["tag mutability"].change
    plain = by_setting(a_repository(), Wishes(20))["tag mutability"].change

    assert found is not None
    assert plain is not None
    assert found.operation == plain.operation == "put_image_tag_mutability"
    assert plain.request == {"imageTagMutability": "IMMUTABLE"}
    assert found.request == {
        "imageTagMutability": EXCEPT,
        "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "latest"}],
    }


# --- scans --------------------------------------------------------------------------------------


def a_rule(*filters: str, frequency: str = "SCAN_ON_PUSH") -> dict[str, Any]:
    rows = [{"filter": each, "filterType": "WILDCARD"} for each in filters]
    return {"scanFrequency": frequency, "repositoryFilters": rows}


def test_scan_on_push_is_turned_on() -> None:
    """Where it is off."""
    off, on = a_repository(), a_repository(scan_on_push=True)

    assert by_setting(off, Wishes(20))["scan on push"].change is not None
    assert by_setting(off, Wishes(20))["scan on push"].differs
    assert not by_setting(on, Wishes(20))["scan on push"].differs


@every("filters", [("*",), ("other", "payments/*"), ("ments",), ("payments/api",)])
@every("enhanced", [True, False])
def test_a_rule_of_the_registry_is_enough(filters: tuple[str, ...], enhanced: bool) -> None:  # noqa: FBT001  # a row
    """One without a star names every repository that has it in its name."""
    registry = RegistryScanning(enhanced, (a_rule(*filters, frequency="CONTINUOUS_SCAN"),))

    found = by_setting(a_repository(registry=registry), Wishes(20))["scan on push"]

    assert not found.differs
    assert found.now == "by a rule of the registry (CONTINUOUS_SCAN)"


@pytest.mark.parametrize(
    ("rules", "then"),
    [
        ((), [a_rule("payments/api")]),
        ((a_rule("web"),), [a_rule("web", "payments/api")]),
        (
            (a_rule("*", frequency="MANUAL"), a_rule("web", frequency="CONTINUOUS_SCAN")),
            [
                a_rule("*", frequency="MANUAL"),
                a_rule("web", "payments/api", frequency="CONTINUOUS_SCAN"),
            ],
        ),
    ],
)
def test_with_enhanced_scanning_the_registry_decides(
    rules: tuple[dict[str, Any], ...], then: list[dict[str, Any]]
) -> None:
    """The repository's own setting would change nothing: the command for the registry is told."""
    now = a_repository(scan_on_push=True, registry=RegistryScanning(True, rules))

    found = by_setting(now, Wishes(20))["scan on push"]
    told = found.advice.partition("aws ")[2]

    assert found.differs
    assert found.change is None
    assert "has no effect" in found.advice
    assert json.loads(shlex.split(told)[-1]) == then


# --- lifecycle policies -------------------------------------------------------------------------


def test_a_policy_is_put_where_there_is_none() -> None:
    """The one of `template`."""
    found = by_setting(a_repository(), Wishes(7))["lifecycle policy"]

    assert found.now == "none"
    assert found.change is not None
    assert found.change.request == {"lifecyclePolicyText": policy(7)}


@pytest.mark.parametrize("own", [policy(7), policy(3, 1)])
def test_a_policy_that_does_as_much_stays(own: str) -> None:
    """Also one that keeps less, or for a shorter time."""
    assert not by_setting(a_repository(lifecycle=own), Wishes(7))["lifecycle policy"].differs


def test_a_policy_that_lacks_something_is_completed() -> None:
    """Its own rules stay, and the difference is in lines, however it was written."""
    selection = {"tagStatus": "tagged", "tagPrefixList": ["v"], "countNumber": 100}
    own = {
        "rules": [
            {
                "rulePriority": 5,
                "selection": {**selection, "countType": "imageCountMoreThan"},
                "action": {"type": "expire"},
            }
        ]
    }
    now = a_repository(lifecycle=json.dumps(own))

    found = by_setting(now, Wishes(7))["lifecycle policy"]

    assert found.differs
    assert found.change is not None
    assert len(found.now.splitlines()) > 5
    assert [rule["rulePriority"] for rule in json.loads(found.wanted)["rules"]] == [5, 6]
    assert found.change.request == {"lifecyclePolicyText": found.wanted}


def test_a_policy_that_archives_is_for_people() -> None:
    """Nothing is changed, and why is told."""
    rule = {
        "rulePriority": 1,
        "selection": {
            "tagStatus": "any",
            "countType": "sinceImagePushed",
            "countUnit": "days",
            "countNumber": 90,
        },
        "action": {"type": "transition", "targetStorageClass": "archive"},
    }
    now = a_repository(lifecycle=json.dumps({"rules": [rule]}))

    found = by_setting(now, Wishes(7))["lifecycle policy"]

    assert found.differs
    assert found.change is None
    assert "by hand" in found.advice


def test_a_policy_that_nobody_can_read_stays() -> None:
    """ECR took it: it may know more than we do."""
    found = by_setting(a_repository(lifecycle="{}"), Wishes(7))["lifecycle policy"]

    assert not found.differs
    assert "100 to 30720 characters" in found.advice


# --- encryption ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encryption", "key", "wanted", "differs"),
    [
        (AES256, None, None, False),
        (AES256, None, "", True),
        (AES256, None, KEY, True),
        ("KMS", "arn:aws:kms:other", None, False),
        ("KMS", "arn:aws:kms:other", "", False),
        ("KMS_DSSE", KEY, KEY, False),
        ("KMS", "arn:aws:kms:other", KEY, True),
    ],
)
def test_encryption_is_only_told(
    encryption: str,
    key: str | None,
    wanted: str | None,
    differs: bool,  # noqa: FBT001  # a row
) -> None:
    """It is fixed when a repository is made."""
    now = a_repository(encryption=encryption, key=key)

    found = by_setting(now, Wishes(20, kms=wanted))["encryption"]

    assert found.differs == differs
    assert found.change is None
    assert ("copy the images" in found.advice) == differs
