"""What stands in examples is not deployed."""

import pytest

from cli.alerts_file import read, understand
from cli.placeholders import placeholders
from deploy.package import ROOT

ALERTS = """\
destinations:
  tickets: {{type: jira, site: {site}, project: SEC}}
"""


def test_the_sample_is_refused_with_its_lines() -> None:
    """alerts.yml as it comes names nobody."""
    problems = [str(problem) for problem in placeholders(read(ROOT / "alerts.yml"))]

    assert [
        problem.partition("alerts.yml:")[2].partition(" is the ")[0] for problem in problems
    ] == [
        "18: error: destinations.security-jira.site: example.atlassian.net",
        "24: error: destinations.audit-topic.topic_arn: account 123456789012",
    ]


@pytest.mark.parametrize(
    "site",
    [
        "https://example.atlassian.net",
        "https://jira.example.com",
        "https://example.org/jira",
        "https://jira.corp.example",
        "https://EXAMPLE.com:8443",
        "arn:aws:sns:eu-west-1:111122223333:topic",
        "https://anything.invalid",
    ],
)
def test_an_example_is_found(site: str) -> None:
    """Hosts that RFC 2606 reserves, accounts of AWS's documentation."""
    (problem,) = placeholders(understand(ALERTS.format(site=site), "a.yml"))

    assert problem.line == 2
    assert problem.where == "destinations.tickets.site"


@pytest.mark.parametrize(
    "site",
    [
        "https://acme.atlassian.net",
        "https://counterexample.com",
        "https://example.com.acme.io",
        "ecr-scan-alerts/example",
        "example",
        "arn:aws:sns:eu-west-1:210987654321:topic",
    ],
)
def test_a_real_value_is_not(site: str) -> None:
    """A name that only resembles one is somebody's own."""
    assert placeholders(understand(ALERTS.format(site=site), "a.yml")) == ()


def test_lists_and_other_parts_are_looked_at() -> None:
    """A stage file has placeholders, too; what a route is called has none."""
    text = (
        "alarmEmail: oncall@example.com\nreceiverHosts: [git.acme.io, jira.example.com]\n"
        "routes: [{name: example.com}]\n"
    )

    problems = placeholders(understand(text, "prod.yml"))

    assert [(problem.line, problem.where) for problem in problems] == [
        (1, "alarmEmail"),
        (2, "receiverHosts[1]"),
    ]
