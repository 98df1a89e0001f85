"""What a reader asks in the first ten seconds: what, since when, what to do, how to say no."""

import shlex
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from cli.__main__ import main
from cli.alerts_file import read
from lib.core.named_versions import NamedVersion, named_version
from lib.messages.advising import SUPPORT_ENDS, base_of
from lib.messages.describing import score_text, what_it_is
from lib.messages.facts import accepting
from lib.messages.linking import pieces
from lib.messages.parts import AlertText, Platform, Platforms
from lib.messages.text import text_of
from lib.models import Finding, Provenance, Score, Severity
from tests.support.builders import a_filter, a_finding, a_report, an_image
from tests.support.every import every
from tests.support.notices import noticed, notices
from tests.support.scenes import Scene, many

RULES = """\
version: 1
destinations:
  audit: {type: sns, topic_arn: "arn:aws:sns:eu-central-1:123456789012:alerts"}
routes:
  - name: everything
    notify: [audit]
"""


def of(*findings: Finding, threshold: Severity = Severity.LOW, **changes: object) -> AlertText:
    """Return the text of a first scan."""
    report = replace(a_report(*findings), **changes)  # type: ignore[arg-type]  # fields of a report
    return text_of(noticed(Scene(report, filters=(a_filter(severity=threshold),))))


def whole(*findings: Finding, threshold: Severity = Severity.LOW) -> AlertText:
    """Return the text of the page of a first scan."""
    scene = Scene(a_report(*findings), filters=(a_filter(severity=threshold),))
    return text_of(noticed(scene), whole=True)


class TestWhatItIs:
    """One line about a vulnerability, from whatever its source says."""

    @every(
        ("title", "description", "line"),
        [
            ("Heap overflow in libfoo", "Long.", "Heap overflow in libfoo"),
            ("CVE-2026-1 - openssl", "A crafted key overflows. More.", "A crafted key overflows."),
            ("CVE-2026-1", "a flaw was found.", "A flaw was found."),
            (
                None,
                "In the Linux kernel, the following vulnerability has been resolved:  fpga: get  X",
                "fpga: get",
            ),
            (
                None,
                "TensorFlow is an open source platform. A bad index reads out of bounds.",
                "A bad index reads out of bounds.",
            ),
            (
                None,
                "TensorFlow is an open source platform.",
                "TensorFlow is an open source platform.",
            ),
            (None, None, ""),
            (
                None,
                "`ScatterNd` takes an index. A bad one will write elsewhere or trigger a crash.",
                "A bad one will write elsewhere or trigger a crash.",
            ),
            (
                None,
                "A flaw was found. It overflows a buffer. A user may escalate their privileges.",
                "A user may escalate their privileges.",
            ),
            (None, f"A flaw in x. A leak of {'a ' * 200}.", "A flaw in x."),
            (
                None,
                (
                    "Vulnerability in the Oracle Java SE product of Oracle. Supported versions "
                    "that are affected are 7u331. Easily exploitable vulnerability allows access. "
                    "Successful attacks can result in a crash."
                ),
                "Successful attacks can result in a crash.",
            ),
            (None, "[libfoo reuses a connection.]", "Libfoo reuses a connection."),
            (None, f"{'word ' * 25}cut here", f"{'word ' * 24}word …".replace("w", "W", 1)),
        ],
    )
    def test_the_first_sentence_that_says_something(
        self, title: str | None, description: str | None, line: str
    ) -> None:
        """No name alone, no preamble, no sentence about what the package is."""
        finding = a_finding("CVE-2026-1", title=title, description=description)

        assert what_it_is((finding,)) == line

    @every(
        ("description", "line"),
        [
            ("Zlib before 1.2.12 allows corruption.", "Zlib allows corruption."),
            (
                "Dpkg, a manager, before version 1.21.8, 1.20.10, 1.18.26 is prone to traversal.",
                "Dpkg, a manager, is prone to traversal.",
            ),
            ("Libarchive v3.6.0 was found to leak.", "Libarchive was found to leak."),
            ("In x before 2.9.14, a buffer overflows.", "In x, a buffer overflows."),
            ("A flaw in x through 2.9.14.", "A flaw in x through 2.9.14."),
        ],
    )
    def test_a_distribution_has_no_versions_of_a_maker(self, description: str, line: str) -> None:
        """Beside its own version they would read as one to go to; a library has the maker's."""
        finding = a_finding(description=description)
        library = replace(finding, package=replace(finding.package, manager="PYTHONPKG"))

        assert what_it_is((finding,)) == line
        assert what_it_is((library,)) == description

    @pytest.mark.parametrize(
        ("score", "text"),
        [
            (Score(9.8, "3.1", "CVSS:3.1/AV:N/AC:L"), "CVSS 9.8, over the network"),
            (Score(7.0, "3.1", "CVSS:3.1/AV:L/AC:L"), "CVSS 7.0, needs local access"),
            (Score(5.5), "CVSS 5.5"),
            (Score(5.0, "2.0", "AV:N/AC:L/Au:N"), "CVSS v2 5.0, over the network"),
            (None, ""),
        ],
    )
    def test_a_score_says_what_an_attacker_needs(self, score: Score | None, text: str) -> None:
        """Where its vector says so."""
        assert score_text((a_finding(score=score),)) == text


def described(description: str, manager: str = "PYTHONPKG") -> Finding:
    """Return a finding of a dependency, without a fix version."""
    finding = a_finding("CVE-2026-1", package="scipy", version="1.7.0", description=description)
    return replace(finding, package=replace(finding.package, manager=manager))


class TestNamedVersion:
    """Only a description that says "before" exactly one version is worth a word."""

    @every(
        ("description", "version"),
        [
            ("A flaw in SciPy versions prior to 1.8.0.", "1.8.0"),
            ("Prior to version 1.8.0, scipy crashes. Version 1.8.0 has a patch.", "1.8.0"),
            ("SciPy before v1.8.0 crashes", "1.8.0"),
            ("SciPy prior to 1.8.0 or 1.7.9 crashes.", None),
            ("SciPy 1.8.0 crashes.", None),
            ("SciPy before 1.7.0 crashes.", None),
            ("The fix is included in SciPy 1.6.3.", None),
            ("NumPy before 1.8.0 crashes.", None),
            ("SciPy before 1.8.0rc1 crashes.", None),
            ("", None),
        ],
    )
    def test_one_version_of_this_package(self, description: str, version: str | None) -> None:
        """Newer than the one that is installed."""
        named = named_version(described(description))

        assert (named.version if named else None) == version

    @pytest.mark.parametrize(
        ("package", "description", "named"),
        [
            (
                "tensorflow-gpu",
                (
                    "The fix will be included in TensorFlow 2.10.0. We will also cherrypick this "
                    "commit on TensorFlow 2.9.1, TensorFlow 2.8.1, and TensorFlow 2.7.2."
                ),
                NamedVersion("2.10.0", "TensorFlow"),
            ),
            ("flask", "This is fixed in Flask version 2.3.2.", NamedVersion("2.3.2")),
            ("flask", "Patched in flask 2.3.2.", NamedVersion("2.3.2")),
            ("flask", "Fixed in Werkzeug 2.3.2.", None),
            ("(flask", "Fixed in flask 2.3.2.", None),
            (
                "opencv-python-headless",
                "Fixed in opencv-python 4.9.0.",
                NamedVersion("4.9.0", "opencv-python"),
            ),
            ("python-multipart", "This is fixed in Python 3.12.4.", None),
            ("node-fetch", "Fixed in Node 18.20.1.", None),
            ("apache-airflow", "Fixed in Apache 2.4.56.", None),
            ("spring-security-core", "Fixed in Spring 6.1.4.", None),
            ("node-fetch", "Fixed in node-fetch 3.1.1.", NamedVersion("3.1.1")),
            ("ws", "A flaw in Windows Admin Center before 8.1.0.", None),
            ("ws", "A flaw in ws-client before 8.1.0.", None),
            ("ws", "A flaw in `ws` before 8.1.0.", NamedVersion("8.1.0")),
        ],
    )
    def test_the_version_in_which_a_fix_is_included(
        self, package: str, description: str, named: NamedVersion | None
    ) -> None:
        """Of this product: its name is the beginning of the package's."""
        finding = described(description)
        finding = replace(finding, package=replace(finding.package, name=package))

        assert named_version(finding) == named

    def test_a_distribution_has_versions_of_its_own(self) -> None:
        """It patches an old one."""
        assert named_version(described("scipy before 1.8.0", manager="OS")) is None

    @pytest.mark.parametrize(
        ("package", "target", "brief"),
        [
            (
                "tensorflow-rocm",
                (
                    "TensorFlow 2.12.0 or later (replace the package if it has no such release; a "
                    "new major version; run your tests)"
                ),
                "TensorFlow 2.12.0",
            ),
            (
                "tensorflow-gpu",
                "tensorflow 2.12.0 or later (its new name; run your tests)",
                "tensorflow 2.12.0",
            ),
        ],
    )
    def test_another_product_is_moved_to(self, package: str, target: str, brief: str) -> None:
        """Its version is none of the package; the words are those of a digest."""
        finding = described("The fix will be included in TensorFlow 2.12.0.")
        finding = replace(finding, package=replace(finding.package, name=package))

        to_do = of(finding).to_do

        (upgrade,) = to_do.by_description
        assert upgrade.line == (
            "Upgrade or replace (versions from the CVE texts, not from the scanner): "
            f"{package} from 1.7.0 to {target}, removes 1 HIGH"
        )
        assert to_do.brief.endswith(f"{package} to {brief}")

    def test_who_disputes_a_vulnerability_stands_in_its_row(self) -> None:
        """A reader knows that somebody does not take it for one."""
        text = of(described("SciPy crashes. NOTE: the vendor says that this is not a flaw."))

        (row,) = text.sections[0].rows
        assert "disputed by the vendor" in row.remarks

    def test_a_disputed_vulnerability_is_optional_and_comes_last(self) -> None:
        """The urgency says how many of those that it counts are disputed."""
        disputed = described("SciPy before 1.8.0 crashes. NOTE: disputed by the vendor.")
        other = replace(disputed, vulnerability_id="CVE-2026-2", description="It crashes.")
        other = replace(other, description="Flask before 2.3.2 crashes.", severity=Severity.LOW)
        other = replace(other, package=replace(other.package, name="flask"))
        second = replace(
            disputed, vulnerability_id="CVE-2026-3", description="SciPy before 1.8.0 leaks."
        )

        first, last = of(disputed, other).to_do.described
        (partly,) = of(disputed, second).to_do.described

        assert (first.package, last.package) == ("flask", "scipy")
        assert last.effect == "removes 1 HIGH (optional: disputed by the vendor)"
        assert partly.effect == "removes 2 HIGH (1 disputed by the vendor)"
        unknown = "ECR basic scanning has no exploit data"
        assert [
            of(*rows).urgency_line for rows in ((disputed,), (disputed, second), (second,))
        ] == [
            f"Urgency: medium (1 HIGH, disputed by the vendor; {unknown})",
            f"Urgency: medium (2 HIGH, 1 disputed by the vendor; {unknown})",
            f"Urgency: medium (1 HIGH; {unknown})",
        ]

    def test_it_is_no_word_of_the_scanner(self) -> None:
        """And one vulnerability without a version leaves its package out."""
        named = described("SciPy before 1.8.0 crashes.")
        other = replace(named, vulnerability_id="CVE-2026-2", description="It crashes.")

        (upgrade,) = of(named).to_do.described
        assert upgrade.step == "scipy from 1.7.0 to 1.8.0 or later"
        assert of(named).to_do.without_version == ""
        less = replace(other, severity=Severity.MEDIUM)
        (partly,) = of(named, less, threshold=Severity.HIGH).to_do.described
        assert partly.effect == "removes 1 HIGH; 1 more MEDIUM has no known fixed version"
        several = [replace(less, vulnerability_id=f"CVE-2026-{n}") for n in (4, 5)]
        (partly,) = of(named, less, *several, threshold=Severity.HIGH).to_do.described
        assert partly.effect == "removes 1 HIGH; 3 more MEDIUM have no known fixed version"
        third = replace(named, vulnerability_id="CVE-2026-3", description="Not in SciPy 1.8.0.")
        assert of(named, other, third).to_do.described == ()


class TestAcceptTheRisk:
    """Each message has the command, and it runs as it stands."""

    @pytest.mark.parametrize(
        "story", ["baseline", "new-and-resolved", "rescan", "untagged", "scan-failed"]
    )
    def test_the_command_suppresses_what_it_names(
        self, story: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Copied into a shell, with a reason in the place of WHY."""
        monkeypatch.chdir(tmp_path)
        Path("alerts.yml").write_text(RULES, "utf-8")
        text = text_of(notices()[story])

        program, *arguments = shlex.split(text.accept_command)

        assert program == "ecr-scan-alerts"
        assert main(arguments) == 0
        (entry,) = read(Path("alerts.yml")).document["suppressions"]
        expected = text.accept_id or "SCAN_FAILED"
        assert (entry["id"], entry["repository"]) == (expected, text.image.repository)

    def test_the_worst_news_come_first(self) -> None:
        """What was reported before has had its message."""
        assert text_of(notices()["new-and-resolved"]).accept_id == "CVE-2026-2001"

    def test_a_package_is_a_limit_where_there_is_one(self) -> None:
        """Of several packages all are meant."""
        image = an_image()

        assert "--package openssl " in accepting("CVE-1", ["openssl", "openssl"], image)
        assert "--package" not in accepting("CVE-1", ["openssl", "libssl"], image)

    @every(
        "name",
        ["a b", "$(reboot)", "`x`", "x'", "-x", "x;y", "", "https://e.example", "mailto:a@b"],
    )
    def test_a_strange_name_gets_no_command(self, name: str) -> None:
        """What is pasted into a shell holds plain words."""
        assert accepting(name, ["openssl"], an_image()) == ""
        assert accepting("CVE-1", [name], an_image()) == ""

    def test_nothing_open_needs_none(self) -> None:
        """Nor do settings: they are fixed, or not expected."""
        for story in ("all-fixed", "repository-settings"):
            assert text_of(notices()[story]).accept_command == ""

    def test_what_needs_no_scan_can_be_said(self) -> None:
        """A scan that fails for ever is noise otherwise."""
        text = text_of(notices()["scan-failed"])

        assert text.accept_title == "Accept for 90 days that the image is not scanned"
        assert "suppressions add SCAN_FAILED --repository payments/api " in text.accept_command


class TestOneHeadline:
    """The same numbers for every destination, whatever its threshold."""

    def test_a_first_scan_counts_what_is_severe_for_everybody(self) -> None:
        """A destination that asks for less says so below its list."""
        findings = (*many(2, "CRITICAL"), *many(3, "HIGH", start=50), *many(4, "LOW", start=90))

        texts = [of(*findings, threshold=level) for level in (Severity.CRITICAL, Severity.LOW)]

        assert [text.verdict for text in texts] == [
            "First scan: 2 CRITICAL, 3 HIGH",
            "First scan: 2 CRITICAL, 3 HIGH",
        ]
        assert [text.sections[0].heading for text in texts] == ["CRITICAL (2)", "Found (9)"]
        assert (
            texts[0]
            .sections[0]
            .more_packages(8)
            .endswith("Also open: 7 (3 HIGH, 4 LOW) in libfoo (listed here: CRITICAL only)")
        )
        assert not texts[0].unlisted.groups
        assert {text.numbers for text in texts} == {()}

    def test_without_anything_severe_it_counts_what_is_asked_for(self) -> None:
        """Else there would be nothing to say."""
        assert of(*many(4, "MEDIUM")).verdict == "First scan: 4 MEDIUM"


class TestWhatOthersDoNotAskFor:
    """Below a list, with the rule."""

    def test_several_rules_are_all_named(self) -> None:
        """The threshold of one route, and a filter of another."""
        rows = (a_finding("CVE-2026-1"), a_finding("CVE-2026-2", severity="INFORMATIONAL"))
        filters = (
            a_filter(severity=Severity.LOW),
            a_filter(severity=Severity.UNKNOWN, only=("fixable",)),
        )
        text = text_of(noticed(Scene(a_report(*rows), filters=filters)))

        assert text.sections[0].more(8) == (
            "Also open: 1 INFORMATIONAL in openssl (listed here: LOW and above, no fix known)"
        )

    def test_the_ids_of_unrated_ones_stand_there(self) -> None:
        """A reader looks for what a title counts."""
        rows = [a_finding("CVE-2026-1"), a_finding("CVE-2026-2", severity="UNKNOWN")]
        text = of(*rows, threshold=Severity.HIGH)

        assert text.sections[0].more(8) == (
            "Also open: 1 unrated (CVE-2026-2): the scanner gave no severity"
        )
        assert text.open.heading == "Open now: 1 HIGH, 1 unrated"
        assert text.not_open.lines(8) == ["1 unrated (CVE-2026-2): the scanner gave no severity"]

    def test_what_is_mild_and_old_has_no_line_about_what_it_is(self) -> None:
        """What is new has one, without the name of its package."""
        old = a_finding("CVE-2026-1", severity="MEDIUM", title="Overflow in a parser")
        new = a_finding("CVE-2026-2", severity="MEDIUM", title="Openssl: leak of a key")
        before = a_report(old, image=an_image(1))
        text = text_of(
            noticed(
                Scene(
                    a_report(old, new, image=an_image(2)),
                    before,
                    (a_filter(severity=old.severity),),
                )
            )
        )

        assert {row.name: row.what for row in text.open.rows} == {
            "CVE-2026-2": "Leak of a key",
            "CVE-2026-1": "",
        }

    def test_many_groups_of_platforms_are_counted(self) -> None:
        """With how many of them have no result."""
        row = Platform("linux/amd64 only", "1 HIGH", "", is_scanned=True, number=1)
        rows = (*[row] * 5, row._replace(is_scanned=False))

        assert Platforms(rows).sentence(3) == (
            "1 only on linux/amd64; 1 only on linux/amd64; and 4 more groups of platforms "
            "(1 of them not scanned)"
        )


class TestWhereToStart:
    """One package often has most of it."""

    def test_a_package_with_most_of_it_is_named(self) -> None:
        """With its version and its share."""
        heavy = [a_finding(f"CVE-2026-{n}", package="tensorflow", version="2.6") for n in range(6)]

        assert of(*heavy, *many(2, "HIGH")).lead == (
            "6 of the 8 are in one package, tensorflow 2.6. Start there."
        )

    def test_otherwise_there_is_no_such_line(self) -> None:
        """A few findings, one package, or an even spread."""
        alone = [a_finding(f"CVE-2026-{n}", package="tensorflow", version="2.6") for n in range(8)]
        spread = [a_finding(f"CVE-2026-{n}", package=f"lib{n}") for n in range(8)]

        assert [of(*some).lead for some in (alone, spread, many(3, "HIGH"))] == ["", "", ""]

    def test_a_kernel_in_an_image_is_not_the_one_that_runs(self) -> None:
        """Its host's is."""
        alone = of(a_finding("CVE-2026-1001", package="linux"))
        beside = of(a_finding("CVE-2026-1001", package="linux"), a_finding("CVE-2026-2"))

        assert alone.to_do.brief.endswith("; the image can wait")
        assert "the image can wait" not in beside.to_do.brief
        assert alone.to_do.hosts == (
            (
                "Run `uname -r` on the hosts (EKS: `kubectl get nodes -o wide`). Containers use "
                "the host's kernel, so the image can wait"
            ),
            (
                "Compare it with the fixed version: see Amazon's page on CVE-2026-1001 if the "
                "hosts run Amazon Linux, else the vendor's advisory"
            ),
            (
                "If a host's kernel is older: update its AMI and replace it (EKS: the node group). "
                "On Fargate, AWS patches the kernel"
            ),
        )
        assert beside.to_do.hosts[0].endswith("Containers use the host's kernel")
        assert of(a_finding(package="linux-pam")).to_do.hosts == ()

    def test_the_hosts_are_checked_for_each_exploit(self) -> None:
        """Also for one that nobody asked for: that is the danger."""
        text = of(
            a_finding("CVE-2026-1001", package="linux", exploit_available="YES"),
            a_finding("CVE-2026-1002", package="linux"),
            a_finding("CVE-2026-1003", severity="MEDIUM", package="linux", exploit_available="YES"),
            threshold=Severity.HIGH,
        )

        names = ["CVE-2026-1001", "CVE-2026-1003"]
        assert f" see Amazon's pages on {' and '.join(names)} if " in text.to_do.hosts[1]
        assert [link.name for link in text.of_hosts] == names
        assert text.totals.endswith("1 MEDIUM open")

    def test_the_fix_of_the_hosts_is_linked(self) -> None:
        """Where the id is one that the hosts' distribution knows."""
        text = of(a_finding("CVE-2026-1001", package="linux"))
        unknown = whole(a_finding("GHSA-1", package="linux"))

        assert [link.url for link in text.sources] == [
            "https://explore.alas.aws.amazon.com/CVE-2026-1001.html"
        ]
        assert unknown.to_do.hosts[1].endswith(": see the advisory of the hosts' vendor")
        assert unknown.sources == ()

    def test_the_upgrade_of_a_kernel_clears_the_scan_alone(self) -> None:
        """Its step says so, and no title, row or list of upgrades names the version as a fix."""
        text = of(a_finding(package="linux", version="1", fixed_version="2"))

        assert text.to_do.upgrades == ()
        assert text.to_do.later == (
            "Later, in the image (no hurry): `linux 1` \N{RIGHTWARDS ARROW} `2` clears the kernel "
            "vulnerability from the scan"
        )
        assert text.verdict == "First scan: 1 HIGH in the kernel: check the hosts"
        assert text.lasting.endswith("1 HIGH in the kernel: check the hosts")
        assert text.to_do.brief == (
            "Check that the hosts run a patched kernel (`uname -r`); the image can wait"
        )
        assert text.totals == "1 HIGH open; the fix is on the hosts"
        (row,) = text.open.rows
        assert row.fix == text.open.packages[0].fix == ""

    def test_what_is_left_of_a_kernel_is_counted(self) -> None:
        """A version that removes two of three does not clear a scan."""
        rows = [a_finding(f"CVE-2026-{n}", package="linux", fixed_version="2") for n in (1, 2)]
        text = of(*rows, a_finding("CVE-2026-3", package="linux", severity="LOW"))

        assert " clears 2 of the 3 open kernel vulnerabilities from the scan" in text.to_do.later
        assert " clears all 2 open kernel vulnerabilities from the scan" in of(*rows).to_do.later
        assert of(a_finding(package="linux")).to_do.later == ""

    def test_a_kernel_that_shares_all_with_other_packages_is_upgraded_with_them(self) -> None:
        """The image is not clean before: no step says that the kernel in it can wait."""
        names = ("linux", "linux-doc")
        rows = [a_finding(package=name, version="1", fixed_version="2") for name in names]

        to_do = of(*rows).to_do

        assert [upgrade.names for upgrade in to_do.upgrades] == [names]
        assert (to_do.later, to_do.hosts) == ("", ())
        assert "can wait" not in to_do.brief

    def test_a_list_of_one_severity_says_which_one(self) -> None:
        """A bare number of those that are listed reads as a cut list."""
        rows = [a_finding(f"CVE-2026-{n}", severity="CRITICAL") for n in (1, 2)]
        rows.append(a_finding("CVE-2026-3", severity="MEDIUM"))

        text = of(*rows, threshold=Severity.HIGH)

        assert text.sections[0].heading == "CRITICAL (2)"
        fixable = a_finding("CVE-2026-4", severity="CRITICAL", fixed_version="2")
        filters = (a_filter(severity=Severity.HIGH, only=("fixable",)),)
        some = text_of(noticed(Scene(a_report(*rows, fixable), filters=filters)))
        assert some.sections[0].heading == "Found (1)"
        assert some.open.heading == "Open now: 3 CRITICAL, 1 MEDIUM (1 listed)"
        assert some.sections[0].more(8) == (
            "Also open: 2 CRITICAL: no fix version reported; 1 MEDIUM in openssl (listed here:"
            " HIGH and above)"
        )

    def test_what_is_not_severe_can_wait(self) -> None:
        """Even with an exploit."""
        urgency = of(a_finding(severity="MEDIUM", exploit_available="YES")).urgency

        assert urgency is not None
        assert urgency.title == "Urgency: low (highest severity MEDIUM)"
        silent = of(a_finding(severity="MEDIUM")).urgency
        assert silent is not None
        assert silent.title == (
            "Urgency: low (highest severity MEDIUM; ECR basic scanning has no exploit data)"
        )

    def test_what_only_the_headline_counts_comes_after(self) -> None:
        """A route for CRITICAL ones has upgrades for those; the headline counts HIGH ones, too."""
        worst = a_finding("CVE-2026-1", severity="CRITICAL", fixed_version="2")
        versioned = a_finding("CVE-2026-2", package="flask", fixed_version="3")
        others = [a_finding(f"CVE-2026-{number}", package=f"lib{number}") for number in range(3, 7)]

        text = of(worst, versioned, threshold=Severity.CRITICAL)
        many = of(worst, versioned, *others, threshold=Severity.CRITICAL)

        assert text.to_do.then == "Then upgrade flask to 3 (1 HIGH)"
        assert many.to_do.then == (
            "Then upgrade flask to 3 (1 HIGH); look for newer versions of lib3 (1 HIGH),"
            " lib4 (1) and 2 more packages"
        )
        assert of(worst, threshold=Severity.CRITICAL).to_do.then == ""

    def test_packages_without_a_version_are_named_in_their_order(self) -> None:
        """With their numbers: one that several share is counted once, and a severity named once."""
        shared = [a_finding("CVE-2026-1", package=name) for name in ("gzip", "xz-utils")]

        text = of(*shared, a_finding("CVE-2026-2", package="curl"))

        assert text.to_do.without_version == (
            "If the next scan still lists one of these, upgrade it in the Dockerfile: "
            "curl (1 HIGH), gzip and xz-utils (1)"
        )

    def test_the_base_image_is_named_where_the_image_says_it(self) -> None:
        """By the label that builders set."""
        provenance = Provenance(base_image="docker.io/library/debian:12")
        text = of(a_finding(fixed_version="2"), provenance=provenance)

        assert [*text.to_do.groups(9)] == [
            (
                "Rebuild on the latest base image (FROM docker.io/library/debian:12) with "
                "`docker build --pull --no-cache .`, then push"
            )
        ]
        assert ("Base image", "docker.io/library/debian:12") in [fact[:2] for fact in text.facts]


UBUNTU = ("http://people.ubuntu.com/~ubuntu-security/cve/CVE-2024-0001",)


def packaged(purl: str) -> Finding:
    """Return a finding of a package with this URL."""
    finding = a_finding()
    return replace(finding, package=replace(finding.package, purl=purl))


class TestPackagesWithoutAVersion:
    """They are searched for by the usual command, and may have come with the release."""

    def test_the_worst_one_comes_first(self) -> None:
        """As in the lists, and not the one with most vulnerabilities."""
        many = [a_finding(f"CVE-2026-{n}", package="fribidi", links=UBUNTU) for n in range(3)]
        worst = a_finding("CVE-2026-9", package="zlib", links=UBUNTU, exploit_available="YES")

        assert of(*many, worst).to_do.without_version.endswith(": zlib (1 HIGH), fribidi (3)")

    def test_a_single_package_more_is_named(self) -> None:
        """Seven are; of eight the last two are counted."""
        rows = [a_finding(f"CVE-2026-{n}", package=f"lib{n}", links=UBUNTU) for n in range(8)]

        assert of(*rows[:7]).to_do.without_version.endswith("lib5 (1), lib6 (1)")
        assert of(*rows).to_do.without_version.endswith("lib5 (1) and 2 more packages")

    @pytest.mark.parametrize(
        ("urls", "search"),
        [
            (
                ("pkg:pypi/flask@1",),
                (
                    "In requirements.txt (or where you pin versions), raise this to its newest "
                    "release, then rebuild and push"
                ),
            ),
            (
                ("pkg:npm/ws@1", "pkg:npm/got@1"),
                "In package.json (or where you pin versions), raise these to their newest release",
            ),
            (("pkg:gem/rack@1",), "In the Gemfile (or where you pin versions), raise this to its"),
            (("pkg:pypi/flask@1", "pkg:npm/ws@1"), "Where you pin versions, raise these to their"),
            (("pkg:hex/plug@1",), "Where you pin versions, raise this to its newest release"),
        ],
    )
    def test_a_package_manager_has_a_file(self, urls: tuple[str, ...], search: str) -> None:
        """Of one kind of packages; otherwise nobody knows which."""
        rows = [
            replace(packaged(url), vulnerability_id=f"CVE-2026-{place}")
            for place, url in enumerate(urls)
        ]
        rows = [
            replace(row, package=replace(row.package, name=row.package.purl or "", manager="X"))
            for row in rows
        ]

        assert of(*rows).to_do.search.startswith(search)

    def test_what_only_the_headline_counts_has_the_file_too(self) -> None:
        """A list of fifteen packages is no search."""
        worst = a_finding("CVE-2026-1", severity="CRITICAL", fixed_version="2")
        flask = replace(worst.package, name="flask", purl="pkg:pypi/flask@1", manager="PYTHONPKG")
        other = replace(a_finding("CVE-2026-2"), package=flask)

        assert of(worst, other, threshold=Severity.CRITICAL).to_do.then == (
            "Then in requirements.txt (or where you pin versions), raise this to its newest "
            "release, then rebuild and push: flask (1 HIGH)"
        )

    def test_packages_are_linked_in_their_list_alone(self) -> None:
        """By the worst vulnerability, on the page of the distribution with the fixed versions."""
        rows = [
            a_finding(id_, package="next", severity=severity, links=UBUNTU)
            for id_, severity in (("CVE-2026-1001", "LOW"), ("CVE-2026-1002", "HIGH"))
        ]
        text = of(*rows)

        made = [*pieces(text.to_do.without_version, text.of_steps)]

        assert [(piece.text, piece.link.url) for piece in made if piece.link] == [
            ("next", "https://ubuntu.com/security/CVE-2026-1002")
        ]
        assert "".join(piece.text for piece in made) == (
            "If the next scan still lists this package, add RUN apt-get update && apt-get -y "
            "upgrade to the Dockerfile: next (1 HIGH, 1 LOW)"
        )

    @pytest.mark.parametrize(
        ("system", "step"),
        [
            ("UBUNTU_24_04", "add `RUN apt-get update && apt-get -y upgrade` to the Dockerfile"),
            ("ALPINE_LINUX_3_20", "add `RUN apk upgrade --no-cache` to the Dockerfile"),
            ("AMAZON_LINUX_2", "add `RUN yum -y update` to the Dockerfile"),
            ("AMAZON_LINUX_2023", "add `RUN dnf -y upgrade --releasever=latest` to the Dockerfile"),
            ("SLES_15", "add `RUN zypper --non-interactive update` to the Dockerfile"),
            ("DEBIAN_10", "upgrade it in the Dockerfile"),
            ("DEBIAN_13", "add `RUN apt-get update && apt-get -y upgrade` to the Dockerfile"),
            ("PHOTON_5", "upgrade it in the Dockerfile"),
        ],
    )
    def test_a_distribution_has_a_command(self, system: str, step: str) -> None:
        """Debian takes releases without updates off the servers that their images name."""
        todo = of(a_finding(), image=an_image(os=system)).to_do

        assert todo.search == f"If the next scan still lists this package, {step}"

    def test_what_is_new_is_marked_where_others_are_not(self) -> None:
        """By its number: all of a package, or some."""
        old = [a_finding(f"CVE-2026-{n}", package="curl") for n in range(2)]
        new = [a_finding("CVE-2026-5", package="curl"), a_finding("CVE-2026-6", package="gzip")]
        low = a_finding("CVE-2026-7", severity="CRITICAL", package="gzip")
        steps = []
        for rows in (new, [*new, low]):
            scene = Scene(
                a_report(*old, *rows, image=an_image(2)), a_report(*old, image=an_image(1))
            )
            steps.append(text_of(noticed(scene)).to_do.without_version.partition(": ")[2])

        assert steps == [
            "curl (3 HIGH, 1 new), gzip (1 new)",
            "gzip (1 CRITICAL, 1 HIGH, 2 new), curl (3 HIGH, 1 new)",
        ]

    def test_a_release_may_have_added_what_is_new(self) -> None:
        """The commits say it; a package that was there before is not asked for."""
        old = a_finding("CVE-2026-1001", package="curl", links=UBUNTU)
        more = [a_finding(f"CVE-2026-20{n:02}", package=f"lib{n}", links=UBUNTU) for n in range(6)]
        known = a_finding("CVE-2026-3001", package="curl", links=UBUNTU)
        commit = Provenance("1" * 40, "https://github.com/example/payments")

        def added(*rows: Finding) -> str:
            scene = Scene(a_report(old, *rows, image=an_image(2)), a_report(old, image=an_image(1)))
            made = replace(
                noticed(scene),
                provenance=commit,
                provenance_before=replace(commit, commit="2" * 40),
            )
            text = text_of(made)
            step = text.to_do.added
            assert not step or step in text.to_do.after
            return step

        assert added(more[0]) == (
            "Did this release add lib0? Check the commits since 1.4.1; remove it if it is unused"
        )
        assert added(*more).endswith(
            "add lib0, lib1, lib2, lib3 or any of 2 more packages? Check the commits since 1.4.1; "
            "remove what is unused"
        )
        assert added(known) == added(replace(more[0], fixed_version="2")) == ""


class TestTheBaseImage:
    """It brings the packages of the distribution, and is where they are changed."""

    OLD = packaged("pkg:deb/debian/linux@4.19?distro=debian-10")

    def test_without_a_fix_version_the_image_is_rebuilt_first(self) -> None:
        """Whatever is left is looked for then."""
        text = of(packaged("pkg:deb/ubuntu/openssl@3?distro=ubuntu-24.04"))

        assert text.to_do.before == [
            (
                "Rebuild on the latest base image (Ubuntu 24.04): `docker build --pull "
                "--no-cache .`, then push"
            )
        ]
        assert text.to_do.without_version == (
            "If the next scan still lists this package, add `RUN apt-get update && apt-get -y "
            "upgrade` to the Dockerfile: openssl (1 HIGH)"
        )
        assert text.to_do.brief == "Rebuild on the latest base image"
        assert text.to_do.support == ""

    def test_a_link_names_the_distribution_where_nothing_else_does(self) -> None:
        """Basic scanning has neither the release nor a package URL."""
        finding = a_finding(links=("http://people.ubuntu.com/~ubuntu-security/cve/CVE-2024-0001",))

        assert "the latest base image (Ubuntu)" in of(finding).to_do.rebuild

    @pytest.mark.parametrize(
        ("base", "release"),
        [
            ("docker.io/library/debian:10.4-slim", "Debian 10"),
            ("ubuntu:20.04", "Ubuntu 20.04"),
            ("ubuntu:focal", ""),
            ("registry.example.com/ubuntu-tools:20.04", ""),
        ],
    )
    def test_the_base_image_says_the_release(self, base: str, release: str) -> None:
        """By the tag of an official image."""
        text = of(a_finding(), provenance=Provenance(base_image=base))

        target = {"Debian 10": "debian:13", "Ubuntu 20.04": "ubuntu:24.04"}.get(release)
        move = f"Plan the move to a supported release: FROM {target} ("
        assert text.to_do.support.startswith(move) is bool(release)
        assert not release or f" for {release} " in text.to_do.support

    def test_a_release_without_updates_is_named(self) -> None:
        """The cheap step comes first, with its effect: a rebuild brings the last updates."""
        scanned = an_image(os="UBUNTU_20_04")
        without = packaged("pkg:deb/debian/zlib@1")
        assert of(self.OLD, without).to_do.before == of(self.OLD).to_do.before

        assert of(self.OLD).to_do.before == [
            (
                "Rebuild and push: `docker build --pull --no-cache .` brings the updates of "
                "Debian 10 (published until June 2024)"
            ),
        ]
        ubuntu = of(a_finding(), image=scanned).to_do
        assert ubuntu.lines == [
            (
                "Rebuild and push: `docker build --pull --no-cache .` brings the updates of "
                "Ubuntu 20.04 (published until May 2025)"
            ),
            (
                "If the next scan still lists this package, add `RUN apt-get update && apt-get "
                "-y upgrade` to the Dockerfile: openssl (1 HIGH)"
            ),
            (
                "Plan the move to a supported release, for example Ubuntu 24.04 (standard support "
                "for Ubuntu 20.04 ended in May 2025)"
            ),
        ]
        assert ubuntu.now.lines == ubuntu.lines[:2]
        assert ubuntu.brief == "Rebuild, then plan the move to Ubuntu 24.04"

    def test_a_rebuild_is_one_step_with_its_upgrades(self) -> None:
        """The move off a release without updates comes after it."""
        fixed = replace(self.OLD, fixed_version="4.19.304-1")
        dependency = a_finding(fixed_version="3")
        package = replace(dependency.package, name="flask", manager="PYTHONPKG")
        dependency = replace(dependency, package=package)

        (heading,) = of(fixed).to_do.groups(9)
        assert heading == (
            "Rebuild on the latest base image (Debian 10) with `docker build --pull --no-cache .`, "
            "then push"
        )
        plan = (
            "Plan the move to a supported release, for example Debian 13 (no free security updates "
            "for Debian 10 since June 2024)"
        )
        assert of(fixed).to_do.after == [plan]
        assert of(fixed).to_do.lines[1:] == [
            "Build with `docker build --pull --no-cache .`, then push",
            plan,
        ]
        assert of(fixed, replace(self.OLD, vulnerability_id="CVE-2026-9")).to_do.before == []
        assert of(dependency, image=an_image(os="DEBIAN_10")).to_do.support == plan

    def test_the_plan_is_not_left_out_where_it_is_all_there_is_to_do(self) -> None:
        """A message with a release to leave has something to do."""
        to_do = of(a_finding(fix_available="NO"), image=an_image(os="DEBIAN_10")).to_do

        assert to_do.now.after == to_do.after != []

    def test_beside_a_kernel_all_of_the_image_is_one_step_that_can_wait(self) -> None:
        """Receivers can leave it out: whoever is woken needs the hosts alone."""
        kernel = a_finding(package="linux", version="4.19", fixed_version="4.20")

        to_do = of(kernel, image=an_image(os="DEBIAN_10")).to_do

        assert to_do.after == [to_do.later]
        assert to_do.later == (
            "Later, in the image (no hurry): `linux 4.19` \N{RIGHTWARDS ARROW} `4.20` clears the "
            "kernel vulnerability from the scan; plan the move to a supported release, for example "
            "Debian 13 (no free security updates for Debian 10 since June 2024)"
        )
        assert to_do.support == ""
        assert to_do.now.lines == [*to_do.hosts]

    def test_each_distribution_without_updates_has_a_release_to_go_to(self) -> None:
        """By its official image, or by the name of the release for a base image of others."""
        later = date(2099, 1, 1)
        for release in SUPPORT_ENDS:
            assert "a supported release, for example " in base_of(None, release, later).plan
        assert base_of("amazonlinux:2", "Amazon Linux 2", later).plan == (
            "Plan the move to a supported release: FROM amazonlinux:2023 "
            "(no free security updates for Amazon Linux 2 since June 2026)"
        )
        assert base_of("node:18-buster", "Debian 10", later).plan.startswith(
            "Plan the move to a base image on a supported release, for example Debian 13 ("
        )

    @pytest.mark.parametrize(
        ("version", "release"),
        [
            ("11.0.14+9-0ubuntu2~20.04", "Ubuntu 20.04"),
            ("2.9.10+dfsg-5ubuntu0.20.04.1", "Ubuntu 20.04"),
            ("1.0.8-2ubuntu0.1", "Ubuntu"),
            ("20.04.1-1ubuntu1", "Ubuntu"),
        ],
    )
    def test_a_version_says_the_release_that_it_is_made_for(
        self, version: str, release: str
    ) -> None:
        """By the rule of Ubuntu's security team, where a link says that it is Ubuntu."""
        links = ("http://people.ubuntu.com/~ubuntu-security/cve/CVE-2024-0001",)
        finding = a_finding(version=version, links=links)

        words = " ".join(of(finding).to_do.before).replace(")", " (").replace(" updates", " (")
        assert f"{release} (" in words

    @pytest.mark.parametrize(
        ("os", "purl"),
        [
            ("", "pkg:deb/debian/linux@4.19"),
            ("A;B", "pkg:pypi/scipy@1"),
            ("DEBIAN_x1", "no package URL"),
            ("", "pkg:deb/debian/linux@4.19?distro=debian-sid%60x"),
        ],
    )
    def test_an_unknown_release_is_not_guessed(self, os: str, purl: str) -> None:
        """Nor does a name from outside get into a sentence."""
        text = of(packaged(purl), image=an_image(os=os))

        assert text.to_do.support == ""
        assert not {";B", "x1", "sid", "scipy"} & {*text.to_do.rebuild.split()}


class TestWhoseFaultItIs:
    """Whether a release brought what is new, as far as that is proven."""

    OLD = a_finding("CVE-2026-1", package="linux", version="4.19")
    NEW = a_finding("CVE-2026-2", package="linux", version="4.19")

    def note(self, *before: Finding, after: Finding) -> str:
        """Return what the section of new vulnerabilities says of all of them."""
        scene = Scene(a_report(after, image=an_image(2)), a_report(*before, image=an_image(1)))
        return text_of(noticed(scene)).sections[0].note

    def test_the_same_version_before_is_proof_that_it_is_not_the_release(self) -> None:
        """The image before listed the package, in another vulnerability."""
        assert self.note(self.OLD, after=self.NEW) == (
            "Not caused by this release: 1.4.1 has the same version of linux"
        )

    def test_the_section_is_not_called_new_and_the_line_says_what_is_doubted(self) -> None:
        """What the release did not bring is newly reported; what vanished may be there still."""
        old, new = self.OLD, self.NEW
        scene = Scene(a_report(new, image=an_image(2)), a_report(old, image=an_image(1)))
        text = text_of(noticed(scene))

        assert text.sections[0].heading == "Newly reported (1)"
        assert text.changes == "Since 1.4.1: 1 newly reported"
        assert [doubt.line for doubt in text.doubts] == [
            (
                "Also check: HIGH CVE-2026-1 in linux. The scanner no longer lists it, but linux "
                "is unchanged, so it may still be there. Not counted."
            )
        ]

    def test_a_kernel_fault_that_vanished_is_compared_too(self) -> None:
        """No list has it; the line about changes says why."""
        new, first, last = (
            replace(self.OLD, vulnerability_id=f"CVE-2026-100{n}") for n in range(3)
        )
        steps = []
        for before in ([first], [first, last]):
            scene = Scene(a_report(new, image=an_image(2)), a_report(*before, image=an_image(1)))
            steps.append(text_of(noticed(scene)).to_do.hosts[1])

        assert [step.partition(" pages on ")[2].partition(" if ")[0] for step in steps] == [
            "CVE-2026-1000 and CVE-2026-1001",
            "CVE-2026-1000, CVE-2026-1001 and CVE-2026-1002",
        ]

    def test_many_that_vanished_are_counted(self) -> None:
        """Their packages are named where they are few."""
        rows = [replace(self.OLD, vulnerability_id=f"CVE-2026-{n}") for n in range(5)]
        far = [a_finding(f"CVE-2025-{n}", package=f"p{n}", severity="CRITICAL") for n in range(5)]
        kept = [replace(row, vulnerability_id=f"X-{n}") for n, row in enumerate(far)]

        def doubts(*rows: Finding, after: tuple[Finding, ...]) -> list[str]:
            before, now = a_report(*rows, image=an_image(1)), a_report(*after, image=an_image(2))
            return [doubt.line for doubt in text_of(noticed(Scene(now, before))).doubts]

        assert doubts(*rows, after=(self.NEW,))[2:] == [
            "Also check: HIGH CVE-2026-3 in linux",
            (
                "Also check: HIGH CVE-2026-4 in linux. The scanner no longer lists them, but linux "
                "is unchanged, so they may still be there. Not counted."
            ),
        ]
        assert doubts(*far, after=tuple(kept))[3:] == [
            (
                "Also check: 2 more. The scanner no longer lists them, but their 5 packages are "
                "unchanged, so they may still be there. Not counted."
            )
        ]

    def test_another_version_proves_nothing(self) -> None:
        """Then the title says since when it is new."""
        other = replace(self.NEW, package=replace(self.NEW.package, version="5.10"))

        assert self.note(self.OLD, after=other) == ""


def test_an_image_without_a_commit_gets_no_advice_in_messages() -> None:
    """The page tells how to label it."""
    text = text_of(notices()["untagged"])

    assert (text.source, text.advice is not None) == (None, True)
    assert not any("org.opencontainers" in fact.value for fact in text.facts)


def test_silence_about_fixes_is_not_no_fix() -> None:
    """Only a scanner that says so makes it one."""
    silent, certain = of(a_finding()), of(a_finding(fix_available="NO"))

    assert silent.to_do.without_fix == ""
    assert silent.to_do.without_version.endswith(": openssl (1 HIGH)")
    assert silent.to_do.gaps == (
        "ECR basic scanning gives neither fix versions nor exploit data; enhanced scanning (Amazon "
        "Inspector) often has both."
    )
    assert certain.to_do.without_fix == "No fix exists yet for 1 HIGH"


SEEN = datetime(2026, 11, 1, tzinfo=UTC)


class TestExploitInTheHeadline:
    """Whoever reads only the headline learns of an exploit."""

    @pytest.mark.parametrize(
        ("exploitable", "exploited", "others", "end"),
        [
            (1, 0, 0, "1 HIGH, public exploit"),
            (2, 0, 0, "2 HIGH, both with a public exploit"),
            (3, 0, 0, "3 HIGH, all with a public exploit"),
            (1, 0, 2, "3 HIGH, 1 with a public exploit"),
            (1, 1, 1, "3 HIGH, 1 used in attacks"),
            (0, 2, 0, "2 HIGH, both used in attacks"),
            (0, 1, 0, "1 HIGH, used in attacks"),
            (0, 0, 2, "2 HIGH"),
        ],
    )
    def test_it_says_how_many_have_one(
        self, exploitable: int, exploited: int, others: int, end: str
    ) -> None:
        """Attacks count before exploits that somebody published."""
        known = [a_finding(f"CVE-2026-{n}", exploit_available="YES") for n in range(exploitable)]
        wild = [a_finding(f"CVE-2025-{n}", exploit_observed_at=SEEN) for n in range(exploited)]

        assert of(*known, *wild, *many(others, "HIGH")).verdict == f"First scan: {end}"
