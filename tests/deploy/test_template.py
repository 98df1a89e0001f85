"""What CloudFormation gets: the parts an embedded AWS does not imitate are asserted here."""

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from cli.__main__ import parser
from cli.stage_file import defaults
from deploy.inputs import Inputs
from deploy.package import LONGEST_STAGE, ROOT, links_left_out
from deploy.retained import RetainedData, import_template
from deploy.stack import METADATA
from lib.bootstrap.settings import Settings
from lib.config.limits import MOST_TOPICS
from lib.config.secret_names import PREFIX, stage_name
from lib.core.attempts import LEASE
from lib.flows.syncs import RENEWED
from lib.http_deadline import TimeLimits
from lib.models.program import VERSION
from lib.normalizer.events import EVENT_PATTERNS, REGISTRY_CHANGE
from lib.observability import Metric
from lib.store import progress
from lib.store.publications import KEY
from lib.urls import signed
from lib.urls.console import console_url
from local.aws.name_limits import LIMITS
from local.demo.deploy import quickened
from tests.deploy.conftest import CONFIG, STAGE, WITH_LINKS, WITHOUT_LINKS, Package
from tests.store.conftest import create_table
from tests.support import docs
from tests.support.builders import an_image
from tests.support.calls import Program, handlers
from tests.support.templates import resolved

REPORTS = "reports/"
OBJECTS = ("states/", "pinned/")
NAME = f"ecr-scan-alerts-{STAGE}"
FUNCTIONS = (
    "AuditRepositories",
    "Deliver",
    "GatherFindings",
    "OpenReport",
    "ProcessScan",
    "Reconcile",
    "SendDigest",
    "Sweep",
    "SyncStreams",
)
SCHEDULES = {
    "AuditRepositories": "rate(1 day)",
    "Reconcile": "cron(10 * * * ? *)",
    "SendDigest": "cron(5 * * * ? *)",
    "Sweep": "rate(1 minute)",
}
NEW_ACCOUNT_CONCURRENCY = 10
"""AWS says "reduced", new accounts report this number:
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
STACK_NAME = 128
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-using-console-create-stack-parameters.html"""
HANDLERS = {name: re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() for name in FUNCTIONS}
NEVER_CALLED = {
    # It needs no alerts.yml, so it is given no place of one.
    "gather_findings": {"s3:GetObject", "s3:ListBucket"},
    # It records what was sent, and syncs nothing; rows of a text and of a store have one name.
    # It asks what runs the images of a message; which images run at all is asked by `reconcile`.
    "deliver": {"dynamodb:ConditionCheckItem", "dynamodb:Scan", "inspector2:ListCoverage"},
    # Rows of a text and of a store have one name.
    "process_scan": {"dynamodb:Scan"},
    # It keeps tags and uses; views are left to syncs, and reports to process_scan.
    "reconcile": {
        "dynamodb:ConditionCheckItem",
        "dynamodb:UpdateItem",
        "ecr:GetDownloadUrlForLayer",
        "s3:PutObject",
    },
    # Copies are read for digests, and written by syncs. It adds rows, and changes none; rows of a
    # text and of a store have one name.
    "send_digest": {"dynamodb:Scan", "dynamodb:UpdateItem", "s3:DeleteObject"},
    # It only lists and wakes; a notifier is made for the pace of its receiver.
    "sweep": {
        "dynamodb:ConditionCheckItem",
        "dynamodb:Scan",
        "secretsmanager:GetSecretValue",
        "ssm:GetParameter",
    },
    # Its one secret is in Secrets Manager: the stack makes it.
    "open_report": {"ssm:GetParameter"},
}
"""Calls that `tests.support.calls` finds and that no run can make."""
POLICIES = 10_240
"""Characters: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
LONGEST_ARN = 150
"""Of a table, bucket, queue or log group that is named after the longest stage."""
WITHOUT_RESOURCES = {
    "ecr:DescribePullThroughCacheRules",
    "ecr:DescribeRepositoryCreationTemplates",
    "ecr:GetRegistryScanningConfiguration",
    "inspector2:ListCoverage",
    "inspector2:ListFindings",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
"""Actions for which AWS knows no resource."""


@pytest.fixture(scope="module")
def program() -> Program:
    """Read the code once."""
    return Program(ROOT)


def get_att(name: str, attribute: str = "Arn") -> dict[str, list[str]]:
    """Return a reference as it stands in a template."""
    return {"Fn::GetAtt": [name, attribute]}


def names_in(node: Any) -> Iterator[str]:
    """Yield the resources that a part of a template refers to."""
    if isinstance(node, list):
        yield from chain.from_iterable(map(names_in, node))
    elif isinstance(node, dict):
        if "Ref" in node:
            yield node["Ref"]
        if "Fn::GetAtt" in node:
            yield node["Fn::GetAtt"][0]
        yield from chain.from_iterable(map(names_in, node.values()))


def statements(role: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what a role may do."""
    return [
        statement
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def as_list(value: Any) -> list[Any]:
    """Return what stands alone or in a list as a list."""
    return value if isinstance(value, list) else [value]


# --- as a whole ---------------------------------------------------------------------------------


def cfn_lint(path: Path, regions: Collection[str]) -> list[str]:
    """
    Return what cfn-lint says of a template in these regions.

    In this process, which has read the data of all regions already.
    """
    from cfnlint.config import ConfigMixIn
    from cfnlint.runner import Runner

    config = ConfigMixIn(["--regions", *sorted(regions), "--", str(path)])
    return [f"{match.rule.id} {match.message}" for match in Runner(config).run()]


@cache
def all_regions() -> frozenset[str]:
    """Return the regions that cfn-lint knows. Its import takes a second."""
    from cfnlint.helpers import REGIONS

    return frozenset(REGIONS)


@cache
def with_urls() -> frozenset[str]:
    """Return the regions in which functions can have addresses, as cfn-lint knows them."""
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

    kinds = PROVIDER_SCHEMA_MANAGER.get_resource_types
    return frozenset(region for region in all_regions() if "AWS::Lambda::Url" in kinds(region))


@pytest.fixture
def _settings_of_cfn_lint(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand where `.cfnlintrc.yml` is."""
    monkeypatch.chdir(ROOT)


@pytest.mark.usefixtures("_settings_of_cfn_lint")
def test_cfn_lint_finds_nothing_where_functions_have_addresses(built: Package) -> None:
    """The template is valid in every such region: types, enums, references, IAM actions."""
    assert cfn_lint(built.path, with_urls()) == []


@pytest.mark.usefixtures("_settings_of_cfn_lint")
def test_cfn_lint_finds_nothing_where_they_have_none(built_without_links: Package) -> None:
    """Without links the template is valid in every other region that cfn-lint knows."""
    assert len(all_regions()) > 40
    assert cfn_lint(built_without_links.path, all_regions() - with_urls()) == []


def test_the_template_without_links_adds_nothing(
    built: Package, built_without_links: Package
) -> None:
    """So it is valid wherever the other one is, and the two tests above are about every region."""
    with_links = json.loads(built.path.read_text())["Resources"]
    without = json.loads(built_without_links.path.read_text())["Resources"]

    assert without.keys() < with_links.keys()
    shared = {name: with_links[name] for name in without}
    assert {path.rpartition("/")[2] for path in differences(without, shared)} == {
        "REPORT_LINK_BASE",
        "REPORT_LINK_DAYS",
    }


def test_links_are_left_out_where_functions_have_no_addresses() -> None:
    """The list is that of CloudFormation's own data; a newer cfn-lint shows what to change."""
    text = (ROOT / "deploy" / "template" / "report-links.yml").read_text()
    named = set(re.findall(r"^  ([a-z0-9-]+): absent$", text, re.MULTILINE))

    assert named == all_regions() - with_urls()


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Yield the paths at which two documents differ."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key in one:
            yield from differences(one[key], other[key], f"{path}/{key}")
    elif one != other:
        yield path


def test_the_demo_differs_by_some_seconds_only(built: Package) -> None:
    """The embedded AWS gets what AWS gets, but for these."""
    template = json.loads(built.path.read_text())

    differing = set(differences(template, quickened(template)))

    (delay,) = (path for path in differing if path.endswith("DelaySeconds"))
    assert delay == "/Resources/ChangedImagesQueue/Properties/DelaySeconds"
    assert {path.rpartition("/")[2] for path in differing - {delay}} == {
        "GATHER_SECONDS",
        "CONFIG_SECONDS",
        "CONFIG_SETTLED_SECONDS",
    }
    assert not any("Sweep" in path and path.endswith("CONFIG_SECONDS") for path in differing)


def physical_names(template: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield kind, property and value of all that is named after the stage."""
    for resource in template["Resources"].values():
        for key, value in resource.get("Properties", {}).items():
            text = json.dumps(value)
            if key.endswith("Name") and re.search(rf"\b{STAGE}\b", text):
                yield resource["Type"], key, value if isinstance(value, str) else named(value)


def named(value: dict[str, Any]) -> str:
    """Return a name that CloudFormation puts together: of an identifier of 36 characters."""
    text, _variables = value["Fn::Sub"]
    return str(text.replace("${id}", "1" * 36))


def test_the_longest_stage_is_what_the_longest_names_leave(built: Package) -> None:
    """The first name of AWS to become too long decides what packaging accepts."""
    names = list(physical_names(built.template))
    room = {LIMITS[kind].max_length - len(name) + len(STAGE) for kind, _, name in names}
    stack = STACK_NAME - len(NAME) + len(STAGE)

    assert {(kind, key) for kind, key, _ in names} == {
        (kind, LIMITS[kind].name) for kind, _, _ in names
    }
    assert {"AWS::Lambda::Function", "AWS::SQS::Queue", "AWS::Scheduler::Schedule"} <= {
        kind for kind, _, _ in names
    }
    assert min(*room, stack) == LONGEST_STAGE == 29


# --- events in ----------------------------------------------------------------------------------


def test_the_rules_are_what_the_sources_understand(built: Package) -> None:
    """Every pattern of `lib.normalizer.readers.events` has its rule, and there is no other."""
    rules = built.resources("AWS::Events::Rule")

    assert {name: rule["EventPattern"] for name, rule in rules.items()} == {
        **EVENT_PATTERNS,
        "EcrRegistryChange": REGISTRY_CHANGE,
    }


def test_a_change_of_the_registry_has_all_repositories_checked(built: Package) -> None:
    """It goes to the function that does so every day, and our rule alone may call it."""
    (target,) = built.resources("AWS::Events::Rule")["EcrRegistryChange"]["Targets"]
    permission = built.resources("AWS::Lambda::Permission")["EcrRegistryChangePermission"]

    assert target["Arn"] == get_att("AuditRepositoriesLambdaFunction")
    assert permission == {
        "FunctionName": get_att("AuditRepositoriesLambdaFunction"),
        "Action": "lambda:InvokeFunction",
        "Principal": "events.amazonaws.com",
        "SourceArn": get_att("EcrRegistryChange"),
    }


@pytest.mark.parametrize("name", EVENT_PATTERNS)
def test_an_event_that_cannot_be_queued_is_kept(built: Package, name: str) -> None:
    """A rule tries for a day, then its dead-letter queue has the event."""
    (target,) = built.resources("AWS::Events::Rule")[name]["Targets"]

    queue = "FindingEventsQueue" if name == "Inspector2Finding" else "ScanEventsQueue"
    assert target["Arn"] == get_att(queue)
    assert target["DeadLetterConfig"] == {"Arn": get_att("UndeliveredEventsDlq")}
    assert target["SqsParameters"] == {"MessageGroupId": "$.account"}
    assert target["RetryPolicy"] == {
        "MaximumRetryAttempts": 185,
        "MaximumEventAgeInSeconds": 86400,
    }


@pytest.mark.parametrize(
    ("queue", "rules"),
    [
        ("ScanEventsQueue", EVENT_PATTERNS.keys() - {"Inspector2Finding"}),
        ("FindingEventsQueue", {"Inspector2Finding"}),
        ("UndeliveredEventsDlq", EVENT_PATTERNS.keys()),
    ],
)
def test_only_our_rules_may_send(built: Package, queue: str, rules: set[str]) -> None:
    """EventBridge writes for our rules alone: another account's rule could name the queue."""
    (policy,) = [
        policy
        for policy in built.resources("AWS::SQS::QueuePolicy").values()
        if policy["Queues"] == [{"Ref": queue}]
    ]
    (statement,) = policy["PolicyDocument"]["Statement"]
    sources = statement.pop("Condition")["ArnEquals"]["aws:SourceArn"]

    assert set(names_in(sources)) == rules
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": get_att(queue),
    }


# --- queues and functions -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("queue", "dlq", "function"),
    [
        ("ScanEventsQueue", "ScanEventsDlq", "ProcessScan"),
        ("FindingEventsQueue", "ScanEventsDlq", "GatherFindings"),
        ("ChangedImagesQueue", "ChangedImagesDlq", "ProcessScan"),
        ("SyncQueue", "SyncDlq", "SyncStreams"),
        ("DeliveriesQueue", "DeliveriesDlq", "Deliver"),
    ],
)
def test_a_message_is_never_lost(built: Package, queue: str, dlq: str, function: str) -> None:
    """Hidden for six timeouts; eight tries; then kept longer than it could have waited."""
    queues = built.resources("AWS::SQS::Queue")
    timeout = built.resources("AWS::Lambda::Function")[f"{function}LambdaFunction"]["Timeout"]

    assert queues[queue]["VisibilityTimeout"] >= 6 * timeout
    assert queues[queue]["RedrivePolicy"] == {
        "deadLetterTargetArn": get_att(dlq),
        "maxReceiveCount": 8,
    }
    assert queues[dlq]["MessageRetentionPeriod"] == 14 * 86400
    assert queues[dlq]["MessageRetentionPeriod"] > queues[queue]["MessageRetentionPeriod"]
    assert queues[dlq].get("FifoQueue") == queues[queue].get("FifoQueue")


def test_every_queue_is_encrypted(built: Package) -> None:
    """Findings of images are nobody else's business."""
    queues = built.resources("AWS::SQS::Queue")

    assert all(each["SqsManagedSseEnabled"] for each in queues.values())


@pytest.mark.parametrize("name", ["DeliveriesQueue", "ChangedImagesQueue"])
def test_what_belongs_together_is_in_order(built: Package, name: str) -> None:
    """One message group per destination or image, and as many at a time as there are groups."""
    queue = built.resources("AWS::SQS::Queue")[name]

    assert queue["FifoQueue"] is True
    assert queue["QueueName"].endswith(".fifo")
    assert queue["DeduplicationScope"] == "messageGroup"
    assert queue["FifoThroughputLimit"] == "perMessageGroupId"


def test_findings_are_gathered_for_as_long_as_their_queue_delays(built: Package) -> None:
    """So a message is received after its window; the queue drops repeats for longer than that."""
    queue = built.resources("AWS::SQS::Queue")["ChangedImagesQueue"]
    gather = built.resources("AWS::Lambda::Function")["GatherFindingsLambdaFunction"]
    window = int(gather["Environment"]["Variables"]["GATHER_SECONDS"])

    assert int(queue["DelaySeconds"]) == window == 90
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    assert window < 5 * 60


def test_functions_report_each_failed_message(built: Package) -> None:
    """One bad record does not bring back the others of its batch."""
    mappings = built.resources("AWS::Lambda::EventSourceMapping")

    assert {
        mapping["EventSourceArn"]["Fn::GetAtt"][0]: (
            next(names_in(mapping["FunctionName"])),
            mapping["BatchSize"],
            mapping["ScalingConfig"]["MaximumConcurrency"],
        )
        for mapping in mappings.values()
    } == {
        "ScanEventsQueue": ("ProcessScanLambdaFunction", 1, 4),
        "ChangedImagesQueue": ("ProcessScanLambdaFunction", 1, 4),
        "FindingEventsQueue": ("GatherFindingsLambdaFunction", 200, 2),
        "SyncQueue": ("SyncStreamsLambdaFunction", 1, 4),
        "DeliveriesQueue": ("DeliverLambdaFunction", 1, 10),
    }
    assert all(
        mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        for mapping in mappings.values()
    )


def test_scans_leave_room_in_a_new_account(built: Package) -> None:
    """A backlog of scans takes less than half, so deliveries and links are not throttled by it."""
    scans = built.resources("AWS::Lambda::EventSourceMapping").values()
    at_a_time = max(
        mapping["ScalingConfig"]["MaximumConcurrency"]
        for mapping in scans
        if mapping["EventSourceArn"] != get_att("DeliveriesQueue")
    )

    assert at_a_time < NEW_ACCOUNT_CONCURRENCY / 2


def invocations(built: Package) -> dict[str, set[str]]:
    """Return the functions that each function can invoke by a message, from roles and queues."""
    invoked: dict[str, set[str]] = defaultdict(set)
    for mapping in built.resources("AWS::Lambda::EventSourceMapping").values():
        (function,) = names_in(mapping["FunctionName"])
        invoked[mapping["EventSourceArn"]["Fn::GetAtt"][0]].add(function)
    roles = built.resources("AWS::IAM::Role")
    return {
        name: {
            target
            for statement in statements(roles[function["Role"]["Fn::GetAtt"][0]])
            if {"sqs:SendMessage", "lambda:InvokeFunction"} & set(as_list(statement["Action"]))
            for resource in names_in(as_list(statement["Resource"]))
            for target in invoked.get(resource, {resource} & set(roles))
        }
        for name, function in built.resources("AWS::Lambda::Function").items()
    }


def reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    """Return what can be reached from a node of a graph, in one step or more."""
    found: set[str] = set()
    rest = set(graph[start])
    while rest:
        found |= rest
        rest = set().union(*(graph[name] for name in rest)) - found
    return found


def test_a_function_in_a_loop_of_messages_says_so(built: Package) -> None:
    """Lambda stops such a loop unless it is allowed; nowhere else is one."""
    functions = built.resources("AWS::Lambda::Function")
    graph = invocations(built)
    in_a_loop = {name for name in graph if name in reachable(graph, name)}
    allowed = {name for name, each in functions.items() if each.get("RecursiveLoop") == "Allow"}

    assert "DeliverLambdaFunction" in graph["SweepLambdaFunction"]
    assert (
        allowed
        == in_a_loop
        == {"ProcessScanLambdaFunction", "SyncStreamsLambdaFunction", "DeliverLambdaFunction"}
    )


@pytest.mark.parametrize("function", SCHEDULES)
def test_what_runs_by_the_clock_has_its_schedule(built: Package, function: str) -> None:
    """The scheduler has a role of its own for each function."""
    schedule = built.resources("AWS::Scheduler::Schedule")[f"{function}Schedule"]
    role = built.resources("AWS::IAM::Role")[f"{function}ScheduleRole"]

    assert schedule["ScheduleExpression"] == SCHEDULES[function]
    assert schedule["Target"]["Arn"] == get_att(f"{function}LambdaFunction")
    assert schedule["Target"]["RoleArn"] == get_att(f"{function}ScheduleRole")
    assert [(each["Action"], each["Resource"]) for each in statements(role)] == [
        ("lambda:InvokeFunction", get_att(f"{function}LambdaFunction"))
    ]


def test_nothing_else_runs_by_the_clock(built: Package) -> None:
    """One schedule for each of these functions."""
    schedules = built.resources("AWS::Scheduler::Schedule")

    assert set(schedules) == {f"{each}Schedule" for each in SCHEDULES}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_can_be_followed(built: Package, function: str) -> None:
    """Traces are on, and logs are kept for a known time."""
    properties = built.resources("AWS::Lambda::Function")[f"{function}LambdaFunction"]
    logs = built.resources("AWS::Logs::LogGroup")[f"{function}LogGroup"]

    assert properties["TracingConfig"] == {"Mode": "Active"}
    assert properties["Runtime"] == "python3.13"
    assert properties["Architectures"] == ["arm64"]
    assert logs["LogGroupName"] == f"/aws/lambda/{properties['FunctionName']}"
    assert logs["RetentionInDays"] == 30


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_handler_exists(built: Package, function: str) -> None:
    """The handler of each function is a file of the package."""
    handler = built.resources("AWS::Lambda::Function")[f"{function}LambdaFunction"]["Handler"]
    module, _, name = handler.rpartition(".")

    assert name == "handler"
    assert (ROOT / f"{module}.py").is_file()


def test_functions_get_the_environment_they_ask_for(built: Package) -> None:
    """
    Every variable that `lib.bootstrap` needs is set for some function, and no other.

    The queue of a record is found among the addresses that end in _QUEUE_URL.
    """
    functions = built.resources("AWS::Lambda::Function").values()
    given = set(chain.from_iterable(each["Environment"]["Variables"] for each in functions))
    code = "".join(file.read_text() for file in (ROOT / "lib" / "bootstrap").glob("*.py"))
    asked = set(re.findall(r'(?:need|environment\.get)\(\s*"([A-Z_]+)"', code))

    assert hasattr(Settings, "need")
    queues = {variable for variable in given if variable.endswith("_QUEUE_URL")}
    assert {
        variable for variable in given if not variable.startswith(("POWERTOOLS_", "LOG_"))
    } == asked | queues


def test_a_lease_outlives_the_function(built: Package) -> None:
    """A claim never ends while its holder can still run."""
    timeout = built.resources("AWS::Lambda::Function")["DeliverLambdaFunction"]["Timeout"]

    assert LEASE.total_seconds() > timeout


def test_an_attempt_ends_before_its_function(built: Package) -> None:
    """In between are rows, report and page, and a name that the resolver looks up for long."""
    timeout = built.resources("AWS::Lambda::Function")["DeliverLambdaFunction"]["Timeout"]

    assert TimeLimits().attempt + 15 <= timeout


# --- what is kept -------------------------------------------------------------------------------


class CreatedTable:
    """Stands in for the client: remembers how a table was made."""

    def create_table(self, **request: Any) -> None:
        self.request = request


def test_the_table_is_the_one_of_the_contract_tests(built: Package) -> None:
    """The stores are tested with the keys and the index that are deployed."""
    (table,) = built.resources("AWS::DynamoDB::Table").values()
    tested = CreatedTable()
    create_table(tested, "any")

    for part in ("KeySchema", "GlobalSecondaryIndexes", "BillingMode"):
        assert table[part] == tested.request[part]
    assert {each["AttributeName"] for each in table["AttributeDefinitions"]} == {
        each["AttributeName"] for each in tested.request["AttributeDefinitions"]
    }


def test_the_table_is_protected(built: Package) -> None:
    """Rows expire; the table is encrypted, can be restored, and survives the stack."""
    (table,) = built.resources("AWS::DynamoDB::Table").values()

    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["DeletionProtectionEnabled"] == "true"
    assert built.template["Resources"]["Table"]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert built.template["Resources"]["Table"]["UpdateReplacePolicy"] == "Retain"


def test_the_bucket_is_private(built: Package) -> None:
    """Nothing public, everything encrypted, at rest and on the way."""
    bucket = built.resources("AWS::S3::Bucket")["ReportsBucket"]
    policy = built.resources("AWS::S3::BucketPolicy")["ReportsBucketPolicy"]
    (statement,) = policy["PolicyDocument"]["Statement"]

    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert "AES256" in json.dumps(bucket["BucketEncryption"])
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {
        "Bool": {"aws:SecureTransport": "false"},
        "NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"},
    }
    assert built.template["Resources"]["ReportsBucket"]["DeletionPolicy"] == "RetainExceptOnCreate"


def test_a_state_is_written_again_long_before_it_expires(built: Package) -> None:
    """A stream that stays the same for years keeps its state, also where some passes are lost."""
    assert expirations(built)["states/"] > 12 * RENEWED


def test_progress_outlives_the_message_that_names_it(built: Package) -> None:
    """It is read when the message comes back, at the latest when the queue drops it."""
    queue = built.resources("AWS::SQS::Queue")["ScanEventsQueue"]

    assert expirations(built)[progress.PREFIX] * 86400 > queue["MessageRetentionPeriod"]


def test_the_configuration_of_the_stage_does_not_expire(built: Package) -> None:
    """Reports, pages and digests do; what the next deployment compares with stays.

    So do the copies of streams, which are written over.
    """
    assert set(expirations(built)) == {REPORTS, progress.PREFIX, *signed.PREFIXES, *OBJECTS}
    assert not any(KEY.startswith(prefix) for prefix in expirations(built))


def expirations(built: Package) -> dict[str, int]:
    """Return the days after which objects expire, by the beginning of their keys."""
    bucket = built.resources("AWS::S3::Bucket")["ReportsBucket"]
    rules = bucket["LifecycleConfiguration"]["Rules"]
    assert {rule["Status"] for rule in rules} == {"Enabled"}
    return {
        rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "ExpirationInDays" in rule
    }


# --- who may do what ----------------------------------------------------------------------------


def test_every_function_has_a_role_of_its_own(built: Package) -> None:
    """What one function may do, no other may because of it."""
    functions = built.resources("AWS::Lambda::Function")
    roles = {name: each["Role"] for name, each in functions.items()}

    assert roles == {f"{each}LambdaFunction": get_att(f"{each}Role") for each in FUNCTIONS}
    assert set(built.resources("AWS::IAM::Role")) == {
        *(f"{each}Role" for each in FUNCTIONS),
        *(f"{each}ScheduleRole" for each in SCHEDULES),
    }


def test_every_role_takes_the_path_and_the_boundary_of_the_stage(built: Package) -> None:
    """Companies that allow iam:CreateRole often ask for both."""
    roles = built.resources("AWS::IAM::Role").values()

    assert {role["Path"] for role in roles} == {"/"}
    assert all(role["PermissionsBoundary"] == {"Ref": "AWS::NoValue"} for role in roles)


def test_parameters_of_the_template_are_those_of_stage_files() -> None:
    """Whatever serverless.yml reads can be set for a stage, and whatever can be set is read."""
    files = (ROOT / "serverless.yml", *(ROOT / "deploy" / "template").glob("*.yml"))
    text = "".join(file.read_text() for file in files)

    assert set(re.findall(r"\$\{param:(\w+)\}", text)) - {"topicArns"} == set(defaults())


def test_the_template_names_its_version(built: Package) -> None:
    """The next deployment compares with it; an update that is undone undoes this, too."""
    assert built.template["Metadata"][METADATA] == {"version": VERSION}


def test_kept_resources_can_be_adopted(built: Package) -> None:
    """What is imported has the properties that the next update gives it."""
    retained = RetainedData(table="table", bucket="bucket")

    template = import_template(json.loads(built.path.read_text()), retained, None)

    assert set(template["Resources"]) == {"Table", "ReportsBucket"}
    for name, resource in resolved(template, built.values)["Resources"].items():
        assert resource["DeletionPolicy"] == "Retain"
        assert resource["Properties"] == built.template["Resources"][name]["Properties"]
    # An import knows no conditions, no other resources and no outputs.
    assert "DependsOn" not in json.dumps(template)
    assert set(names_in(template["Resources"])) <= set(template["Parameters"])
    assert "Outputs" not in template


def test_everything_allowed_names_its_resources(built: Package) -> None:
    """Only actions without resources have a star, and no action is a pattern."""
    allowed = list(chain.from_iterable(map(statements, built.resources("AWS::IAM::Role").values())))
    starred = {
        action
        for each in allowed
        for action in as_list(each["Action"])
        if "*" in as_list(each["Resource"])
    }

    assert starred == WITHOUT_RESOURCES
    assert [action for each in allowed for action in as_list(each["Action"]) if "*" in action] == []


def granted(built: Package, function: str) -> set[str]:
    """Return the actions that the role of a function allows, with those of other policies."""
    role = f"{function}Role"
    others = [
        policy["PolicyDocument"]["Statement"]
        for policy in built.resources("AWS::IAM::Policy").values()
        if {"Ref": role} in policy["Roles"]
    ]
    allowed = [*statements(built.resources("AWS::IAM::Role")[role]), *chain.from_iterable(others)]
    return set(chain.from_iterable(as_list(each["Action"]) for each in allowed))


def service_actions(built: Package, function: str) -> set[str]:
    """Return the actions that Lambda itself needs in the role of a function."""
    receives = {
        name
        for each in built.resources("AWS::Lambda::EventSourceMapping").values()
        for name in names_in(each["FunctionName"])
    }
    polling = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
    return {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
        *(polling if f"{function}LambdaFunction" in receives else ()),
    }


def test_every_handler_is_a_function(built: Package) -> None:
    """What is held of all functions below is held of all handlers."""
    deployed = {
        each["Handler"].rpartition("/")[2].removesuffix(".handler")
        for each in built.resources("AWS::Lambda::Function").values()
    }

    assert deployed == set(handlers(ROOT)) == {HANDLERS[name] for name in FUNCTIONS}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_allows_the_calls_of_its_function_and_no_other(
    built: Package, program: Program, function: str
) -> None:
    """The calls are read from the code, so that no run has to come by each of them."""
    module = HANDLERS[function]
    called = program.actions(f"handlers.{module}") - NEVER_CALLED.get(module, set())

    assert granted(built, function) - service_actions(built, function) == called


def test_no_exception_is_out_of_date(program: Program) -> None:
    """A call that is named as never made is one that the code seems to make."""
    for module, actions in NEVER_CALLED.items():
        assert actions <= program.actions(f"handlers.{module}")


def test_deliver_publishes_to_the_topics_of_the_file(built: Package) -> None:
    """Only topics that alerts.yml names."""
    (statement,) = [
        each
        for each in statements(built.resources("AWS::IAM::Role")["DeliverRole"])
        if each["Action"] == "sns:Publish"
    ]

    assert statement["Resource"] == [
        "arn:aws:sns:eu-central-1:123456789012:scan-audit",
        "arn:aws:sns:eu-central-1:123456789012:scan-mail",
    ]


def characters(node: Any) -> int:
    """Return how long a part of a policy is at most, when CloudFormation has put it together."""
    match node:
        case {"Fn::GetAtt": _} | {"Ref": _}:
            return LONGEST_ARN
        case {"Fn::Sub": str(text)}:
            return LONGEST_ARN + len(text) + 2
        case dict():
            return 2 + sum(len(name) + 4 + characters(each) for name, each in node.items())
        case list():
            return 2 + sum(1 + characters(each) for each in node)
        case _:
            return len(json.dumps(node))


def test_the_policy_of_deliver_has_room_for_topics(built: Package) -> None:
    """What check-config leaves to topics, and the rest at its longest, are in IAM's limit."""
    policies = built.resources("AWS::IAM::Role")["DeliverRole"]["Policies"]
    documents = [policy["PolicyDocument"] for policy in policies]
    topics = [
        each["Resource"]
        for document in documents
        for each in document["Statement"]
        if each["Action"] == "sns:Publish"
    ]
    longer = LONGEST_STAGE - len(STAGE)
    named = json.dumps(documents).count(STAGE)

    others = sum(map(characters, documents)) - sum(map(characters, topics)) + longer * named

    assert others + MOST_TOPICS <= POLICIES


def test_deliver_reads_our_secrets_only(built: Package) -> None:
    """Below the stage's own name, so no stage reads another's."""
    resources = [
        each["Resource"]["Fn::Sub"].rpartition(":")[2]
        for each in statements(built.resources("AWS::IAM::Role")["DeliverRole"])
        if each["Action"] in ("secretsmanager:GetSecretValue", "ssm:GetParameter")
    ]

    assert resources == [
        f"{stage_name('secret', PREFIX, STAGE)}*",
        f"parameter{stage_name('parameter', PREFIX, STAGE)}*",
    ]
    assert resources == [f"ecr-scan-alerts/{STAGE}/*", f"parameter/ecr-scan-alerts/{STAGE}/*"]


def test_links_are_signed_with_a_secret_that_nobody_chose(built: Package) -> None:
    """Made by AWS, of each deployment its own, read by the two functions that need it."""
    (secret,) = built.resources("AWS::SecretsManager::Secret").values()
    functions = built.resources("AWS::Lambda::Function")
    named = {
        name
        for name, each in functions.items()
        if each["Environment"]["Variables"].get("REPORT_LINK_SECRET") == secret["Name"]
    }
    (statement,) = [
        each
        for each in statements(built.resources("AWS::IAM::Role")["OpenReportRole"])
        if each["Action"] == "secretsmanager:GetSecretValue"
    ]

    assert secret["GenerateSecretString"]["PasswordLength"] >= 32
    assert "SecretString" not in secret
    assert named == {"DeliverLambdaFunction", "OpenReportLambdaFunction"}
    pattern = statement["Resource"]["Fn::Sub"].rpartition(":")[2]
    assert fnmatchcase(secret["Name"]["Fn::Sub"][0], pattern)


def test_only_the_function_that_opens_links_can_be_reached_from_outside(built: Package) -> None:
    """One address, for one function, and only where links are wanted."""
    (url,) = built.resources("AWS::Lambda::Url").values()
    permissions = [
        each
        for each in built.resources("AWS::Lambda::Permission").values()
        if each["Principal"] == "*"
    ]
    links = get_att("OpenReportLambdaFunction")

    assert (url["TargetFunctionArn"], url["AuthType"]) == (links, "NONE")
    assert {each["FunctionName"]["Fn::GetAtt"][0] for each in permissions} == {
        "OpenReportLambdaFunction"
    }


def test_without_links_nothing_can_be_reached_from_outside(
    built: Package, built_without_links: Package
) -> None:
    """What only links need is left out whole, and nothing else."""
    absent = set(built.template["Resources"]) - set(built_without_links.template["Resources"])
    deliver = built_without_links.resources("AWS::Lambda::Function")["DeliverLambdaFunction"]

    assert absent == {
        "OpenReportLambdaFunction",
        "OpenReportLogGroup",
        "OpenReportRole",
        "ReportLinks",
        "ReportLinksInvokePermission",
        "ReportLinksPermission",
    }
    assert deliver["Environment"]["Variables"]["REPORT_LINK_BASE"] == ""
    assert "OpenReportFunctionName" not in built_without_links.template["Outputs"]
    assert '"Principal": "*"' not in json.dumps(
        built_without_links.resources("AWS::Lambda::Permission")
    )


def test_packaging_says_why_there_are_no_links() -> None:
    """One line; the parameter, or the region."""
    off = links_left_out(Inputs("prod", WITH_LINKS, CONFIG, {"reportLinkDays": 0}))
    by_region = links_left_out(Inputs("prod", WITHOUT_LINKS, CONFIG))

    assert "reportLinkDays is 0; messages name the command that makes a page" in off
    assert "no function URLs in this region" in by_region


# --- who watches --------------------------------------------------------------------------------


def test_alarms_watch_what_exists(built: Package) -> None:
    """Each alarm names a resource of this stack or a metric we count, and tells the topic."""
    alarms = built.resources("AWS::CloudWatch::Alarm")
    known = set(built.template["Resources"])

    for alarm in alarms.values():
        (dimension,) = alarm["Dimensions"]
        if alarm["Namespace"] == "EcrScanAlerts":
            assert alarm["MetricName"] in set(Metric)
            assert dimension == {"Name": "service", "Value": NAME}
        else:
            assert set(names_in(dimension)) <= known
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]
        assert alarm["TreatMissingData"] == "notBreaching"


def test_everything_that_needs_people_has_an_alarm(built: Package) -> None:
    """Dead letters, dead deliveries, failing functions, waiting messages."""
    alarms = built.resources("AWS::CloudWatch::Alarm").values()
    watched = {(each["MetricName"], next(names_in(each["Dimensions"]), None)) for each in alarms}

    assert watched == {
        ("ApproximateNumberOfMessagesVisible", "ScanEventsDlq"),
        ("ApproximateNumberOfMessagesVisible", "ChangedImagesDlq"),
        ("ApproximateNumberOfMessagesVisible", "SyncDlq"),
        ("ApproximateNumberOfMessagesVisible", "DeliveriesDlq"),
        ("ApproximateNumberOfMessagesVisible", "UndeliveredEventsDlq"),
        ("DeliveriesDead", None),
        ("DeliveriesMisconfigured", None),
        ("ConfigUnread", None),
        ("RecordsFailed", None),
        ("Errors", "ProcessScanLambdaFunction"),
        ("Errors", "GatherFindingsLambdaFunction"),
        ("Errors", "SyncStreamsLambdaFunction"),
        ("Errors", "DeliverLambdaFunction"),
        ("Errors", "SweepLambdaFunction"),
        ("Errors", "ReconcileLambdaFunction"),
        ("Errors", "AuditRepositoriesLambdaFunction"),
        ("Errors", "SendDigestLambdaFunction"),
        ("RecursiveInvocationsDropped", "ProcessScanLambdaFunction"),
        ("RecursiveInvocationsDropped", "SyncStreamsLambdaFunction"),
        ("RecursiveInvocationsDropped", "DeliverLambdaFunction"),
        ("ApproximateAgeOfOldestMessage", "ScanEventsQueue"),
        ("ApproximateAgeOfOldestMessage", "DeliveriesQueue"),
    }


def test_metrics_carry_the_dimension_that_alarms_ask_for(built: Package) -> None:
    """The service's name is that of the stack, so stages in one account do not mix."""
    for function in built.resources("AWS::Lambda::Function").values():
        variables = function["Environment"]["Variables"]
        assert variables["POWERTOOLS_SERVICE_NAME"] == NAME
        assert variables["POWERTOOLS_METRICS_NAMESPACE"] == "EcrScanAlerts"
        assert variables["STAGE"] == STAGE


def test_the_dashboard_shows_what_is_counted(built: Package) -> None:
    """It is valid JSON, and its metrics and references exist."""
    (dashboard,) = built.resources("AWS::CloudWatch::Dashboard").values()
    text, variables = dashboard["DashboardBody"]["Fn::Sub"]
    known = {*built.template["Resources"], *variables, "AWS::Region"}
    references = re.findall(r"\$\{([A-Za-z:]+)[^}]*\}", text)
    widgets = json.loads(text)["widgets"]
    ours = {
        metric[1]
        for widget in widgets
        if widget["type"] == "metric"
        for first in [widget["properties"]["metrics"][0]]
        if first[0] == "EcrScanAlerts"
        for metric in widget["properties"]["metrics"]
        if metric[0] in {"EcrScanAlerts", "."}
    }

    assert set(references) <= known
    assert ours <= {each.value for each in Metric}
    assert "DeliveriesDead" in ours
    assert f'MetricName="{Metric.TIME_TO_ALERT}"' in text.replace("\\", "")


def test_the_dashboard_names_destination_and_reason(built: Package) -> None:
    """A metric counts; who does not take alerts, and why, is in the log of deliver."""
    (dashboard,) = built.resources("AWS::CloudWatch::Dashboard").values()
    (widget,) = (
        widget
        for widget in json.loads(dashboard["DashboardBody"]["Fn::Sub"][0])["widgets"]
        if widget["type"] == "log"
    )

    query = widget["properties"]["query"]
    assert query.startswith("SOURCE '${DeliverLogGroup}' | fields @timestamp, destination, reason")
    assert "message = 'delivery attempted'" in query


def test_an_alarm_names_the_command_and_the_page(built: Package) -> None:
    """Whoever is woken by it copies the command; it is one of ours, and so are its options."""
    anchors = docs.anchors("docs/operate.md")
    for name, alarm in built.resources("AWS::CloudWatch::Alarm").items():
        text = alarm["AlarmDescription"]["Fn::Sub"]
        commands = re.findall(r"`ecr-scan-alerts ([^`]+)`", text)
        filled = [command.replace("${AWS::Region}", "eu-west-1").split() for command in commands]
        stages = {parser().parse_args(words).stage for words in filled}

        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
        assert len(text) < 900, name
        assert commands, name
        assert stages <= {STAGE, None}, name
        anchor = text.rpartition("docs/operate.md#")[2]
        assert alarm["AlarmName"].endswith(f"-{STAGE}-{anchor}"), name
        assert anchor in anchors, name


JARGON: Final = re.compile(
    r"\b(?:streams?|syncs?|records?|DLQ|dead.letters?|redrive|throttled|recursion|reconciled?|swept"
    r"|anew|copies|idempotent)\b",
    re.IGNORECASE,
)
"""Words of the code that somebody who is woken by an alarm need not know."""


def test_an_alarm_says_first_what_readers_of_alerts_miss(built: Package) -> None:
    """No function stands first, and no word of the code but in commands, quotes and names."""
    for name, alarm in built.resources("AWS::CloudWatch::Alarm").items():
        text = alarm["AlarmDescription"]["Fn::Sub"].rpartition(" Page: ")[0]
        words = re.sub(r'`[^`]*`|"[^"]*"|the function \w+', "", text)

        assert not JARGON.findall(words), name
        assert not re.search(r"\b[a-z]+_[a-z]+\b", words), name
        assert words[0].isupper(), name


def test_outputs_name_what_operators_ask_for(built: Package) -> None:
    """Table, bucket, queues, functions, dashboard."""
    assert set(built.template["Outputs"]) >= {
        "TableName",
        "ReportsBucketName",
        "ScanEventsQueueUrl",
        "ScanEventsDlqUrl",
        "FindingEventsQueueUrl",
        "ChangedImagesQueueUrl",
        "ChangedImagesDlqUrl",
        "SyncQueueUrl",
        "SyncDlqUrl",
        "DeliveriesQueueUrl",
        "DeliveriesDlqUrl",
        "UndeliveredEventsDlqUrl",
        "ProcessScanFunctionName",
        "DeliverFunctionName",
        "OpenReportFunctionName",
        "SweepFunctionName",
        "ReconcileFunctionName",
        "AuditRepositoriesFunctionName",
        "AlarmTopicArn",
        "DashboardUrl",
    }


def value_in(node: Any, partition: str, template: dict[str, Any]) -> Any:
    """Return what CloudFormation makes of a condition on the partition."""
    if not isinstance(node, dict):
        return node
    name, yes, no = node["Fn::If"]
    _, wanted = template["Conditions"][name]["Fn::Equals"]
    return value_in(yes if wanted == partition else no, partition, template)


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-eusc"])
def test_the_dashboard_opens_in_the_console_of_its_partition(
    built: Package, partition: str
) -> None:
    """At the same host as the links to images in messages."""
    text, variables = built.template["Outputs"]["DashboardUrl"]["Value"]["Fn::Sub"]
    console = value_in(variables["console"], partition, built.template)

    host = text.split("/")[2].replace("${AWS::Region}", "eu-x-1").replace("${console}", console)

    assert host == urlsplit(console_url(an_image(partition=partition, region="eu-x-1"))).netloc
