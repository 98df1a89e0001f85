"""The results of `audit` as people read them: by check, with what holds for a repository alone."""

import pytest

from cli.audit_results import print_results, print_unread
from lib.exports.checks import RepositoryCheck
from lib.models import Finding, Image, Package, Severity, Suppressed


def repository(name: str) -> Image:
    return Image("aws", "000474600478", "eu-central-1", name, "")


def deviation(
    name: str, risk: str, title: str = "tags can be overwritten", **extra: str
) -> Finding:
    remedy = {"command": f"aws ecr put --name {name}", "cloudformation": "Type\nOn: true"}
    return Finding(
        "ECR-TAG-MUTABILITY",
        Package("tags", "MUTABLE", "ECR"),
        Severity.HIGH,
        title=title,
        description=risk,
        extra=remedy | extra,
    )


def test_what_repositories_have_in_common_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    """The risk, the remark and the template; the command is each repository's own."""
    checked = [
        RepositoryCheck(repository(name), [deviation(name, risk, remark="Read this.")])
        for name, risk in (("a", "It is bad. 3 tags."), ("b", "It is bad. 9 tags."))
    ]

    print_results(checked)

    assert capsys.readouterr().out.splitlines() == [
        "HIGH tags can be overwritten: 2 repositories (ECR-TAG-MUTABILITY)",
        "It is bad.",
        "Read this.",
        "  a: 3 tags.",
        "    $ aws ecr put --name a",
        "  b: 9 tags.",
        "    $ aws ecr put --name b",
        "  | Type",
        "  | On: true",
        "",
        "2 findings in 2 of 2 repositories",
    ]


def test_what_differs_stands_at_its_repository(capsys: pytest.CaptureFixture[str]) -> None:
    """Titles, remarks, templates and the rules that a remedy changes."""
    other = deviation(
        "b",
        "Bad.",
        "tags that match v* can be overwritten",
        cloudformation="Type\nOn: false",
        remark="Mind b.",
        difference="- rule 1\n+ rule 2",
    )
    checked = [
        RepositoryCheck(repository("a"), [deviation("a", "Bad.")]),
        RepositoryCheck(repository("b"), [other]),
    ]

    print_results(checked)

    assert capsys.readouterr().out.splitlines()[1:-2] == [
        "Bad.",
        "  a",
        "    $ aws ecr put --name a",
        "    | Type",
        "    | On: true",
        "  b: tags that match v* can be overwritten.",
        "    Mind b.",
        "    - rule 1",
        "    + rule 2",
        "    $ aws ecr put --name b",
        "    | Type",
        "    | On: false",
    ]


def test_what_could_not_be_read_is_named_by_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """In one line, however many repositories it concerns, and in the sum."""
    checked = [
        RepositoryCheck(repository(name), unread=f"AWS denies ecr:DescribeImages for {name}")
        for name in ("a", "b/c")
    ]
    checked.append(RepositoryCheck(repository("d"), unread="ECR did not answer about d: Busy: no"))

    print_unread(checked)
    print_results(checked)

    output = capsys.readouterr()
    assert output.err.splitlines() == [
        "ecr-scan-alerts: a, b/c could not be checked: AWS denies ecr:DescribeImages",
        "ecr-scan-alerts: d could not be checked: ECR did not answer: Busy: no",
    ]
    assert output.out == (
        "0 findings in 0 of 3 repositories, 3 could not be read: nothing is known about them\n"
    )


def test_suppressed_findings_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """They concern nobody, and are not forgotten."""
    entry = Suppressed(deviation("a", "Bad."), "one", "why", "2099-12-31")

    print_results([RepositoryCheck(repository("a"), suppressed=[entry])])

    assert (
        capsys.readouterr().out == "0 findings in 0 of 1 repository, 1 left out by suppressions\n"
    )


def test_nothing_from_a_registry_steers_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Names, policies and commands are shown without control characters."""
    hostile = "a\x1b[2J\u202e"
    finding = deviation(hostile, hostile, hostile, remark=hostile, difference=hostile)

    print_results([RepositoryCheck(repository(hostile), [finding], unread=hostile)])
    print_unread([RepositoryCheck(repository(hostile), unread=hostile)])

    output = capsys.readouterr()
    assert "\x1b" not in output.out + output.err
    assert "\u202e" not in output.out + output.err
