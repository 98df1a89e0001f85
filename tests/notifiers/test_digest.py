"""Digests at every receiver: within limits, inert, and with numbers that add up."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lib.errors import ConfigError
from lib.messages.digest import (
    IMAGES,
    REPORT,
    REPOSITORIES,
    STEPS,
    digest_text_of,
)
from lib.messages.digest_parts import DigestLine, DigestLink, DigestText
from lib.models import (
    Counts,
    Digest,
    HttpAnswer,
    Image,
    OmissionKind,
    OtherFixes,
    Owner,
    PackageDigest,
    Receipt,
    RemainingFixes,
    Severity,
    Unknown,
    UnlistedVulnerability,
    UnscannedImage,
)
from lib.notifiers.sns.headline import MAX_SUBJECT
from lib.notifiers.sns.notifier import FORMATS
from lib.ports.notifiers import Verifiable
from tests.notifiers.jira.test_notifier import assert_valid
from tests.notifiers.sns.test_amazon_q import LIVE
from tests.support import golden
from tests.support.builders import NOW
from tests.support.digests import SHOP, TRAINER, C, H, M, a_digest_of, clear, digests, hostile
from tests.support.every import every
from tests.support.receivers import OPTIONS, THREADS, ScriptedHttp, jira_issue, notifier, tools
from tests.support.scenes import INJECTIONS
from tests.support.thorough import THOROUGH

ROOT = Path(__file__).parents[2]


def takes_digests(mode: str) -> bool:
    """Say what the schema of a type says."""
    schema = ROOT / "schemas" / "notifiers" / f"{OPTIONS[mode]['type']}.json"
    return not isinstance(json.loads(schema.read_text("utf-8")).get("x-no-digest"), str)


DIGESTS = digests()
FOLDERS: dict[str, tuple[str, dict[str, Any]]] = {
    **{mode: (mode, {}) for mode in OPTIONS if takes_digests(mode)},
    **{f"sns-{name}": ("sns", {"format": name}) for name, each in FORMATS.items() if each.digest},
}
each_mode = pytest.mark.parametrize("folder", sorted(set(FOLDERS) - {"sns-text"}))


def text_of(digest: Digest, lines: int = 5) -> DigestText:
    return digest_text_of(digest, lines=lines, characters=10_000)


def rendered(folder: str, digest: Any, thread: str | None = None) -> Any:
    mode, options = FOLDERS[folder]
    made = notifier(mode, tools(), **options)
    for payload in (made.plain(digest, thread=thread), made.render(digest, thread=thread)):
        assert all(each.used <= each.limit for each in made.usage(payload))
        json.dumps(payload, ensure_ascii=False)
        if mode == "jira":
            assert_valid(payload)
    return payload


@each_mode
@every("name", DIGESTS)
def test_every_digest_is_the_same_each_time(folder: str, name: str) -> None:
    """In a thread or in none."""
    for thread in (None, THREADS.get(FOLDERS[folder][0])):
        payload = rendered(folder, DIGESTS[name], thread)

        assert payload == rendered(folder, DIGESTS[name], thread)


@each_mode
def test_a_digest_looks_as_kept(folder: str) -> None:
    """One is enough for the layout; its texts are kept for all."""
    digest = DIGESTS[golden.DIGEST]
    payload = rendered(folder, digest, THREADS.get(FOLDERS[folder][0]))
    text = payload["Message"] if folder == "sns" else None

    kept = payload | {"Message": "…"} if folder == "sns" else payload
    golden.check(folder, f"digest-{golden.DIGEST}", kept, text=text)


OWN = re.compile(
    r"<https://(?:[a-z0-9-]+\.console\.aws\.amazon\.com|nvd\.nist\.gov)/[^|<>]+\|[\w:. -]+>"
)
"""Our own links."""


LONGEST = "<" * 10_000
"""The injection that grows most when it is escaped."""


def test_the_longest_one_is_an_injection() -> None:
    """A text that is none any more would leave the limits untried."""
    assert LONGEST in INJECTIONS


@pytest.mark.untraced
@each_mode
@every("text", INJECTIONS)
def test_absurd_text_stays_inert_and_within_limits(folder: str, text: str) -> None:
    """Names of repositories, packages and tags come from outside here, too."""
    # Of more rows the payloads are the same but for their numbers.
    rows = 900 if THOROUGH else 120 if text == LONGEST else 12
    payload = rendered(folder, hostile(text, rows), THREADS.get(FOLDERS[folder][0]))

    shown = payload.get("Message") if folder == "sns-amazon-q" else json.dumps(payload)
    shown = OWN.sub("", shown)
    if "slack" in folder or folder == "sns-amazon-q":
        assert not LIVE.search(shown)


@every("name", DIGESTS)
def test_a_mail_repeats_its_title_only_where_the_subject_has_no_room(name: str) -> None:
    """People read the subject first."""
    title = text_of(DIGESTS[name]).title
    payload = rendered("sns", DIGESTS[name])

    begins = " ".join(payload["Message"].split()).startswith(title)
    assert begins is (len(title) > MAX_SUBJECT)


@each_mode
def test_the_id_is_in_it(folder: str) -> None:
    """To ask about it, and to know a repeat."""
    digest = a_digest_of()

    assert digest.delivery_id in json.dumps(rendered(folder, digest))


NO_OTHERS = OtherFixes()
UNSCANNED = "2 images not scanned"
NOTHING = "no change since 2026-11-16; nothing open"
TITLES = {
    "week": "43 open in 9 of 14 images (3 CRITICAL, 40 HIGH)",
    "clear": f"{NOTHING} in 14 images",
    "clear-of-what-is-known": f"{NOTHING} in 14 images, as far as known",
    "below": f"{NOTHING} above the threshold of this route in 14 images",
    "doubtful": f"{NOTHING} in 14 images, as far as known",
    "empty": "no scan results yet",
    "unscanned": "no scan results yet",
}
OPENINGS = {
    "week": ("Urgency: high (3 CRITICAL; public exploit)",),
    "clear": (),
    "clear-of-what-is-known": (f"Urgency: medium, in working hours ({UNSCANNED})",),
    "below": ("Also open: 134 HIGH (this digest counts CRITICAL only)",),
    "doubtful": (),
    "empty": ("No scanned image matches the routes of this destination yet",),
    "unscanned": ("Nothing is known about 2 images",),
}


@pytest.mark.parametrize("name", TITLES)
def test_no_more_of_an_all_clear_than_is_true(name: str) -> None:
    """What is not known, or not counted, is no good news; not even in a title."""
    text = text_of(DIGESTS[name])

    assert TITLES[name] in text.title
    assert set(OPENINGS[name]) <= set(text.opening)
    assert bool(text.opening) == bool(OPENINGS[name])
    clear_mark = "\\u2705" in json.dumps(rendered("slack", DIGESTS[name]))
    assert clear_mark == (name == "clear")


def test_the_sum_is_the_one_of_the_digest() -> None:
    digest = a_digest_of()

    assert text_of(digest).opening[1] == (
        "Since 2026-11-16: 7 new (1 CRITICAL, 6 HIGH), 13 gone (2 CRITICAL, 11 HIGH)"
    )
    ages = text_of(digest).details[-1]
    assert ages.startswith("First reported: up to 7 days ago (1 CRITICAL, 6 HIGH), 8 to 30 ")
    assert numbers_of(ages) == 43


def test_lists_are_cut_and_the_rest_is_counted() -> None:
    lines = next(
        part.lines for part in text_of(DIGESTS["many"]).lists if part.title == REPOSITORIES
    )

    assert len(lines) == 6
    assert lines[-1].text == "and 38 more repositories: 38 open"


def test_the_next_steps_come_first() -> None:
    """From which version to which, what that removes, in which images, and a page about it."""
    steps = text_of(a_digest_of()).lists[0]

    assert steps.title == STEPS
    assert steps.lines[0] == DigestLine(
        "Upgrade openssl and 1 more package from 3.0.1, 3.0.2 to 3.0.9: removes 2 CRITICAL, 9 HIGH"
        " in payments/api:1.4.2 and web/storefront:3.2.1",
        (DigestLink("worst: CVE-2026-5450", "https://nvd.nist.gov/vuln/detail/CVE-2026-5450"),),
        place=1,
    )
    assert steps.lines[1].text == (
        "Look for a newer version of tensorflow-gpu 2.6.3: 1 CRITICAL, 24 HIGH in ml/trainer:2.6.0"
    )
    assert [line.text for line in steps.lines[2:]] == [
        "Get legacy/batch:2.0.0 scanned, or delete it (never scanned)",
        "Get tools/backup@sha256:000000000000 scanned, or delete it (no result: UNSUPPORTED_IMAGE)",
    ]


def test_packages_of_one_base_image_are_one_step() -> None:
    """A rebuild changes them all."""
    packages = [
        PackageDigest(name, {M: number}, False, (SHOP,), installed=("1.0",), of_distribution=True)
        for name, number in (("curl", 3), ("zlib", 1))
    ]

    def lines(*packages: PackageDigest) -> list[str]:
        digest = a_digest_of(packages=packages, unscanned=())
        return [line.text for line in text_of(digest).lists[0].lines]

    assert lines(*packages) == [
        (
            "Rebuild web/storefront:3.2.1 on the latest base image and push, then upgrade"
            " what the next scan still lists: curl (3 MEDIUM) and zlib (1)"
        ),
    ]
    assert lines(packages[0])[0].endswith(
        "then upgrade what the next scan still lists: curl 1.0 (3 MEDIUM)"
    )
    worse = replace(packages[0], counts={H: 1, M: 2})
    assert lines(worse, packages[1])[0].endswith("curl (1 HIGH, 2 MEDIUM) and zlib (1 MEDIUM)")


def test_a_release_without_updates_is_rebuilt_and_then_left() -> None:
    """As alerts say it: its last updates come first, the move is to be planned."""
    package = PackageDigest(
        "curl", {M: 3}, False, (SHOP,), installed=("7.68.0-1ubuntu0.20.04.7",), of_distribution=True
    )  # fmt: skip

    def steps(*packages: PackageDigest) -> list[str]:
        digest = a_digest_of(packages=packages, unscanned=())
        return [line.text for line in text_of(digest).lists[0].lines]

    assert steps(package) == [
        (
            "Rebuild web/storefront:3.2.1 and push, then upgrade what the next scan still lists:"
            " curl 7.68.0-1ubuntu0.20.04.7 (3 MEDIUM)"
        ),
        (
            "Plan the move of web/storefront:3.2.1 to a supported release, for example Ubuntu 24.04"
            " (standard support for Ubuntu 20.04 ended in May 2025)"
        ),
    ]
    other = replace(package, package="zlib", images=(TRAINER,))
    _, _, plan = steps(package, other)
    assert plan.startswith("Plan the move of web/storefront:3.2.1 and ml/trainer")
    debian = replace(package, installed=(), images=(replace(SHOP, os="DEBIAN_10"),))
    reason = "for example Debian 13 (no free security updates for Debian 10 since"
    assert reason in steps(debian)[1]
    several = replace(package, images=(SHOP, TRAINER))
    supported = replace(package, installed=("8.5.0-2ubuntu2~24.04.1",))
    for other in (several, supported, replace(package, installed=())):
        (only,) = steps(other)
        assert " on the latest base image and push" in only


def test_what_is_disputed_in_two_images_is_counted_as_the_line_counts() -> None:
    """Once, as a vulnerability; the urgency does not count it twice."""
    package = PackageDigest(
        "scipy", {C: 2}, False, (SHOP, TRAINER), disputed={"disputed by the vendor": 2}
    )
    digest = replace(
        DIGESTS["first"], counts={C: 12}, images=2, clean=0, distinct=9, shared=3,
        distinct_disputed={"disputed by the vendor": 1}, packages=(package,), unscanned=(),
        exploitable=0,
    )  # fmt: skip

    assert text_of(digest).opening == (
        "Urgency: high (12 CRITICAL)",
        "9 different vulnerabilities, 3 in both images; 1 disputed by the vendor",
    )


def test_slack_shows_steps_whole() -> None:
    """No version is cut in the middle, and no count is lost."""
    names = ("openjdk-lts", "curl", "fribidi", "dpkg", "libarchive")
    packages = tuple(
        PackageDigest(
            name, {M: 3}, False, (SHOP,), worst="CVE-2022-21426",
            installed=("11.0.14+9-0ubuntu2~20.04",), of_distribution=True,
        )
        for name in names
    )  # fmt: skip

    message = json.dumps(rendered("slack", a_digest_of(packages=packages)))

    assert ": openjdk-lts (3 MEDIUM), curl (3), fribidi (3), dpkg (3) and libarchive (3)" in message
    assert "|for example CVE-2022-21426>" in message


def test_what_is_unknown_is_said_beside_what_is_known() -> None:
    """Two with a fix are not two of all where a scanner says nothing about most."""

    def lines(fixes: Unknown, exploits: Unknown) -> tuple[str, str]:
        digest = a_digest_of(unknown_fixes=fixes, unknown_exploits=exploits, unscanned=())
        text = text_of(digest)
        return text.details[0], text.footer.partition(" UTC")[0]

    small = "14 images looked at on 2026-11-23 07:00"
    shop = Unknown(12, (SHOP,))
    assert lines(shop, shop) == (
        "The scanner gave no fix or exploit data for the 12 in web/storefront:3.2.1",
        small,
    )
    assert lines(Unknown(), Unknown(43, (SHOP,))) == (
        "No fix yet for 12",
        f"No exploit data from the scanner \N{MIDDLE DOT} {small}",
    )
    assert lines(Unknown(1, (SHOP,) * 3), shop) == (
        (
            "No fix yet for 11; the scanner gave no fix data for 1 of 43, no exploit data for the"
            " 12 in web/storefront:3.2.1"
        ),
        small,
    )


def test_a_fix_and_an_exploit_are_of_vulnerabilities_not_of_images() -> None:
    """The title has the exploits, small print what the steps do not say of fixes."""

    def lines(
        total: int, fixes: int, exploits: int, others: OtherFixes = NO_OTHERS
    ) -> tuple[str, str]:
        numbers = {"counts": {H: total}, "fixable": fixes, "exploitable": exploits}
        text = text_of(a_digest_of(**numbers, other_fixes=others, unscanned=()))
        return text.title.partition("images")[2], text.details[0]

    assert lines(15, 1, 2) == ("; 2 have a public exploit", "No fix yet for 14")
    assert lines(15, 15, 0) == ("", "All have a fix")
    assert lines(1, 1, 1) == ("; 1 has a public exploit", "It has a fix")
    assert lines(15, 0, 0)[1] == "No fix yet for all"
    assert lines(6, 2, 0, OtherFixes(hosts=3, described=1))[1].startswith("Also open: ")
    assert lines(5, 0, 0, OtherFixes(described=5))[1].startswith("Also open: ")
    assert lines(6, 0, 0, OtherFixes(described=5))[1] == "No fix yet for 1"


def test_a_digest_that_did_not_count_all_ways_names_the_upgrades_alone() -> None:
    """The others may be fixed on the hosts."""

    def line(fixable: int) -> str:
        digest = a_digest_of(fixable=fixable, other_fixes=None, unscanned=())
        return text_of(digest).details[0]

    assert line(31) == "31 of the 43 have a fix"
    assert line(1) == "1 of the 43 has a fix"
    assert line(0).startswith("Also open: ")


def test_nothing_is_said_of_fixes_where_nothing_is_known() -> None:
    """The small print says that it is so; of exploits a part may be known."""
    unknown = Unknown(43, (SHOP,))
    digest = a_digest_of(fixable=0, unknown_fixes=unknown, unscanned=())

    text = text_of(replace(digest, unknown_exploits=Unknown(2, (SHOP,))))
    assert text.details[0] == "The scanner gave no exploit data for the 2 in web/storefront:3.2.1"
    assert text.footer.startswith("No fix data from the scanner")
    text = text_of(replace(digest, unknown_exploits=unknown))
    assert text.details[0].startswith("Also open: ")
    assert text.footer.startswith("No fix or exploit data from the scanner")


def test_one_id_stands_as_an_example_for_several_images() -> None:
    """Each image has its own worst one."""
    package = PackageDigest("zlib", {M: 2}, True, (SHOP, TRAINER), worst="CVE-2022-37434")

    (line, *_) = text_of(a_digest_of(packages=(package,))).lists[0].lines

    assert [link.label for link in line.links] == ["worst: CVE-2022-37434"]


def test_a_fix_without_a_version_is_no_upgrade_to_one() -> None:
    """Nor is an id without a page a link."""
    package = PackageDigest("zlib", {M: 1}, fixable=True, images=(SHOP,), worst="X-1")

    assert text_of(a_digest_of(packages=(package,), unscanned=())).lists[0].lines == (
        DigestLine("Upgrade zlib: a fix exists for 1 MEDIUM in web/storefront:3.2.1"),
    )


def test_a_version_from_a_description_is_named_as_such() -> None:
    """The step says where its version is from."""
    package = PackageDigest(
        "scipy", {M: 2}, False, (SHOP, TRAINER), installed=("1.7.0",), described="1.8.0",
        shares=(1, 1),
    )  # fmt: skip

    text = text_of(a_digest_of(packages=(package,)))

    assert text.lists[0].lines[0].text == (
        "Upgrade scipy from 1.7.0 to 1.8.0 or later (version from the CVE texts): removes 2 MEDIUM"
        " in web/storefront:3.2.1 (1) and ml/trainer:2.6.0 (1)"
    )


def test_a_version_that_removes_a_part_says_how_many() -> None:
    """As alerts do; the numbers are those of all images."""
    package = PackageDigest(
        "tensorflow-gpu", {C: 8, H: 100, M: 2}, False, (SHOP, TRAINER), installed=("2.6.3",),
        described="TensorFlow 2.12.0", described_counts={C: 8, H: 94}, shares=(60, 50),
        disputed={"disputed by the vendor": 1},
    )  # fmt: skip

    def step(package: PackageDigest) -> str:
        return text_of(a_digest_of(packages=(package,))).lists[0].lines[0].text

    assert step(package) == (
        "Replace tensorflow-gpu 2.6.3 with tensorflow 2.12.0 or later (version from the CVE texts):"
        " removes 8 CRITICAL, 94 of 100 HIGH, 0 of 2 MEDIUM (1 disputed by the vendor) in"
        " web/storefront:3.2.1 and ml/trainer:2.6.0"
    )
    assert "0 of 2 MEDIUM (disputed by" in step(replace(package, disputed={"disputed by x": 102}))
    assert "0 of 2 MEDIUM in" in step(replace(package, disputed={}))


def test_a_version_that_removes_little_is_no_step_of_its_own() -> None:
    """An upgrade to it would leave most of them."""
    package = PackageDigest(
        "cryptography", {H: 14}, False, (SHOP,), installed=("37.0.2",), described="41.0.2",
        described_counts={H: 1},
    )  # fmt: skip

    def step(package: PackageDigest) -> str:
        return text_of(a_digest_of(packages=(package,))).lists[0].lines[0].text

    assert step(package) == (
        "Look for a newer version of cryptography 37.0.2: 14 HIGH (by the CVE texts, 41.0.2 or"
        " later removes 1 of them) in web/storefront:3.2.1"
    )
    disputed = replace(package, disputed={"disputed by the vendor": 1})
    assert "removes 1 of them, disputed by the vendor) in" in step(disputed)
    half = replace(package, described_counts={H: 7})
    assert "or later (version from the CVE texts): removes 7 of 14 HIGH in" in step(half)


def test_what_is_no_longer_listed_is_named_as_not_counted() -> None:
    """A few by name, with the image that has the package."""
    gone = [UnlistedVulnerability(f"CVE-{n}", H, "linux", "web/storefront:3.2.1") for n in range(4)]

    def line(*unlisted: UnlistedVulnerability) -> str:
        return text_of(a_digest_of(unlisted=unlisted, omitted={}, unscanned=())).details[1]

    assert line(gone[0]).startswith(
        "Not counted: 1 HIGH no longer listed by the scanner (check it: CVE-0 in web/storefront:3."
    )
    assert line(*gone).endswith("and 2 more)")


def test_all_moves_off_old_releases_are_one_step() -> None:
    """Whatever else an image needs, and whether it is rebuilt for it or not."""
    ubuntu, debian = replace(TRAINER, os="UBUNTU_20_04"), replace(SHOP, os="DEBIAN_10")
    row, *_ = a_digest_of().repositories
    rows = tuple(replace(row, image=image, images=1) for image in (ubuntu, debian))
    package = PackageDigest("scipy", {M: 1}, True, (ubuntu,), worst="CVE-2026-1", fixed="1.8.0")

    *_, plan = (
        text_of(a_digest_of(packages=(package,), repositories=rows, unscanned=())).lists[0].lines
    )

    assert plan.text == (
        "Plan the move to a supported release: ml/trainer:2.6.0 (Ubuntu 20.04, ended May 2025), "
        "web/storefront:3.2.1 (Debian 10, ended June 2024)"
    )


def test_several_steps_are_numbered_in_every_receiver() -> None:
    """They are in the order of their effect. A single one, and what is left out, has no number."""
    left_out = RemainingFixes({M: 1}, (SHOP,))
    digest = a_digest_of(fixes_left_out=left_out, unscanned=())

    assert [line.place for line in text_of(digest).lists[0].lines] == [1, 2, 0]
    mail = rendered("sns", digest)["Message"]
    assert "\n  1. Upgrade openssl" in mail
    assert "\n  2. Look for" in mail
    assert "\n  and 1 more with a fix" in mail
    slack = json.dumps(rendered("slack", digest))
    assert "\\n1. Upgrade openssl" in slack
    assert "\\n\\u2022 and 1 more with a fix" in slack
    assert "\\n2. Look for" in rendered("sns-amazon-q", digest)["Message"]
    jira = json.dumps(rendered("jira", digest))
    assert jira.index("orderedList") < jira.index("Upgrade openssl")
    single = replace(digest, packages=digest.packages[:1])
    assert [line.place for line in text_of(single).lists[0].lines] == [0, 0]
    assert "orderedList" not in json.dumps(rendered("jira", single))


def test_a_step_says_what_is_disputed_and_counts_what_it_does_not_name() -> None:
    package = PackageDigest(
        "curl", {M: 3}, False, (SHOP,), of_distribution=True,
        disputed={"disputed by the vendor": 1}, more=2, more_counts={M: 4},
    )  # fmt: skip

    assert text_of(a_digest_of(packages=(package,))).lists[0].lines[0].text == (
        "Rebuild web/storefront:3.2.1 on the latest base image and push, then upgrade what the"
        " next scan still lists: curl (3 MEDIUM, 1 disputed by the vendor) and 2 more packages (4)"
    )
    scipy = PackageDigest("scipy", {M: 2}, False, (SHOP,), disputed={"disputed by the vendor": 2})
    assert text_of(a_digest_of(packages=(scipy,))).lists[0].lines[0].text == (
        "Look for a newer version of scipy: 2 MEDIUM (optional: disputed by the vendor) in"
        " web/storefront:3.2.1"
    )


def test_a_second_package_is_named_where_it_is_known() -> None:
    package = PackageDigest(
        "libssl3t64", {M: 1}, True, (SHOP,), installed=("3.2",), fixed="3.4", others=1,
        other="openssl",
    )  # fmt: skip

    assert text_of(a_digest_of(packages=(package,))).lists[0].lines[0].text == (
        "Upgrade libssl3t64 and openssl from 3.2 to 3.4: removes 1 MEDIUM in web/storefront:3.2.1"
    )


def test_a_package_of_the_distribution_is_upgraded_by_a_rebuild() -> None:
    """As alerts say it; the latest image of a release without updates may lack the version."""
    package = PackageDigest(
        "openssl", {M: 1}, True, (SHOP,), installed=("3.0.13-0ubuntu3.2~24.04.1",),
        fixed="3.0.13-0ubuntu3.4", of_distribution=True,
    )  # fmt: skip

    def step(package: PackageDigest) -> str:
        return text_of(a_digest_of(packages=(package,))).lists[0].lines[0].text

    assert step(package) == (
        "Rebuild web/storefront:3.2.1 on the latest base image: openssl 3.0.13-0ubuntu3.2~24.04.1"
        " \N{RIGHTWARDS ARROW} 3.0.13-0ubuntu3.4, removes 1 MEDIUM"
    )
    assert "base image: openssl \N{RIGHTWARDS ARROW} 3.0.13-0" in step(
        replace(package, installed=())
    )
    both = replace(package, images=(SHOP, TRAINER), shares=(1, 1))
    assert step(both).startswith(
        "Rebuild web/storefront:3.2.1 (1) and ml/trainer:2.6.0 (1) on the latest base image: "
    )
    unnamed = step(replace(package, fixed=None))
    assert unnamed.endswith(
        "on the latest base image: a fix exists for 1 MEDIUM in openssl 3.0.13-0ubuntu3.2~24.04.1"
    )
    ended = replace(package, installed=("1.1.1f-1ubuntu0.20.04.7",))
    assert step(ended).startswith("Upgrade openssl from 1.1.1f-1ubuntu0.20.04.7 to ")


def test_another_product_is_moved_to_not_upgraded_to() -> None:
    """The version is that of the product that the descriptions name."""
    package = PackageDigest(
        "tensorflow-rocm", {M: 10}, False, (SHOP,), installed=("2.6.3",),
        described="TensorFlow 2.12.0",
    )  # fmt: skip

    assert text_of(a_digest_of(packages=(package,))).lists[0].lines[0].text == (
        "Move from tensorflow-rocm 2.6.3 to TensorFlow 2.12.0 or later (version from the CVE"
        " texts): removes 10 MEDIUM in web/storefront:3.2.1"
    )


def test_one_vulnerability_in_two_images_is_two_findings_of_one_vulnerability() -> None:
    """What is counted is said where the numbers differ."""

    def first_line(distinct: int, shared: int, images: int = 14) -> str:
        digest = a_digest_of(distinct=distinct, shared=shared, images=images, clean=0)
        return text_of(digest).details[0]

    assert first_line(30, 7) == "30 different vulnerabilities, 7 in more than one image"
    assert first_line(30, 13, 2) == "30 different vulnerabilities, 13 in both images"
    assert first_line(1, 1, 2) == "The same vulnerability in both images"
    assert first_line(1, 1) == "The same vulnerability in more than one image"
    assert first_line(30, 0) == "30 different vulnerabilities"
    assert first_line(43, 0).startswith("No fix yet")
    first = replace(DIGESTS["first"], distinct=30)
    assert text_of(first).opening[1] == "30 different vulnerabilities"
    assert not any("different" in line for line in text_of(first).details)


def test_the_fixes_without_a_step_are_counted() -> None:
    """The last step says where they are."""

    def last(*images: Image, **counts: int) -> str:
        left_out = RemainingFixes(
            {Severity[name]: number for name, number in counts.items()}, images
        )
        return text_of(a_digest_of(fixes_left_out=left_out)).lists[0].lines[-1].text

    assert last(SHOP, MEDIUM=1) == "and 1 more with a fix: 1 MEDIUM in web/storefront:3.2.1"
    assert last(SHOP, TRAINER, HIGH=2, MEDIUM=10) == (
        "and 12 more with a fix: 2 HIGH, 10 MEDIUM in web/storefront:3.2.1 and ml/trainer:2.6.0"
    )
    assert last(*[SHOP] * 9, HIGH=9).endswith("and 3 more images")


def test_an_image_has_one_name_in_steps_and_lists() -> None:
    """That of its release, with the tags that other streams have for it."""

    def text(*tags: str) -> str:
        image = replace(SHOP, tags=tags)
        row = replace(DIGESTS["week"].repositories[1], image=image, owner=Owner("team-shop"))
        digest = a_digest_of(
            packages=(PackageDigest("zlib", {H: 5}, True, (image,), fixed="2"),),
            repositories=(row,),
            unscanned=(),
        )
        parts = text_of(digest).lists
        return "\n".join(line.text for part in parts[:2] for line in part.lines)

    assert text("3.2.1", "production") == (
        "Upgrade zlib to 2: removes 5 HIGH in web/storefront:3.2.1 (production)\n"
        "web/storefront:3.2.1 (production) \N{MIDDLE DOT} owner: team-shop"
    )
    assert "3.2.1 (production and stable)" in text("3.2.1", "production", "stable")
    assert "3.2.1 (a, b and 2 more tags)" in text("3.2.1", "a", "b", "c", "d")


def test_images_link_to_the_reports_of_their_last_alerts() -> None:
    """Beside the console; a repository with several images has none."""
    shop = DIGESTS["week"].repositories[1]
    digest = a_digest_of(
        repositories=(shop, replace(shop, images=2)), reports={SHOP.key: "https://reports/shop"}
    )

    def links(digest: Digest) -> list[list[str]]:
        places = next(
            part for part in text_of(digest).lists if part.title in (IMAGES, REPOSITORIES)
        )
        return [[link.label for link in line.links] for line in places.lines]

    assert links(digest) == [[REPORT, "ECR console"], ["ECR console"]]
    assert "https://reports/shop" in json.dumps(rendered("slack", digest))
    assert "https://reports/shop" in json.dumps(rendered("jira", digest))
    mail = rendered("sns", digest)["Message"]
    assert "1 CRITICAL, 4 HIGH\n    Report: https://reports/shop\n" in mail
    long = a_digest_of(
        repositories=(replace(shop, image=replace(SHOP, repository="x" * 100)),) * 5,
        unscanned=(),
        reports={
            replace(SHOP, repository="x" * 100).key: f"https://reports/{'x' * 280}",
        },
    )
    blocks = json.dumps(rendered("slack", long))
    assert (blocks.count("https://reports/"), blocks.count("ECR console")) == (5, 0)


def test_an_image_without_a_scan_has_the_advice() -> None:
    advised = UnscannedImage(SHOP, "not supported by the scanner", remedy="Rebuild it.")

    def line(*unscanned: UnscannedImage, part: int = 0) -> str:
        return text_of(a_digest_of(unscanned=unscanned, packages=())).lists[part].lines[0].text

    assert line(advised) == (
        "Get web/storefront:3.2.1 scanned, or delete it (not supported by the scanner). Rebuild it"
    )
    longer = replace(advised, remedy="Rebuild it. If nobody uses it, delete it.")
    assert line(longer) == line(advised)
    steps = replace(
        advised, remedy="Is it one? Turn it on.\nIs it none? Rebuild it.\nElse delete it."
    )
    assert line(steps).endswith(", or delete it (not supported by the scanner)")
    assert line(*[steps] * 3, part=-1).endswith("Is it one? Turn it on. Is it none? Rebuild it")
    old = replace(advised, has_result=True)
    assert line(old).startswith("Get web/storefront:3.2.1 scanned again, or delete it (not ")
    assert line(*[advised] * 3, part=-1) == (
        "web/storefront:3.2.1: not supported by the scanner. Rebuild it"
    )


def test_a_kernel_is_that_of_the_host() -> None:
    """What an image without it is worth can wait."""
    package = PackageDigest("linux", {M: 1}, fixable=True, images=(SHOP,), fixed="4.19.304-1")

    assert text_of(a_digest_of(packages=(package,))).lists[0].lines[0].text == (
        "Check that the hosts of web/storefront:3.2.1 run a patched kernel: 1 MEDIUM in linux; the"
        " image can wait"
    )
    unfixed = replace(package, fixable=False, fixed=None, of_distribution=True)
    other = PackageDigest("zlib", {M: 1}, fixable=False, images=(SHOP,), of_distribution=True)
    lines = text_of(a_digest_of(packages=(unfixed, other), unscanned=())).lists[0].lines
    assert "run a patched kernel: 1 MEDIUM" in lines[0].text
    assert len(lines) == 2


def test_a_period_without_a_change_is_short() -> None:
    """No steps, no chart, no ages, no list of what has not changed."""
    made = text_of(DIGESTS["unchanged"])

    assert made.opening == ("Urgency: high (3 CRITICAL; public exploit)",)
    assert made.title == (
        "Weekly digest: no change since 2026-11-16; 43 open in 9 of 14 images (3 CRITICAL,"
        " 40 HIGH); 2 have a public exploit; 2 images not scanned"
    )
    assert made.details[0].startswith("No fix yet for 12")
    assert (made.lists, made.trend) == ((), ())
    assert not any("Known to" in line for line in made.details)


def test_the_first_digest_has_no_trend() -> None:
    """What was open before it began is not known: no sum begins with a zero, nothing is new."""
    text = text_of(DIGESTS["first"])

    assert text.title.startswith("First weekly digest: ")
    assert text.trend == ()
    assert not re.search(r"[+(]0 |\+|\bnew\b| 0 ", " ".join((text.title, *text.opening)))


def test_a_summary_says_why_it_is_sent() -> None:
    """It is no digest of a day, and has no period to compare with."""
    text = text_of(DIGESTS["summary"])

    assert text.title.startswith("Summary: 43 open in 9 of 14 images (3 CRITICAL, 40 HIGH)")
    assert text.opening[-1] == "alerts.yml changed what is reported here of 12 streams"
    assert "digest" not in " ".join(text.opening)


def test_what_is_not_counted_is_named() -> None:
    """With the rule that leaves it out."""
    assert text_of(DIGESTS["week"]).details[1] == (
        "Also open: 112 MEDIUM (this digest counts HIGH and above); not counted: 3 unrated (the"
        " scanner gave no severity), 4 HIGH (left out by other filters of these routes), 1 MEDIUM"
        " (accepted)"
    )


def test_the_severities_that_are_counted_are_said_where_the_numbers_show_them() -> None:
    """Routes may have several thresholds, and nothing shows that of a severity without any."""

    def line(counts: Counts, below: Counts, *routes: str) -> str:
        omitted = {OmissionKind.BELOW: below}
        text = text_of(a_digest_of(counts=counts, omitted=omitted, routes=routes, ages=()))
        return text.details[-1]

    counted = "Also open: 2 HIGH (this digest counts CRITICAL only)"
    assert line({C: 12}, {H: 2}, "a", "b") == counted
    assert line({}, {H: 2}, "a") == counted
    assert line({C: 12}, {M: 2}, "a") == "Not counted: 2 MEDIUM (below the threshold of this route)"
    other = "Not counted: 2 HIGH (below the threshold of these routes)"
    assert line({}, {H: 2}, "a", "b") == other
    assert line({C: 1, H: 1}, {H: 2}, "a", "b") == other
    assert line({C: 1, Severity.UNKNOWN: 1}, {H: 2}, "a", "b") == other


def test_many_images_without_a_result_are_counted() -> None:
    """A list names them."""
    three = (*DIGESTS["week"].unscanned, UnscannedImage(SHOP, "never scanned"))

    text = text_of(a_digest_of(unscanned=three))
    assert text.lists[-1].title == "Not scanned (3)"
    assert len(text.lists[-1].lines) == 3
    assert not any("not scanned" in line.text for line in text.lists[0].lines)


def numbers_of(text: str) -> int:
    """Add up the counts by severity in a text."""
    return sum(map(int, re.findall(r"(\d+) (?:[A-Z]{3,}|unrated)\b", text)))


@every("name", DIGESTS)
def test_the_numbers_of_a_digest_add_up(name: str) -> None:
    """What came and went, what is open, its ages, and what each list has."""
    digest = DIGESTS[name]
    text = text_of(digest, lines=100)
    opening = " ".join(text.opening)

    assert numbers_of(text.title) == digest.total
    new, gone = sum(digest.new.values()), sum(digest.resolved.values())
    for number, word in ((new, "new"), (gone, "gone")):
        moved = re.search(rf"Since [^:]*:(?:.*, )? (\d+) (?:[A-Z]+ )?{word}\b", opening)
        assert moved is None or int(moved[1]) == number
    for line in text.details:
        assert not line.startswith("Known to") or numbers_of(line) == digest.total
    if text.trend:
        assert int(text.trend[-1].split()[-1]) == sum(digest.trend[-1].counts.values())


def test_the_chart_has_a_line_for_each_week() -> None:
    """Bars of one scale; the least number is still seen, and none is an empty bar."""
    chart = text_of(a_digest_of()).trend

    assert len(chart) == 8
    assert len({len(each) for each in chart}) == 1
    assert re.fullmatch(r"05 Oct  \S+ +67", chart[0])
    assert re.fullmatch(r"23 Nov  \S+ +43", chart[-1])
    assert chart[2].count("█") > chart[-1].count("█")
    assert text_of(clear()).trend == ()
    small = replace(
        a_digest_of(),
        trend=(
            replace(a_digest_of().trend[0], counts={}),
            replace(a_digest_of().trend[0], counts={3: 1}),
            replace(a_digest_of().trend[0], counts={3: 1_000}),
        ),
    )
    assert text_of(small).trend[1].split()[2] == "▏"
    assert text_of(small).trend[0].split() == ["05", "Oct", "0"]


def test_json_is_cut_to_what_a_topic_takes() -> None:
    """The worst stay, and what is missing is counted."""
    document = json.loads(rendered("sns-json", hostile("x" * 900))["Message"])

    assert 0 < len(document["repositories"]) < 900
    assert len(document["repositories"]) + document["omitted"]["repositories"] == 900


def test_attributes_of_a_digest() -> None:
    attributes = rendered("sns", a_digest_of())["MessageAttributes"]

    assert attributes["kind"]["StringValue"] == '["DIGEST"]'
    assert attributes["severity"]["StringValue"] == "CRITICAL"
    assert rendered("sns", clear())["MessageAttributes"]["severity"]["StringValue"] == "NONE"


def test_a_format_without_digests_says_so() -> None:
    """check-config refuses it before; nothing else is sent in its place."""
    with pytest.raises(ConfigError, match="has no digests"):
        notifier("sns", tools(), format="ocsf").render(a_digest_of())


@pytest.mark.parametrize("mode", [mode for mode in OPTIONS if not takes_digests(mode)])
def test_a_receiver_without_digests_says_so(mode: str) -> None:
    made = notifier(mode, tools())

    for render in (made.render, made.plain):
        with pytest.raises(ConfigError, match="must not name it"):
            render(a_digest_of())


def test_a_lost_answer_is_looked_up() -> None:
    """Where a receiver can be asked: by the id in a Jira comment, or in a message's metadata."""
    digest = a_digest_of()
    commented = HttpAnswer(200, json.dumps({"comments": [{"body": digest.delivery_id}]}))
    metadata = {
        "event_type": "ecr_scan_alert",
        "event_payload": {"delivery_id": digest.delivery_id},
    }
    message = {"ts": "1795428000.000200", "metadata": metadata}
    listed = HttpAnswer(200, json.dumps({"ok": True, "messages": [message]}))

    for mode, answers in (("jira", (jira_issue(digest), commented)), ("slack-bot", (listed,))):
        made = notifier(mode, tools(http=ScriptedHttp([*answers])))
        assert isinstance(made, Verifiable)
        verdict = made.verify(digest, since=NOW, now=NOW, thread=THREADS[mode])
        assert isinstance(verdict, Receipt)
