"""What is shown before the question, and what is left to do afterwards."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.publishing import PublishedConfig
from cli.stage_file import with_defaults
from deploy.account import Account, DeployError
from deploy.inputs import Inputs
from deploy.next_steps import next_steps, secret_references
from deploy.review import RunningConfiguration, deployed_parameters, foreign_topics, review
from deploy.stack import METADATA, Stack
from deploy.terminal import Terminal
from deploy.values import template_values
from lib.config.publication import Publication, Revision
from lib.models.program import VERSION
from tests.deploy.aws import FakeAws, refusal
from tests.support.builders import NOW

ACCOUNT = Account("210987654321", "arn:aws:iam::210987654321:role/ops", "eu-west-1")
TOPIC = "arn:aws:sns:eu-west-1:210987654321:scans"
DOCUMENT = {
    "version": 1,
    "destinations": {
        "team": {"type": "slack", "webhook": {"secret": "ecr-scan-alerts/team"}},
        "audit": {"type": "sns", "topic_arn": TOPIC},
    },
    "routes": [{"name": "all", "notify": ["team", "audit"]}],
}
WITH_MAIL = Inputs("prod", "eu-west-1", Path("/a.yml"), {"alarmEmail": "ops@acme.io"})
DATA = {"Table": "t", "ReportsBucket": "b"}


def a_stack(template: dict[str, Any]) -> Stack:
    return Stack("ecr-scan-alerts-prod", "arn", "UPDATE_COMPLETE", {}, DATA, template)


def deployed_with(parameters: dict[str, Any]) -> Stack:
    """Return a stack of the template with parameters."""
    values = template_values("prod", parameters, topics=(), links=True)
    return replace(a_stack({"Metadata": {METADATA: {"version": VERSION}}}), parameters=values)


def published(document: Any, *revisions: Revision) -> RunningConfiguration:
    """Return what the bucket holds."""
    publication = Publication(document, revisions)
    return RunningConfiguration(PublishedConfig(publication, "1", NOW))


def shown(
    inputs: Inputs, stack: Stack | None, deployed: RunningConfiguration, document: Any = DOCUMENT
) -> str:
    return "\n".join(review(ACCOUNT, inputs, document, stack, deployed))


def test_where_and_as_whom_stands_first() -> None:
    """Whoever is in the wrong account sees it before the question."""
    lines = shown(WITH_MAIL, None, RunningConfiguration()).split("\n")

    assert lines[:6] == [
        "stage    prod",
        "account  210987654321",
        "region   eu-west-1",
        "role     arn:aws:iam::210987654321:role/ops",
        "config   /a.yml",
        f"version  {VERSION}",
    ]


def test_an_upgrade_names_both_versions() -> None:
    """Also where it goes back."""
    older = a_stack({"Metadata": {METADATA: {"version": "0.0.9"}}})

    assert f"version  0.0.9 -> {VERSION}" in shown(WITH_MAIL, older, RunningConfiguration())


def test_a_first_deployment_shows_everything() -> None:
    """And says that it is one."""
    text = shown(WITH_MAIL, None, RunningConfiguration())

    assert "This is the first deployment of this stage. It adds:" in text
    assert "  + destination team (slack)" in text
    assert "  + alarmEmail: ops@acme.io" in text


def test_a_forgotten_mail_address_is_seen() -> None:
    """Its loss is a change, and that nobody is mailed is said each time."""
    before = deployed_with({"alarmEmail": "ops@acme.io", "receiverHosts": ["jira.acme.io"]})
    inputs = Inputs("prod", "eu-west-1", Path("/a.yml"))

    text = shown(inputs, before, published(DOCUMENT))

    assert "Configuration: no changes" in text
    assert "  - alarmEmail: ops@acme.io" in text
    assert '  - receiverHosts: ["jira.acme.io"]' in text
    assert "Alarms are mailed to nobody: alarmEmail is not set." in text


def test_a_stack_of_an_older_version_tells_its_mail_address_and_hosts() -> None:
    """The two that a forgotten variable used to undo."""
    variables = {"Variables": {"RECEIVER_HOSTS": "a.acme.io, b.acme.io"}}
    old = a_stack(
        {
            "Resources": {
                "AlarmSubscription": {"Properties": {"Endpoint": "ops@acme.io"}},
                "DeliverLambdaFunction": {"Properties": {"Environment": variables}},
            }
        }
    )

    assert deployed_parameters(old, "eu-west-1") == {
        "alarmEmail": "ops@acme.io",
        "receiverHosts": ["a.acme.io", "b.acme.io"],
    }
    assert "Parameters: no changes" not in shown(WITH_MAIL, old, published(DOCUMENT))
    assert "logLevel" not in shown(WITH_MAIL, old, published(DOCUMENT))


def test_a_template_without_parameters_has_its_settings_in_its_metadata() -> None:
    """The next deployment updates it in place, and deletes the bucket that held its code."""
    deployed = {"config": "hash", "parameters": with_defaults({"reportLinkDays": 7})}
    before = replace(
        a_stack({"Metadata": {METADATA: deployed}}),
        resources={**DATA, "ServerlessDeploymentBucket": "old-bucket"},
    )

    text = shown(WITH_MAIL, before, published(DOCUMENT))

    assert "  ~ reportLinkDays: 7 -> 30" in text
    assert "The bucket old-bucket, which holds code only, is deleted" in text
    assert "old-bucket" not in shown(WITH_MAIL, deployed_with({}), published(DOCUMENT))


def test_settings_are_read_from_the_parameters_of_the_stack() -> None:
    """As the types of a stage file, whatever texts CloudFormation has."""
    settings = {
        "alarmEmail": "ops@acme.io",
        "receiverHosts": ["a.acme.io", "b.acme.io"],
        "deletionProtection": False,
        "reportLinkDays": 7,
        "logRetentionDays": 90,
    }

    assert deployed_parameters(deployed_with(settings), "eu-west-1") == with_defaults(settings)


def test_a_stack_without_links_is_compared_as_one() -> None:
    """Its template has no such parameter; where the region has no links, that is no change."""
    values = template_values("prod", {}, topics=(), links=False)
    stack = replace(a_stack({}), parameters=values)

    assert deployed_parameters(stack, "eu-west-1")["reportLinkDays"] == 0
    assert "reportLinkDays" not in deployed_parameters(stack, "eu-central-2")


def test_a_parameter_that_is_newer_than_the_stack_is_compared_with_its_default() -> None:
    """An upgrade adds parameters, and what is set of them is a change."""
    older = {
        name: value for name, value in deployed_with({}).parameters.items() if name != "RolePath"
    }
    before = replace(deployed_with({}), parameters=older)
    inputs = Inputs("prod", "eu-west-1", Path("/a.yml"), {"rolePath": "/teams/"})

    text = shown(inputs, before, published(DOCUMENT))

    assert "  ~ rolePath: / -> /teams/" in text
    assert "+ " not in text


def test_a_configuration_that_cannot_be_read_is_said() -> None:
    """The question is asked all the same."""
    text = shown(WITH_MAIL, deployed_with({}), RunningConfiguration(problem="AWS denies GetObject"))

    assert "What changes in the configuration is unknown: AWS denies GetObject" in text


def test_a_pushed_configuration_in_force_is_named() -> None:
    """A deployment would undo it; also what another tool wrote."""
    other = {**DOCUMENT, "fallback": "audit"}
    pushed = Revision(7, "hash", "arn:jane", NOW)
    made = replace(pushed, note="make deploy")

    by_person = shown(WITH_MAIL, deployed_with({}), published(other, pushed))
    by_tool = shown(WITH_MAIL, deployed_with({}), published(other))

    assert "In force is revision 7, which arn:jane published at 2026-11-23 09:00 UTC." in by_person
    assert "Another tool wrote the configuration in force." in by_tool
    assert "  - fallback: audit" in by_person
    assert "In force" not in shown(WITH_MAIL, deployed_with({}), published(other, made))


def test_adopted_data_is_compared_with_its_last_configuration() -> None:
    """The stack is new, the destinations are not."""
    text = shown(WITH_MAIL, None, published(DOCUMENT))

    assert "The stack is new; its data and its last configuration were kept." in text
    assert "Configuration: no changes" in text


def test_a_topic_elsewhere_is_named() -> None:
    """It works, but hardly anybody means it; one of another partition never works."""
    topics = {
        "far": {"type": "sns", "topic_arn": TOPIC.replace("eu-west-1", "us-east-1")},
        "other": {"type": "sns", "topic_arn": TOPIC.replace("210987654321", "310987654321")},
        "china": {"type": "sns", "topic_arn": TOPIC.replace("arn:aws:", "arn:aws-cn:")},
    }
    document = {**DOCUMENT, "destinations": topics}

    text = shown(WITH_MAIL, None, RunningConfiguration(), document)

    assert "far publishes to us-east-1, from eu-west-1." in text
    assert "other publishes to account 310987654321: the policy of its topic must allow" in text
    assert list(foreign_topics(document, ACCOUNT)) == [
        "china is a topic of aws-cn, this account belongs to aws"
    ]


# --- the question -------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["y", "Y", "yes", " yes "])
def test_yes_goes_on(answer: str) -> None:
    """As people type it."""
    Terminal(ask=lambda _: answer, interactive=True).confirm("Deploy?")


@pytest.mark.parametrize("answer", ["", "n", "no", "prod", "yesterday"])
def test_everything_else_stops(answer: str) -> None:
    """Return alone, too."""
    with pytest.raises(DeployError, match=r"^Nothing was changed\.$"):
        Terminal(ask=lambda _: answer, interactive=True).confirm("Deploy?")


def test_without_a_terminal_nobody_is_asked() -> None:
    """A pipeline that waits for an answer would wait for ever."""
    with pytest.raises(DeployError, match="Nobody can answer here: add YES=1"):
        Terminal(interactive=False).confirm("Deploy?")
    Terminal(interactive=False, yes=True).confirm("Deploy?")


def test_the_end_of_input_is_a_no() -> None:
    """Ctrl-D."""

    def ask(_: str) -> str:
        raise EOFError

    with pytest.raises(DeployError, match="Nothing was changed"):
        Terminal(ask=ask, interactive=True).confirm("Deploy?")


# --- afterwards ---------------------------------------------------------------------------------


def steps(**answers: Any) -> list[str]:
    aws = FakeAws({name.replace("__", "."): answer for name, answer in answers.items()})
    return list(next_steps(aws, WITH_MAIL, DOCUMENT, {"AlarmTopicArn": "topic"}))


def subscriptions(state: str) -> dict[str, Any]:
    return {"Subscriptions": [{"Endpoint": "ops@acme.io", "SubscriptionArn": state}]}


def test_what_is_missing_is_listed_with_its_command() -> None:
    """The mail, the secrets by name, and how to check the stage."""
    found = steps(
        sns__list_subscriptions_by_topic=subscriptions("PendingConfirmation"),
        secretsmanager__describe_secret=refusal("ResourceNotFoundException"),
    )

    assert found == [
        "Confirm the mail that AWS sent to ops@acme.io: no alarm arrives before that",
        (
            "Store the secrets that are missing:\n"
            '     printf %s "$VALUE" | aws secretsmanager create-secret --region eu-west-1 '
            "--name ecr-scan-alerts/prod/team --secret-string file:///dev/stdin"
        ),
        "Check the stage: ./ecr-scan-alerts doctor --stage prod, then push an image",
    ]


def test_what_is_done_is_not_listed() -> None:
    """A secret that waits for its deletion is missing."""
    confirmed = subscriptions("arn:aws:sns:eu-west-1:210987654321:topic:1")

    done = steps(
        sns__list_subscriptions_by_topic=confirmed, secretsmanager__describe_secret={"Name": "x"}
    )
    deleted = steps(
        sns__list_subscriptions_by_topic=confirmed,
        secretsmanager__describe_secret={"Name": "x", "DeletedDate": "soon"},
    )

    assert len(done) == 1
    assert "Store the secrets that are missing" in deleted[0]


def test_what_may_not_be_looked_at_is_asked() -> None:
    """The deployment is done; it does not fail afterwards."""
    denied = refusal("AccessDenied")

    found = steps(sns__list_subscriptions_by_topic=denied, secretsmanager__describe_secret=denied)

    assert found[0].startswith("Has ops@acme.io confirmed the subscription to alarms?")
    assert found[1] == (
        "Are these secrets stored? AWS does not let you look: ecr-scan-alerts/prod/team"
    )


def test_parameters_are_looked_for_without_their_value() -> None:
    """By their description."""
    entry = {"type": "jira", "credentials": {"parameter": "/ecr-scan-alerts/jira"}}
    document = {"destinations": {"tickets": entry}}
    aws = FakeAws({"ssm.describe_parameters": {"Parameters": []}})
    inputs = Inputs("prod", "eu-west-1", Path("/a.yml"))

    found = list(next_steps(aws, inputs, document, {}))

    assert list(secret_references(document, "prod")) == [
        ("parameter", "/ecr-scan-alerts/prod/jira")
    ]
    assert "aws ssm put-parameter --region eu-west-1 --name /ecr-scan-alerts/prod/jira" in found[0]
    assert [name for name, _ in aws.calls] == ["ssm.describe_parameters"]
