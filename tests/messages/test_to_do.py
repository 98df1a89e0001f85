"""What to do about a repository: commands are shown whole or not at all."""

import json
import re
from dataclasses import replace
from itertools import chain
from typing import Any

import pytest

from lib.checks.findings import COMMAND, GUIDED
from lib.messages.digest_steps import steps as digest_steps
from lib.messages.text import text_of
from lib.models import Finding, Notice, Package, PackageDigest, Report, Severity
from tests.notifiers.test_contract import FORMATS
from tests.page.test_same_words import page_of
from tests.support.builders import a_filter, a_finding, a_report
from tests.support.digests import API, MONDAY
from tests.support.every import every
from tests.support.notices import noticed, notices
from tests.support.receivers import notifier, tools
from tests.support.scenes import Scene, scenes

SETTINGS = notices()["repository-settings"]


def unguided() -> Report:
    """Return a report about settings that no single command fixes."""
    report = scenes()["repository-settings"].report
    assert isinstance(report, Report)
    findings = (
        replace(one, extra={key: one.extra[key] for key in one.extra.keys() - {GUIDED}})
        for one in report.findings
    )
    return replace(report, findings=tuple(findings))


UNGUIDED = replace(scenes()["repository-settings"], report=unguided())


def with_command(command: str, number: int = 1) -> Notice:
    """Return a notice about settings whose fix is this command."""
    report = unguided()
    first = report.findings[0]
    findings = tuple(
        replace(
            first,
            vulnerability_id=f"{first.vulnerability_id}{place or ''}",
            extra={**first.extra, COMMAND: command},
        )
        for place in range(number)
    )
    return noticed(Scene(replace(report, findings=findings)))


def test_each_setting_has_its_commands() -> None:
    steps, hidden = text_of(SETTINGS).to_do.steps(command=2000, limit=10_000, templates=True)

    assert len(steps) == 3
    assert hidden == ""
    assert all(step.commands and step.risk and step.template for step in steps)


def test_what_does_not_fit_is_counted() -> None:
    steps, hidden = text_of(noticed(UNGUIDED)).to_do.steps(command=2000, limit=500)

    assert len(steps) == 1
    assert hidden == "and 2 more; ecr-scan-alerts audit shows them"


def test_a_long_or_strange_command_is_not_cut() -> None:
    for command in ("aws " * 1000, "aws ecr `reboot`"):
        (step,), _ = text_of(with_command(command)).to_do.steps(command=2000, limit=10_000)

        assert step.commands == ()
        assert "ecr-scan-alerts audit shows it" in step.remark


def test_a_vulnerability_has_no_such_step() -> None:
    assert text_of(notices()["baseline"]).to_do.steps(command=2000, limit=10_000) == ([], "")


def test_what_an_alert_is_about_has_a_name() -> None:
    told = notices()

    names = {name: text_of(told[name]).subject for name in ("baseline", "tag-moved")}

    assert names == {"baseline": "image", "tag-moved": "tag"}
    assert text_of(SETTINGS).subject == "repository"
    assert text_of(told["baseline"]).columns == ("Vulnerability", "Package")
    assert text_of(SETTINGS).columns == ("Check", "Setting")


DOCUMENTS = {"webhook", "json", "ocsf"}
"""What is for programs has the findings themselves."""
for_people = pytest.mark.parametrize(
    ("mode", "options"),
    [
        (mode, options)
        for mode, options in FORMATS
        if not {mode.partition("-")[0], options.get("format")} & DOCUMENTS
    ],
)


def shown(mode: str, options: Any, alert: Notice) -> str:
    made = notifier(mode, tools(), **options)
    payload = made.render(alert)
    assert all(usage.used <= usage.limit for usage in made.usage(payload))
    # An e-mail is wrapped.
    return " ".join(json.dumps(payload).replace("\\n", " ").split())


@for_people
def test_every_receiver_shows_whole_commands(mode: str, options: Any) -> None:
    text = shown(mode, options, noticed(UNGUIDED))

    assert "put-image-tag-mutability --region eu-central-1 --registry-id 000474600478" in text
    assert "exclusion-filters filterType=WILDCARD,filter=latest" in text
    assert "No fixed version is named" not in text


@for_people
def test_every_receiver_shows_the_one_command_that_fixes_all(mode: str, options: Any) -> None:
    """It gets the tags that may move."""
    text = shown(mode, options, SETTINGS)

    assert "Fix all three:" in text
    assert "repository fix payments/api --region eu-central-1 --allow latest" in text
    assert "(shows each change and asks)" in text
    assert text.count("Before you answer yes: ") == text.count("Fix all three: ") > 0


@for_people
def test_every_receiver_says_where_a_long_command_is(mode: str, options: Any) -> None:
    text = shown(mode, options, with_command("aws " * 5000))

    assert "ecr-scan-alerts audit shows it" in text
    assert "aws aws" not in text


@for_people
def test_every_receiver_counts_what_it_has_no_room_for(mode: str, options: Any) -> None:
    text = shown(mode, options, with_command("aws ecr put-image-scanning-configuration " * 5, 60))

    assert "more; ecr-scan-alerts audit shows them" in text


def upgraded(package: str, *ids: str, version: str = "3.2", fixed: str = "3.4") -> list[Finding]:
    return [
        a_finding(id_, severity="MEDIUM", package=package, version=version, fixed_version=fixed)
        for id_ in ids
    ]


def first_scan(*findings: Finding) -> Notice:
    return noticed(Scene(a_report(*findings), filters=(a_filter(severity=Severity.LOW),)))


TOGETHER = first_scan(*upgraded("libssl3t64", "CVE-1"), *upgraded("openssl", "CVE-1"))


def test_packages_that_remove_the_same_are_one_line() -> None:
    (line,) = text_of(TOGETHER).to_do.upgrades

    assert line.step == "libssl3t64 and openssl from 3.2 to 3.4"
    assert line.effect == "removes 1 MEDIUM"
    assert text_of(TOGETHER).to_do.brief == (
        "Upgrade libssl3t64 and openssl to 3.4 (removes 1 MEDIUM)"
    )


@for_people
def test_every_receiver_counts_the_same_vulnerability_once(mode: str, options: Any) -> None:
    text = re.sub(r"[`*]|\\.", "", shown(mode, options, TOGETHER))

    assert re.search(r"libssl3t64\b.{1,90}\bopenssl\b", text)
    assert text.count("removes 1 MEDIUM") <= 1
    assert "more package" not in text


def test_the_page_counts_the_same_vulnerability_once() -> None:
    page = page_of(TOGETHER)

    assert "libssl3t64 , openssl 3.2 3.4 1 MEDIUM" in " ".join(page.split())


@every(
    ("findings", "lines"),
    [
        ([upgraded("a", "CVE-1"), upgraded("b", "CVE-1", "CVE-2")], ["b", "a"]),
        ([upgraded("a", "CVE-1"), upgraded("b", "CVE-1", fixed="3.5")], ["a", "b"]),
        ([upgraded("a", "CVE-1"), upgraded("b", "CVE-1", version="3.1")], ["a", "b"]),
        ([upgraded("a", "CVE-1"), upgraded("b", "CVE-2")], ["a", "b"]),
        ([upgraded(name, "CVE-1") for name in "abcd"], ["a, b, c and d"]),
        ([upgraded(name, "CVE-1") for name in "abcdef"], ["a, b, c and 3 more packages"]),
    ],
)
def test_only_what_removes_the_same_is_one_line(
    findings: list[list[Finding]], lines: list[str]
) -> None:
    to_do = text_of(first_scan(*chain.from_iterable(findings))).to_do

    assert [line.package for line in to_do.upgrades] == lines
    assert to_do.more_upgrades(len(lines)) == ""


def _of_library(name: str, fix_available: str | None = None) -> Finding:
    finding = a_finding(f"CVE-{name}", fix_available=fix_available)
    return replace(finding, package=Package(name, "1", "PYTHONPKG"))


NAMELESS = replace(a_finding("CVE-1"), package=Package("", None))


@every(
    ("findings", "steps"),
    [
        ([NAMELESS], ["Look at CVE-1 (1 HIGH); the scanner names no package"]),
        (
            [replace(NAMELESS, fixed_version="2.0")],
            ["Look at CVE-1 (1 HIGH); the scanner names no package"],
        ),
        ([replace(NAMELESS, fix_available="NO")], ["No fix exists yet for 1 HIGH"]),
        (
            [NAMELESS, a_finding("CVE-2", severity="LOW")],
            [
                "Rebuild on the latest base image: `docker build --pull --no-cache .`, then push",
                (
                    "If the next scan still lists this package, upgrade it in the Dockerfile: "
                    "openssl (1 LOW)"
                ),
                "Then look at CVE-1 (1 HIGH); the scanner names no package",
            ],
        ),
        (
            [NAMELESS, a_finding("CVE-1", fixed_version="2")],
            ["Rebuild on the latest base image", "Build with `docker build"],
        ),
    ],
)
def test_a_vulnerability_without_a_package_is_looked_at(
    findings: list[Finding], steps: list[str]
) -> None:
    lines = text_of(first_scan(*findings)).to_do.lines

    assert [line.startswith(step) for line, step in zip(lines, steps, strict=True)] == [
        True for _ in steps
    ]


@for_people
def test_every_receiver_says_that_no_package_is_named(mode: str, options: Any) -> None:
    text = shown(mode, options, first_scan(NAMELESS, replace(NAMELESS, vulnerability_id="CVE-2")))

    assert "the scanner names no package" in text
    assert "Look for" not in text
    assert " in )" not in text
    assert ": : " not in text


def test_a_package_without_a_name_is_not_where_to_start() -> None:
    rows = [replace(NAMELESS, vulnerability_id=f"CVE-{number}") for number in range(30)]

    assert text_of(first_scan(*rows, a_finding("CVE-99"))).lead == ""


def test_a_digest_says_that_no_package_is_named() -> None:
    nameless = PackageDigest(
        "", {Severity.HIGH: 2}, fixable=False, images=(API,), worst="CVE-2026-1001"
    )

    (line,) = digest_steps([nameless], MONDAY.date(), {}, is_listed=True)

    assert line.text == "Look at 2 HIGH in payments/api:1.4.2: the scanner names no package"
    assert [link.label for link in line.links] == ["worst: CVE-2026-1001"]


@every(
    ("shown", "rest"),
    [
        (0, "and 4 more packages to upgrade: 4 MEDIUM"),
        (1, "and 3 more packages to upgrade: 2 MEDIUM"),
        (2, "and 2 more packages to upgrade: 1 MEDIUM"),
        (3, "and 1 more package to upgrade"),
        (4, ""),
    ],
)
def test_the_rest_is_counted_without_what_the_lines_remove(shown: int, rest: str) -> None:
    overlapping = (("CVE-1", "CVE-2"), ("CVE-2", "CVE-3"), ("CVE-3", "CVE-4"), ("CVE-4", "CVE-1"))
    findings = [
        finding
        for name, ids in zip("abcd", overlapping, strict=True)
        for finding in upgraded(name, *ids)
    ]

    assert text_of(first_scan(*findings)).to_do.more_upgrades(shown) == rest


@every(
    ("findings", "brief"),
    [
        ([_of_library("a")], "Look for a newer version of a"),
        ([_of_library("a"), _of_library("b")], "Look for newer versions of a and b"),
        ([_of_library("a", "NO")], ""),
        ([_of_library("a"), _of_library("b", "NO")], "Look for a newer version of a"),
    ],
)
def test_the_first_step_looks_for_what_may_exist(findings: list[Finding], brief: str) -> None:
    assert text_of(first_scan(*findings)).to_do.brief == brief


def test_no_version_is_looked_for_where_no_fix_exists() -> None:
    without = replace(_of_library("a", "NO"), vulnerability_id="CVE-2")

    to_do = text_of(first_scan(_of_library("a"), without)).to_do

    assert to_do.without_version == (
        "Where you pin versions, raise this to its newest release, then rebuild and push: "
        "a (1 HIGH)"
    )
    assert to_do.without_fix == "No fix exists yet for 1 HIGH"


def test_a_headline_has_no_fix_of_a_kernel() -> None:
    """It is on the hosts, as the totals say."""
    rows = [a_finding(f"CVE-{name}", package=name, fixed_version="2") for name in ("linux", "zlib")]

    text = text_of(first_scan(*rows))

    assert text.verdict == "First scan: 2 HIGH, fix available for 1 of them"
    assert text.totals == "2 HIGH open; 1 of 2 has a fix, 1 to fix on the hosts"


@every(
    ("severities", "title"),
    [
        (("UNKNOWN",), "Urgency: medium, in working hours (no severity given)"),
        (("LOW", "UNKNOWN"), "Urgency: low (highest severity given LOW; no public exploit known)"),
        (("LOW",), "Urgency: low (highest severity LOW; no public exploit known)"),
        (("HIGH", "UNKNOWN"), "Urgency: medium (1 HIGH; no public exploit known)"),
    ],
)
def test_what_nobody_rated_is_not_low(severities: tuple[str, ...], title: str) -> None:
    rows = [
        a_finding(f"CVE-{level}", severity=level, exploit_available="NO") for level in severities
    ]
    scene = Scene(a_report(*rows), filters=(a_filter(severity=Severity.UNKNOWN),))

    urgency = text_of(noticed(scene)).urgency

    assert urgency is not None
    assert urgency.title == title
