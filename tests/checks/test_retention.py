"""Findings about lifecycle policies: what people met, and remedies that keep what is there."""

import json
import shlex
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lib.checks.completion import policy
from lib.checks.expectations import Expectations, MutableTags
from lib.checks.findings import COMMAND, DIFFERENCE, GUIDED, GUIDED_REMARK, REMARK
from lib.checks.lifecycle import endangered
from lib.checks.policies import parse
from lib.checks.settings import check
from lib.models import Finding, RepositorySettings, RunningImage
from tests.checks.test_check import a_repository, a_store, an_image_in_store
from tests.checks.test_policies import ARCHIVAL, IN_ARCHIVE, a_rule, text
from tests.support.builders import NOW

PULLED = {"countType": "sinceImagePulled", "action": ARCHIVAL}
UNTAGGED = a_rule(1, "untagged", days=14)
EITHER = a_rule(1, "tagged", 9999, tagPatternList=["prod", "staging"])
FORTY = a_store(40, [(f"v{number}",) for number in range(40)])


def findings(settings: RepositorySettings, **expected: Any) -> dict[str, Finding]:
    found = check(settings, Expectations(**expected), now=NOW)
    return {finding.vulnerability_id: finding for finding in found}


def a_policy_of(*rules: Any, stored: Any = FORTY, **fields: Any) -> RepositorySettings:
    return a_repository(lifecycle_policy=text(*rules), stored=stored, **fields)


def proposed(finding: Finding) -> str:
    """Return the policy that a remedy puts."""
    words = shlex.split(finding.extra[COMMAND])
    return words[words.index("--lifecycle-policy-text") + 1]


def test_archive_then_expire_keeps_nothing_for_ever() -> None:
    """Public case: what was not pulled is archived, and deleted from the archive."""
    settings = a_policy_of(
        UNTAGGED,
        a_rule(2, days=30, **PULLED, storageClass="standard"),
        a_rule(3, days=90, **IN_ARCHIVE),
    )

    assert findings(settings) == {}


def test_expiry_by_pulls_is_what_ecr_refuses() -> None:
    """Public case: the console's own example."""
    settings = a_policy_of(a_rule(1, days=90, countType="sinceImagePulled"))

    (finding,) = findings(settings).values()

    assert finding.vulnerability_id == "ECR-LIFECYCLE-INVALID"
    assert 'rules[0].action.type: it takes "transition"' in (finding.title or "")


def test_a_policy_that_nobody_can_read_is_corrected_by_hand() -> None:
    """Nothing of it is thrown away."""
    (finding,) = findings(a_repository(lifecycle_policy="{" * 100)).values()

    fetch, trial, put = finding.extra[COMMAND].splitlines()
    assert fetch.startswith("aws ecr get-lifecycle-policy ")
    assert trial == (
        "ecr-scan-alerts repository preview payments/api --region eu-central-1 --policy policy.json"
    )
    assert put.endswith("--lifecycle-policy-text file://policy.json")


def test_alternatives_that_ecr_takes_together_are_a_finding() -> None:
    """Public case: `prod` and `staging` in one rule protect no image."""
    settings = a_policy_of(
        a_rule(1, "tagged", 9999, tagPatternList=["prod", "staging"]),
        a_rule(2, "untagged", days=7),
        a_rule(3, days=90),
        stored=a_store(2, [("prod", "abc1234"), ("staging", "abd1234")]),
    )

    (finding,) = findings(settings).values()

    assert (finding.vulnerability_id, finding.severity.name) == ("ECR-LIFECYCLE-IDLE", "MEDIUM")
    assert finding.title == "rule 1 of the lifecycle policy matches no image"
    assert "2 images have one for some, and none for all" in (finding.description or "")
    assert findings(a_repository(lifecycle_policy=proposed(finding), stored=settings.stored)) == {}


def test_several_rules_that_match_no_image_are_one_finding() -> None:
    settings = a_policy_of(
        a_rule(1, "tagged", tagPatternList=["v[0-9]*"]),
        a_rule(2, "tagged", tagPatternList=["^dev"]),
        a_rule(3),
    )

    (finding,) = findings(settings).values()

    assert finding.title == "rules 1, 2 of the lifecycle policy match no image"
    assert finding.extra[REMARK] == "Correct the tags of these rules:"


@pytest.mark.parametrize(
    ("rules", "ids"),
    [
        ([UNTAGGED], {"ECR-LIFECYCLE-OLD"}),
        ([a_rule(1, "tagged", 5, tagPatternList=["*"])], {"ECR-LIFECYCLE-UNTAGGED"}),
        (
            [a_rule(4, "tagged", 3, tagPatternList=["dev*"])],
            {"ECR-LIFECYCLE-OLD", "ECR-LIFECYCLE-UNTAGGED"},
        ),
        ([a_rule(1, count=30)], {"ECR-LIFECYCLE-OLD"}),
        (
            [
                a_rule(1, "tagged", days=9, tagPatternList=["dev*"], action=ARCHIVAL),
                a_rule(2, "tagged", days=90, tagPatternList=["dev*"], **IN_ARCHIVE),
            ],
            {"ECR-LIFECYCLE-OLD", "ECR-LIFECYCLE-UNTAGGED"},
        ),
    ],
)
def test_a_remedy_keeps_the_rules_and_fixes_all(rules: list[Any], ids: set[str]) -> None:
    settings = a_policy_of(*rules)

    found = findings(settings)
    assert found.keys() == ids
    for finding in found.values():
        after = json.loads(proposed(finding))["rules"]
        own = [rule["selection"].get("tagPatternList") for rule in rules]
        assert [patterns for patterns in own if patterns] == [
            rule["selection"]["tagPatternList"]
            for rule in after
            if "tagPatternList" in rule["selection"]
        ]
        assert "The rules that are there stay." in finding.extra[REMARK]
        assert "+ " in finding.extra[DIFFERENCE]
        repaired = a_repository(lifecycle_policy=proposed(finding), stored=FORTY)
        assert findings(repaired) == {}


@pytest.mark.parametrize(
    ("rules", "ids"),
    [
        ([EITHER], {"IDLE", "OLD", "UNTAGGED"}),
        ([a_rule(1, "tagged", 3, tagPatternList=["v*"])], {"RUNNING", "UNTAGGED"}),
        (
            [EITHER, a_rule(2, "tagged", 3, tagPatternList=["v*"]), a_rule(3, count=30)],
            {"IDLE", "RUNNING", "OLD"},
        ),
    ],
)
def test_one_command_repairs_all_that_is_found_about_a_policy(
    rules: list[Any], ids: set[str]
) -> None:
    """With one command for each fault, the second would undo the first."""
    tags = [*[(f"v{number}",) for number in range(40)], ("prod", "v-prod"), ("staging", "v-next")]
    settings = a_policy_of(*rules, stored=a_store(42, tags), running=in_use(5))

    found = findings(settings)
    (policy_,) = {proposed(finding) for finding in found.values()}

    assert {name.removeprefix("ECR-LIFECYCLE-") for name in found} == ids
    assert findings(replace(settings, lifecycle_policy=policy_)) == {}


def test_an_archive_that_is_never_emptied_is_for_people() -> None:
    found = findings(a_policy_of(a_rule(1, days=30, **PULLED)))

    assert found.keys() == {"ECR-LIFECYCLE-OLD", "ECR-LIFECYCLE-UNTAGGED"}
    for finding in found.values():
        assert "Rule 1 archives them, and no rule deletes them" in (finding.description or "")
        assert "Suppress this where that is meant" in finding.extra[REMARK]
        assert finding.extra[COMMAND].startswith("aws ecr get-lifecycle-policy ")


# --- what runs ----------------------------------------------------------------------------------


def in_use(*places: int) -> Any:
    return tuple(RunningImage(FORTY[place].digest, (), "2 tasks") for place in places)


def test_images_in_use_that_the_policy_takes_away_are_a_finding() -> None:
    """Public case: lifecycle rules deleted images that services still ran."""
    settings = a_policy_of(a_rule(2, days=30), running=in_use(1, 35, 36, 37, 38))

    (finding,) = findings(settings).values()

    assert (finding.vulnerability_id, finding.severity.name) == ("ECR-LIFECYCLE-RUNNING", "HIGH")
    assert finding.title == "the lifecycle policy takes away 4 images in use"
    assert "v35 (2 tasks), v36 (2 tasks), v37 (2 tasks) and 1 more go although" in (
        finding.description or ""
    )
    assert "+ all images: deleted 68 days after their push" in finding.extra[DIFFERENCE]
    repaired = a_repository(
        lifecycle_policy=proposed(finding), stored=FORTY, running=settings.running
    )
    assert findings(repaired) == {}


def test_an_archived_image_cannot_be_pulled_either() -> None:
    settings = a_policy_of(
        a_rule(1, days=30, **PULLED), a_rule(2, days=90, **IN_ARCHIVE), running=in_use(39)
    )

    assert findings(settings).keys() == {"ECR-LIFECYCLE-RUNNING"}


def test_a_recommended_policy_keeps_what_runs() -> None:
    """And is held for right as long as it has to keep that many."""
    settings = a_repository(lifecycle_policy=None, stored=FORTY, running=in_use(33))

    (finding,) = findings(settings).values()

    assert finding.extra[REMARK].endswith("34 and not 20, as an image runs that old.")
    assert not endangered(parse(proposed(finding)), FORTY, in_use(33), NOW)
    assert findings(a_policy_of(*json.loads(policy(34))["rules"], running=in_use(33))) == {}
    assert findings(a_policy_of(*json.loads(policy(34))["rules"])).keys() == {"ECR-LIFECYCLE-OLD"}


def test_a_remedy_names_what_runs_and_would_go() -> None:
    """An untagged image goes by age, whatever number stays."""
    old = an_image_in_store(77, days=50)
    running = (RunningImage(old.digest, (), "a task"),)
    settings = a_repository(lifecycle_policy=None, stored=(old,), running=running)

    (finding,) = findings(settings).values()

    assert finding.extra[REMARK] == (
        f"{old.digest[:19]} (a task) goes although it runs. Deploy newer images first. "
        "Before you run it: ECR will delete all but the newest 20 images for good, also one in "
        "use. To keep more, raise countNumber, or add a rule for their tags first."
    )


def guided(allow: tuple[str, ...] = ()) -> str:
    """Return the command that asks first, of a repository without a lifecycle policy."""
    settings = a_repository(lifecycle_policy=None)
    (finding,) = check(settings, Expectations(allow_mutable=(MutableTags(allow),)), now=NOW)
    return finding.extra.get(GUIDED, "")


def test_a_shorter_command_shows_what_it_deletes_and_asks() -> None:
    """It leaves alone the tags that alerts.yml lets move."""
    fix = "ecr-scan-alerts repository fix payments/api --region eu-central-1"

    assert guided() == fix
    assert guided(("latest", "dev-*")) == f"{fix} --allow latest 'dev-*'"


@pytest.mark.parametrize("allow", [("*",), tuple("abcdef"), ("v[0-9]",)])
def test_where_that_would_change_what_is_allowed_there_is_none(allow: tuple[str, ...]) -> None:
    """ECR excludes few patterns, and all tags may be meant to move."""
    assert guided(allow) == ""


def test_the_policy_can_be_previewed() -> None:
    """With the number of images that alerts.yml names."""
    settings = a_repository(lifecycle_policy=None)

    (finding,) = check(settings, Expectations(keep=7), now=NOW)

    first, second = finding.extra[COMMAND].splitlines()
    assert first == (
        "ecr-scan-alerts repository preview payments/api --region eu-central-1 --keep 7"
    )
    assert '"countNumber":7' in second
    assert finding.extra[GUIDED].endswith("--keep 7")
    assert finding.extra[GUIDED_REMARK] == (
        "all but the newest 7 images are deleted, even ones in use, and untagged ones after 14 "
        "days; to keep more use `--keep 14`"
    )


def test_what_runs_may_be_unknown() -> None:
    unknown, idle = (
        findings(a_repository(lifecycle_policy=None, stored=FORTY, running=running))
        for running in (None, ())
    )

    assert unknown["ECR-LIFECYCLE-MISSING"].extra[REMARK].endswith("What runs is not known here.")
    assert idle["ECR-LIFECYCLE-MISSING"].extra[REMARK].endswith("for their tags first.")
    assert findings(a_policy_of(a_rule(2, days=30), running=None)) == {}
    assert findings(a_policy_of(a_rule(2, days=30), running=())) == {}


def test_days_count_from_the_last_pull_where_the_rule_does() -> None:
    late = an_image_in_store(1, "v1", days=4000, pulled_at=NOW - timedelta(days=3000))
    running = (RunningImage(late.digest, (), "a task"),)
    settings = a_policy_of(
        a_rule(1, days=30, **PULLED),
        a_rule(2, days=90, **IN_ARCHIVE),
        stored=(late,),
        running=running,
    )

    (finding,) = findings(settings).values()

    assert "archived 3,030 days after their last pull" in finding.extra[DIFFERENCE]
