"""What a deployment changes, as it is shown before the question."""

from typing import Any

from cli.config_changes import configuration_changes, describe, parameter_changes

SLACK = {"type": "slack", "webhook": {"secret": "ecr-scan-alerts/team"}}
JIRA = {"type": "jira", "site": "https://acme.atlassian.net", "project": "SEC"}


def a_document(**parts: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "destinations": {"team": SLACK, "tickets": JIRA},
        "routes": [
            {"name": "production", "match": {"tag": ["v*"]}, "notify": ["tickets"]},
            {"name": "all", "severity": "HIGH", "notify": ["team"]},
        ],
        "suppressions": [],
        **parts,
    }


def lines(before: Any, after: Any) -> list[str]:
    return [
        line for change in configuration_changes(before, after) for line in str(change).split("\n")
    ]


def test_the_same_configuration_has_no_changes() -> None:
    """A list that is empty and one that is not there say the same."""
    without = a_document()
    del without["suppressions"]

    assert lines(a_document(), a_document()) == []
    assert lines(a_document(), without) == []


def test_destinations_come_go_and_change() -> None:
    """Each by its name and type, a changed one with its options."""
    after = a_document(
        destinations={
            "tickets": {**JIRA, "project": "OPS", "issue_type": "Bug"},
            "audit": {"type": "sns", "topic_arn": "arn"},
        }
    )

    assert lines(a_document(), after) == [
        "  ~ destination tickets (jira)",
        "      project: SEC -> OPS",
        "      + issue_type: Bug",
        "  + destination audit (sns)",
        "  - destination team (slack)",
    ]


def test_a_changed_reference_to_a_secret_is_shown_by_name() -> None:
    """Names are no secrets."""
    moved = {**SLACK, "webhook": {"secret": "ecr-scan-alerts/other"}}

    assert lines(a_document(), a_document(destinations={"team": moved, "tickets": JIRA})) == [
        "  ~ destination team (slack)",
        '      webhook: {"secret": "ecr-scan-alerts/team"} -> {"secret": "ecr-scan-alerts/other"}',
    ]


def test_routes_and_their_order_count() -> None:
    """The first route that matches wins, so a moved one is a change."""
    production, everything = a_document()["routes"]
    after = a_document(routes=[{**everything, "severity": "LOW"}, production])

    assert lines(a_document(), after) == [
        "  ~ route all",
        "      severity: HIGH -> LOW",
        "  ~ order of routes",
        "      all > production",
    ]


def test_a_route_that_is_gone_does_not_change_the_order() -> None:
    """It is named once."""
    after = a_document(routes=a_document()["routes"][1:])

    assert lines(a_document(), after) == ["  - route production"]


def test_suppressions_are_named_by_what_they_apply_to() -> None:
    """Two of the same vulnerability differ in the rest."""
    entry = {"id": "CVE-2023-4911", "expires": "2027-01-31", "reason": "r"}
    other = {**entry, "repository": "legacy/*"}

    assert lines(
        a_document(suppressions=[entry]), a_document(suppressions=[other, entry, entry])
    ) == [
        "  + suppression CVE-2023-4911 legacy/*",
        "  + suppression CVE-2023-4911 (2)",
    ]


def test_other_parts_are_compared_as_a_whole() -> None:
    """Whatever key a later version adds is compared, too."""
    after = a_document(streams=["v*"], fallback="team", future={"a": 1})

    assert lines(a_document(fallback="tickets"), after) == [
        "  ~ fallback: tickets -> team",
        '  + streams: ["v*"]',
        '  + future: {"a": 1}',
    ]


def test_a_first_deployment_adds_everything() -> None:
    """There is nothing to compare with."""
    assert [change.sign for change in describe(a_document())] == ["+"] * 4


def test_what_a_terminal_must_not_show_is_removed() -> None:
    """The deployed configuration comes from a bucket that others may write to."""
    hostile = {**JIRA, "project": "SEC\x1b[2J\n" + "x" * 200}

    (_, line) = lines(a_document(destinations={"team": SLACK, "tickets": hostile}), a_document())

    assert "\x1b" not in line
    assert len(line) < 100


def test_parameters_are_compared_by_name() -> None:
    """No address for alarms any more is the change that nobody notices."""
    before = {"alarmEmail": "oncall@acme.io", "reportLinkDays": 30, "workloads": ""}
    after = {"alarmEmail": "", "reportLinkDays": 0, "workloads": "", "rolePath": "/"}

    assert [str(change) for change in parameter_changes(before, after)] == [
        "  - alarmEmail: oncall@acme.io",
        "  ~ reportLinkDays: 30 -> 0",
        "  + rolePath: /",
    ]
