"""The judgement of a lifecycle policy: what stays for ever, which rules are idle, what runs."""

from datetime import timedelta
from typing import Any

from lib.checks.lifecycle import endangered, judge, marks, needed
from lib.checks.policies import LifecyclePolicy
from lib.models import RunningImage, StoredImage
from tests.checks.test_check import a_store, an_image_in_store
from tests.checks.test_policies import ARCHIVAL, IN_ARCHIVE, a_rule, read
from tests.support.builders import NOW, a_digest
from tests.support.every import every

VERSIONS = a_rule(1, "tagged", 100, tagPrefixList=["v"])
UNTAGGED = a_rule(1, "untagged", days=30)
ANY = a_rule(9)
EMPTIED = a_rule(9, days=90, **IN_ARCHIVE)
PULLED = {"countType": "sinceImagePulled", "action": ARCHIVAL}


def stays(rules: list[Any], stored: Any = (), keep: int = 20) -> tuple[bool, bool]:
    """Return whether untagged, and whether old images stay for ever."""
    judgement = judge(read(*rules), stored, keep)
    return bool(judgement.untagged), bool(judgement.old)


@every(
    ("rules", "untagged", "old"),
    [
        ([ANY], False, False),
        ([UNTAGGED], False, True),
        ([a_rule(1, "tagged", tagPatternList=["*"])], True, False),
        ([a_rule(1, "tagged", tagPatternList=["*", "**"])], True, False),
        ([a_rule(days=365)], False, False),
        ([a_rule(count=21)], False, True),
        # A rule for some tags that keeps more is intent.
        ([VERSIONS, ANY], False, False),
        ([VERSIONS], True, False),
        # What the first selects, the second cannot expire.
        ([a_rule(1, "untagged", days=30, action=ARCHIVAL), ANY], True, False),
        ([a_rule(1, days=30, action=ARCHIVAL)], True, True),
        # Nothing fills the archive that the rule would empty.
        ([EMPTIED], True, True),
        ([a_rule(1, days=30, action=ARCHIVAL), EMPTIED], False, False),
        ([a_rule(1, days=30, **PULLED), EMPTIED], False, False),
        ([UNTAGGED, a_rule(2, days=30, **PULLED), EMPTIED], False, False),
        # The archive is emptied of others only.
        (
            [
                UNTAGGED,
                a_rule(2, days=30, action=ARCHIVAL),
                a_rule(3, "tagged", days=90, tagPatternList=["dev-*"], **IN_ARCHIVE),
            ],
            False,
            True,
        ),
    ],
)
def test_images_end_by_one_rule_or_stay(rules: list[Any], *, untagged: bool, old: bool) -> None:
    """By whatever rules: in standard storage, or by way of the archive."""
    assert stays(rules) == (untagged, old)


def test_the_reason_names_the_rule() -> None:
    archiving = judge(read(a_rule(3, days=30, action=ARCHIVAL)), (), 20)
    keeping = judge(read(a_rule(4, count=1000)), (), 20)

    assert archiving.untagged == (
        "Rule 3 archives them, and no rule deletes them from the archive."
    )
    assert keeping.old == "Rule 4 keeps 1,000, and 20 may stay."


def test_images_that_no_rule_selects_may_be_as_many_as_stay() -> None:
    rules = [UNTAGGED, a_rule(2, "tagged", tagPatternList=["v*"])]

    assert stays(rules, a_store(21, [("dev",)] * 20 + [("v1",)])) == (False, False)
    assert stays(rules, a_store(21, [("dev",)] * 21)) == (False, True)


# --- rules that act on no image -----------------------------------------------------------------


def idle(*rules: Any, tag_sets: Any = ()) -> dict[int, str]:
    stored = a_store(len(tag_sets), tag_sets)
    return {one.rule.priority: one.reason for one in judge(read(*rules), stored, 20).idle}


def tagged(priority: int, *patterns: str, **more: Any) -> Any:
    return a_rule(priority, "tagged", 9999, tagPatternList=list(patterns), **more)


def test_several_patterns_that_were_meant_as_alternatives_are_named() -> None:
    """Public case: `prod` and `staging` were not protected, and went after 90 days."""
    rules = (tagged(1, "prod", "staging"), UNTAGGED | {"rulePriority": 2}, a_rule(3, days=90))

    found = idle(*rules, tag_sets=[("prod", "abc1234"), ("staging", "abd1234"), ("x",)])

    assert found == {
        1: "an image needs a tag for each of prod, staging: 2 images have one for some, "
        "and none for all"
    }


@every(
    ("rules", "tag_sets", "reasons"),
    [
        ([tagged(1, "prod", "staging")], [("prod", "staging")], {}),
        # Nothing is known before there are images, or of tags that nobody uses yet.
        ([tagged(1, "prod", "staging")], [], {}),
        ([tagged(1, "release-*")], [("dev-1",)], {}),
        ([tagged(1, "release")], [("release-1",), ("release-2",)], {1: "without a *"}),
        ([tagged(1, "release")], [("release",), ("release-2",)], {}),
        ([tagged(1, "v[0-9]*")], [("v1",)], {1: "no tag can match v[0-9]*"}),
        ([tagged(1, "^v.*$")], [("v1",)], {1: "no tag has '^'"}),
        ([tagged(1, "v?")], [], {1: "no tag has '?'"}),
        ([a_rule(1, "tagged", tagPrefixList=["v*"])], [("v1",)], {1: "no tag begins with v*"}),
        ([a_rule(1, "tagged", tagPrefixList=["a", "b"])], [("a1",)], {1: "for each of a, b"}),
        # An earlier rule has all of the images.
        ([tagged(1, "*"), tagged(2, "dev-*")], [], {2: "rule 1 selects all of its images first"}),
        ([tagged(1, "dev*"), tagged(2, "dev-*", "x")], [], {2: "rule 1 selects all"}),
        ([tagged(1, "dev-*", "x"), tagged(2, "dev-*")], [], {}),
        ([tagged(1, "dev-*"), tagged(2, "*")], [], {}),
        ([a_rule(1, "tagged", tagPrefixList=["v"]), tagged(2, "v1*")], [], {2: "rule 1 selects"}),
        ([tagged(1, "v"), a_rule(2, "tagged", tagPrefixList=["v"])], [], {}),
        (
            [
                tagged(1, "*", action=ARCHIVAL),
                a_rule(2, "tagged", tagPrefixList=["v"], days=90, **IN_ARCHIVE),
            ],
            [],
            {},
        ),
    ],
)
def test_a_rule_that_acts_on_no_image_has_a_reason(
    rules: list[Any], tag_sets: list[Any], reasons: dict[int, str]
) -> None:
    found = idle(*rules, tag_sets=tag_sets)

    assert found.keys() == reasons.keys()
    for priority, reason in reasons.items():
        assert reason in found[priority]


def test_images_in_the_archive_do_not_make_a_rule_act() -> None:
    stored = [an_image_in_store(1, "prod", "staging", archived=True), an_image_in_store(2, "prod")]

    (found,) = judge(read(tagged(1, "prod", "staging")), stored, 20).idle

    assert found.meant == (("prod",), ("staging",))


# --- images that a policy marks -----------------------------------------------------------------


def marked(policy: LifecyclePolicy, *stored: StoredImage) -> dict[str, int]:
    found = marks(policy, stored, NOW)
    return {
        ",".join(image.tags): found[image.digest].priority
        for image in stored
        if image.digest in found
    }


def test_an_earlier_rule_protects_what_it_selects() -> None:
    policy = read(tagged(1, "prod*"), a_rule(2, count=1))
    stored = [an_image_in_store(n, tag, days=n) for n, tag in enumerate(("new", "prod1", "old"), 1)]

    assert marked(policy, *stored) == {"old": 2}


def test_ages_count_from_the_push_the_pull_or_the_archival() -> None:
    policy = read(
        a_rule(1, "tagged", days=10, tagPatternList=["a"]),
        a_rule(2, days=30, **PULLED),
        EMPTIED,
    )
    long_ago, lately = NOW - timedelta(days=100), NOW - timedelta(days=1)

    assert marked(
        policy,
        an_image_in_store(1, "a", days=11, pulled_at=lately),
        an_image_in_store(2, "never pulled", days=31),
        an_image_in_store(3, "pulled", days=90, pulled_at=lately),
        an_image_in_store(4, "not pulled since", days=90, pulled_at=long_ago),
        an_image_in_store(5, "archived", days=200, archived=True, archived_at=long_ago),
        an_image_in_store(6, "just archived", days=200, archived=True, archived_at=lately),
        StoredImage(a_digest(7), ("undated",)),
    ) == {"a": 1, "never pulled": 2, "not pulled since": 2, "archived": 9}


def test_what_an_index_refers_to_stays_as_long() -> None:
    part = an_image_in_store(1, days=40)
    index = an_image_in_store(2, "1.0", days=40, parts=(part.digest,))

    assert marked(read(UNTAGGED, ANY), part, index) == {}


# --- what runs ----------------------------------------------------------------------------------


def runs(image: StoredImage, *, tag: bool = False) -> RunningImage:
    return RunningImage("" if tag else image.digest, image.tags if tag else (), "2 tasks")


def test_a_running_image_that_a_rule_takes_away_is_named() -> None:
    """Public case: lifecycle rules deleted images that services still ran."""
    new, old = an_image_in_store(1, "new"), an_image_in_store(2, "old", days=9)
    policy = read(a_rule(3, count=1))

    by_digest, by_tag = (
        endangered(policy, (new, old), [runs(new), runs(old, tag=tag)], NOW)
        for tag in (False, True)
    )

    assert [(one.image, one.rule.priority) for one in by_digest] == [(old, 3)]
    assert [one.image for one in by_tag] == [old]
    assert endangered(read(a_rule(3, count=2)), (new, old), [runs(old)], NOW) == ()
    assert endangered(policy, (new,), [runs(old)], NOW) == ()


def test_a_running_part_goes_with_the_last_of_its_indexes() -> None:
    part = an_image_in_store(1, days=40)
    old = an_image_in_store(2, "old", days=40, parts=(part.digest,))
    new = an_image_in_store(3, "new", days=1, parts=(part.digest,))
    policy = read(a_rule(1, days=30))

    assert [one.image for one in endangered(policy, (part, old), [runs(part)], NOW)] == [old]
    assert endangered(policy, (part, old, new), [runs(part)], NOW) == ()


def test_as_many_images_are_needed_as_are_newer_than_the_oldest_that_runs() -> None:
    stored = [an_image_in_store(number, str(number), days=number) for number in range(1, 40)]

    assert needed(stored, [runs(stored[3]), runs(stored[33])]) == 34
    assert needed(stored, []) == 0
