"""Whether a repository is set up as it should be: every combination of its settings."""

import json
from collections.abc import Sequence
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from lib.checks.expectations import Expectations, MutableTags
from lib.checks.findings import COMMAND, REMARK
from lib.checks.retention import cost
from lib.checks.settings import check, matches, scans_on_push
from lib.models import (
    Doubt,
    Image,
    LastScan,
    NameFilter,
    RepositorySettings,
    ScanningRule,
    ScanProgress,
    ScanSource,
    StoredImage,
)
from tests.support.builders import NOW, a_digest, a_last_scan, an_image
from tests.support.every import every

NAME = "payments/api"


def a_rule(priority: int = 1, *, action: str = "expire", **selection: Any) -> dict[str, Any]:
    """Return a rule that goes by number; parts of the selection in `selection`."""
    defaults = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 20}
    target = {"targetStorageClass": "archive"} if action == "transition" else {}
    return {
        "rulePriority": priority,
        "selection": {**defaults, **selection},
        "action": {"type": action, **target},
    }


def a_policy(*rules: Any) -> str:
    return json.dumps({"rules": rules}).ljust(100)


UNTAGGED = a_rule(
    tagStatus="untagged", countType="sinceImagePushed", countUnit="days", countNumber=7
)
OLD = a_rule(2, tagStatus="tagged", tagPatternList=["*"])


def an_image_in_store(number: int = 1, *tags: str, days: float = 1, **fields: Any) -> StoredImage:
    """Return a stored image, pushed some days ago."""
    pushed_at = NOW - timedelta(days=days)
    return StoredImage(a_digest(number), tags, pushed_at=pushed_at, **fields)


def a_store(images: int, tag_sets: Sequence[tuple[str, ...]] = (), size: int = 0) -> Any:
    """Return images with these tags, the rest of them untagged, and a size in total."""
    all_tags = [*tag_sets, *[()] * (images - len(tag_sets))]
    sizes = [size, *[0] * len(all_tags)]
    return tuple(
        an_image_in_store(place, *names, days=place, size=sizes[place])
        for place, names in enumerate(all_tags)
    )


def a_repository(**fields: Any) -> RepositorySettings:
    """Return one that is set up as it should be; `images` in number, of `tag_sets`."""
    tag_sets = fields.pop("tag_sets", ())
    images, size = fields.pop("images", len(tag_sets)), fields.pop("stored_bytes", 0)
    if images:
        fields = {"stored": a_store(images, tag_sets, size), **fields}
    defaults: dict[str, Any] = {
        "image": an_image(digest="", tags=()),
        "tag_mutability": "IMMUTABLE",
        "scan_on_push": True,
        "lifecycle_policy": a_policy(a_rule()),
        "encryption": "KMS",
    }
    return RepositorySettings(**{**defaults, **fields})


def tags(*globs: str) -> tuple[MutableTags, ...]:
    """Return globs over tags that may move in all repositories."""
    return tuple(MutableTags((glob,)) for glob in globs)


def ids(settings: RepositorySettings, **expected: Any) -> set[str]:
    expected["allow_mutable"] = tags(*expected.get("allow_mutable", ()))
    found = [each.vulnerability_id for each in check(settings, Expectations(**expected), now=NOW)]
    assert len(set(found)) == len(found)
    return set(found)


LATEST, RELEASES = NameFilter("latest"), NameFilter("v*")
EXCLUDING, INCLUDING = "IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"
MINE, OTHERS = NameFilter("payments/*"), NameFilter("shop")
TAG, PUSH = "ECR-TAG-MUTABILITY", "ECR-SCAN-ON-PUSH"
MISSING, INVALID = "ECR-LIFECYCLE-MISSING", "ECR-LIFECYCLE-INVALID"
UNTAGGED_KEPT, OLD_KEPT = "ECR-LIFECYCLE-UNTAGGED", "ECR-LIFECYCLE-OLD"

TAGS: list[tuple[dict[str, Any], set[str]]] = [
    ({"tag_mutability": "IMMUTABLE"}, set()),
    ({"tag_mutability": "MUTABLE"}, {TAG}),
    ({"tag_mutability": EXCLUDING, "exclusions": (LATEST,)}, set()),
    ({"tag_mutability": EXCLUDING, "exclusions": (LATEST, RELEASES)}, {TAG}),
    ({"tag_mutability": INCLUDING, "exclusions": (RELEASES,)}, {TAG}),
    ({"tag_mutability": "SOMETHING_NEW"}, {TAG}),
]
SCANNING: list[tuple[dict[str, Any], set[str]]] = [
    ({"scan_on_push": True}, set()),
    ({"scan_on_push": False}, {PUSH}),
    ({"scan_on_push": False, "scan_rules": (ScanningRule("SCAN_ON_PUSH", (MINE,)),)}, set()),
    ({"scan_on_push": True, "scan_rules": (ScanningRule("SCAN_ON_PUSH", (OTHERS,)),)}, {PUSH}),
    ({"scan_on_push": True, "scan_rules": (ScanningRule("MANUAL", (MINE,)),)}, {PUSH}),
    ({"scan_on_push": True, "scan_type": "ENHANCED"}, {PUSH}),
    (
        {
            "scan_type": "ENHANCED",
            "scan_on_push": False,
            "scan_rules": (ScanningRule("CONTINUOUS_SCAN", (OTHERS, MINE)),),
        },
        set(),
    ),
]
POLICIES: list[tuple[str | None, set[str]]] = [
    (None, {MISSING}),
    ("{", {INVALID}),
    (a_policy(a_rule()), set()),
    (a_policy(UNTAGGED), {OLD_KEPT}),
    (a_policy(UNTAGGED, OLD), set()),
    (a_policy(OLD), {UNTAGGED_KEPT}),
    (a_policy(a_rule(countNumber=21)), {OLD_KEPT}),
    (a_policy(a_rule(action="transition")), {UNTAGGED_KEPT, OLD_KEPT}),
]
ENCRYPTIONS: list[tuple[str, set[str]]] = [
    ("KMS", set()),
    ("KMS_DSSE", set()),
    ("AES256", {"ECR-ENCRYPTION"}),
]


@pytest.mark.parametrize("kms", [True, False])
def test_every_combination_has_exactly_its_own_findings(*, kms: bool) -> None:
    """No setting hides or brings up the finding of another."""
    for mutability, scanning, policy, encryption in product(TAGS, SCANNING, POLICIES, ENCRYPTIONS):
        settings = a_repository(
            **mutability[0], **scanning[0], lifecycle_policy=policy[0], encryption=encryption[0]
        )
        wanted = mutability[1] | scanning[1] | policy[1] | (encryption[1] if kms else set())

        found = ids(settings, allow_mutable=("latest",), encryption="KMS" if kms else None)

        assert found == wanted, settings


@every(
    ("exclusion", "allowed", "fine"),
    [
        ("latest", ("latest",), True),
        ("latest", (), False),
        ("dev-*", ("dev-*",), True),
        ("dev-*", ("*",), True),
        ("dev-a*", ("dev-*",), True),
        ("dev*", ("dev-*",), False),
        ("dev-*", ("dev-?",), False),
        ("dev-a", ("dev-?",), True),
        ("*", ("latest",), False),
    ],
)
def test_an_exclusion_is_fine_when_all_its_tags_may_move(
    exclusion: str, allowed: tuple[str, ...], *, fine: bool
) -> None:
    settings = a_repository(tag_mutability=EXCLUDING, exclusions=(NameFilter(exclusion),))

    assert (ids(settings, allow_mutable=allowed) == set()) is fine


def test_all_tags_may_move_where_all_are_allowed() -> None:
    assert ids(a_repository(tag_mutability="MUTABLE"), allow_mutable=("*",)) == set()


@every(
    ("filter_", "name", "matched"),
    [
        # https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-filters.html
        ("prod", "repo-prod-repo", True),
        ("*prod", "repo-prod", True),
        ("*prod", "prod-repo", False),
        ("prod*", "prodrepo", True),
        ("prod*", "repo-prod", False),
        ("*prod*", "repo-prod-repo", True),
        ("prod*repo", "prodrepo", True),
        ("prod*repo", "repo-prod", False),
        ("a.b*", "axb", False),
    ],
)
def test_filters_match_as_the_vendor_says(filter_: str, name: str, *, matched: bool) -> None:
    assert matches(NameFilter(filter_), name) is matched


def test_a_prefix_matches_the_beginning() -> None:
    assert matches(NameFilter("pay", "PREFIX_MATCH"), NAME)
    assert not matches(NameFilter("api", "PREFIX_MATCH"), NAME)


def test_enhanced_scanning_without_rules_scans_nothing() -> None:
    assert not scans_on_push(a_repository(scan_type="ENHANCED"))


# --- the last scan ------------------------------------------------------------------------------


def a_scanned(last: LastScan | None, *, days: float = 100) -> RepositorySettings:
    newest = an_image(pushed_at=NOW - timedelta(days=days))
    return a_repository(newest=newest, last_scan=last, images=1, tag_sets=(("1.4.1",),))


@every(
    ("last", "days", "found"),
    [
        (None, 100, True),
        (None, 0.5, False),
        (a_last_scan(completed_at=NOW - timedelta(days=31)), 100, True),
        (a_last_scan(completed_at=NOW - timedelta(days=30)), 100, False),
        (a_last_scan(completed_at=None), 100, False),
        (a_last_scan("UNUSABLE", "FAILED"), 100, True),
        (a_last_scan("NONE", "SCAN_NOT_FOUND"), 100, True),
        (a_last_scan("RUNNING", "IN_PROGRESS"), 100, True),
    ],
)
def test_the_newest_image_has_a_scan_of_these_days(
    last: LastScan | None, days: float, *, found: bool
) -> None:
    wanted = {"ECR-NOT-SCANNED"} if found else set()

    assert ids(a_scanned(last, days=days)) == wanted


def test_an_empty_repository_has_nothing_to_scan() -> None:
    assert ids(a_repository(newest=None)) == set()
    assert ids(a_repository(newest=an_image(pushed_at=None))) == set()


def test_how_long_a_scan_is_good_can_be_chosen() -> None:
    scanned = a_scanned(a_last_scan(completed_at=NOW - timedelta(days=31)))

    assert ids(scanned, scanned_within=31) == set()


def test_of_a_scan_that_ended_otherwise_the_status_is_said() -> None:
    (found,) = check(a_scanned(a_last_scan("UNUSABLE", "FAILED")), Expectations(), now=NOW)

    assert found.description is not None
    assert "ended as FAILED" in found.description


# --- what is kept -------------------------------------------------------------------------------


def test_images_that_no_rule_matches_count() -> None:
    """Rules for some tags are enough while few images have others."""
    releases = a_rule(2, tagStatus="tagged", tagPrefixList=["v"])
    policy = a_policy(UNTAGGED, releases)
    few = a_repository(lifecycle_policy=policy, images=21, tag_sets=(("dev",),) * 20 + (("v1",),))
    many = a_repository(lifecycle_policy=policy, images=21, tag_sets=(("dev",),) * 21)

    assert ids(few) == set()
    assert ids(many) == {OLD_KEPT}


def test_what_is_stored_is_an_upper_bound() -> None:
    held = a_repository(images=2, stored_bytes=20 * 1024**3)
    small = a_repository(images=1, stored_bytes=3 * 1024**2)

    assert "2 images of up to 20.0 GB, up to 2.00 USD" in cost(held, Expectations())
    assert "up to 4.00 USD" in cost(held, Expectations(price=0.2))
    assert "1 image of up to 3 MB, up to 0.00 USD" in cost(small, Expectations())
    assert cost(a_repository(), Expectations()) == "The repository is empty now."


def test_findings_come_worst_first_and_with_their_remedy() -> None:
    settings = a_repository(tag_mutability="MUTABLE", lifecycle_policy=None, images=3)

    found = check(settings, Expectations(), now=NOW)

    assert [each.severity.name for each in found] == ["HIGH", "MEDIUM"]
    for each in found:
        assert each.fixable
        assert each.fixed_version is None
        assert each.extra[COMMAND].splitlines()[-1].startswith("aws ecr put-")
        assert each.extra[REMARK].startswith("Before you run it: ")
        assert each.extra[COMMAND] in (each.remediation or "")
        assert "AWS::ECR::Repository" in (each.remediation or "")


def test_a_repository_is_an_image_without_a_digest() -> None:
    repository, tag = an_image(digest="", tags=()), an_image(digest="", tags=("1.4.2",))

    assert repository.name == NAME
    assert repository.key == "000474600478/eu-central-1/payments/api"
    assert tag.key == "000474600478/eu-central-1/payments/api:1.4.2"
    assert Image("aws", "1", "r", "a", "").key != Image("aws", "1", "r", "a", "sha256:1").key


def test_a_check_names_what_is_not_known_of_the_newest_image() -> None:
    """An archived image has no scan, and an older boto3 does not say that it is archived."""
    newest = an_image(pushed_at=NOW - timedelta(days=2), doubts=(Doubt.ARCHIVED,))
    settings = a_repository(newest=newest, last_scan=None, images=1, tag_sets=(("1.4.1",),))

    (finding,) = check(settings, Expectations(), now=NOW)

    assert finding.description is not None
    assert finding.description.endswith("Not known: whether it is archived.")


def test_scans_of_the_newest_image_may_be_of_any_source() -> None:
    last = LastScan(ScanSource.ECR_ENHANCED, "ACTIVE", ScanProgress.USABLE, NOW)

    assert ids(a_scanned(last)) == set()


@pytest.mark.parametrize(
    ("allow", "remark", "guided"),
    [
        (
            (),
            (
                "a tag can no longer be pushed twice; for tags that move add `--allow latest` and "
                "list them under allow_mutable in alerts.yml"
            ),
            "repository fix payments/api --region eu-central-1",
        ),
        (
            ("latest",),
            (
                "a tag can no longer be pushed twice unless it matches latest; for others that "
                "move add them behind `--allow` and to allow_mutable in alerts.yml"
            ),
            "repository fix payments/api --region eu-central-1 --allow latest",
        ),
    ],
)
def test_one_command_fixes_tags_and_scanning(
    allow: tuple[str, ...], remark: str, guided: str
) -> None:
    """It leaves alone the tags that may move."""
    settings = a_repository(tag_mutability="MUTABLE", scan_on_push=False)

    found = {
        finding.vulnerability_id: finding.extra
        for finding in check(settings, Expectations(allow_mutable=tags(*allow)), now=NOW)
    }

    assert found[TAG]["guided-remark"] == remark
    assert found[TAG]["guided"] == f"ecr-scan-alerts {guided}"
    assert found[PUSH]["guided"] == f"ecr-scan-alerts {guided}"


def test_the_command_of_aws_names_how_tags_are_excluded() -> None:
    """It locks every tag without that."""
    (found,) = check(a_repository(tag_mutability="MUTABLE"), Expectations(), now=NOW)

    assert found.extra["remark"] == (
        "Before you run it: it locks every tag, and pushing an existing tag again will fail. If "
        "you push tags again (latest, production), list them under allow_mutable in alerts.yml, "
        "and run it with --image-tag-mutability IMMUTABLE_WITH_EXCLUSION "
        "--image-tag-mutability-exclusion-filters filterType=WILDCARD,filter=TAG."
    )
    assert len(found.extra["remark"]) <= 400


def test_rules_of_the_registry_are_not_changed_by_that_command() -> None:
    """It changes one repository."""
    settings = a_repository(scan_type="ENHANCED", scan_rules=())

    (found,) = check(settings, Expectations(), now=NOW)

    assert found.vulnerability_id == PUSH
    assert "guided" not in found.extra
