"""The values of the template's parameters, from the settings of a stage."""

import pytest

from cli.stage_file import with_defaults
from deploy.values import has_links, stage_settings, template_values, too_long
from lib.config.limits import MOST_TOPICS, topics_size


def test_every_setting_is_a_text() -> None:
    """Lists have commas, truths are words, and what is not set has its default."""
    settings = {"traceability": False, "receiverHosts": ["a.example", "b.example"]}

    values = template_values("prod", settings, topics=("arn:b", "arn:a"), links=True)

    assert values["Stage"] == "prod"
    assert values["TopicArns"] == "arn:a,arn:b"
    assert (values["Traceability"], values["DeletionProtection"]) == ("false", "true")
    assert values["ReceiverHosts"] == "a.example,b.example"
    assert values["LogRetentionDays"] == "30"
    assert (values["PermissionsBoundary"], values["ConfigBucket"]) == ("", "")
    assert "CodeKey" not in values


def test_without_topics_the_list_has_a_word() -> None:
    """A list parameter cannot be empty."""
    assert template_values("prod", {}, topics=(), links=True)["TopicArns"] == "none"


def test_the_template_without_links_has_no_days() -> None:
    """CloudFormation refuses a value for a parameter that a template lacks."""
    assert "ReportLinkDays" not in template_values("prod", {}, topics=(), links=False)
    assert template_values("prod", {}, topics=(), links=True)["ReportLinkDays"] == "30"


def test_links_need_days_and_a_region_with_addresses() -> None:
    """Where no region is known, as `make package` allows, links are assumed."""
    assert has_links({}, "eu-central-1")
    assert has_links({}, "")
    assert not has_links({}, "eu-central-2")
    assert not has_links({"reportLinkDays": 0}, "eu-central-1")


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("ReceiverHosts", "name a domain with a leading dot"),
        ("TopicArns", "use fewer topics"),
        ("AlarmEmail", "use a shorter value"),
    ],
)
def test_a_value_that_no_parameter_has_room_for_has_a_remedy(name: str, remedy: str) -> None:
    """CloudFormation says so only after everything is uploaded."""
    assert too_long({"Stage": "prod", name: "x" * 4096}) is None
    problem = too_long({"Stage": "prod", name: "x" * 4097})

    assert problem is not None
    assert problem.startswith(f"{name} takes 4,097 bytes")
    assert remedy in problem


def test_topics_that_pass_the_check_of_the_configuration_fit() -> None:
    """check-config counts what stands around each topic in a policy, which is more than a comma."""
    topics = [f"arn:aws:sns:eu-central-1:123456789012:{number:03}" for number in range(200)]
    most = max(n for n in range(200) if topics_size(topics[:n]) <= MOST_TOPICS)

    values = template_values("prod", {}, topics=topics[:most], links=True)

    assert most > 50
    assert too_long(values) is None


def test_settings_come_back_as_they_were() -> None:
    """Each type of the schema."""
    settings = with_defaults(
        {"deletionProtection": False, "receiverHosts": ["a.example"], "scanConcurrency": 7}
    )

    values = template_values("prod", settings, topics=(), links=True)

    assert stage_settings(values, "eu-central-1") == settings
