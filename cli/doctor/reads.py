"""Reads of facts from AWS. They change nothing, and read no value of a secret."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Any, Final

from botocore.exceptions import ClientError

from cli.deployment import publications_of
from cli.doctor.facts import (
    AlarmFacts,
    AlternatingTags,
    BucketFacts,
    FunctionFacts,
    MappingFacts,
    QueueFacts,
    Resource,
    RuleFacts,
    RuleTarget,
    ScanningFacts,
    ScheduleFacts,
    SecretFacts,
    StackFacts,
    StreamsFacts,
    Subscription,
    TableFacts,
    TopicFacts,
    TrailFacts,
)
from cli.parser import called_as
from lib.bootstrap.clients import Clients
from lib.checks.settings import scans_on_push
from lib.config.parsing import parse
from lib.config.publication import read_publication
from lib.config.secret_names import stage_name
from lib.core.streams import alternating_tags
from lib.errors import ConfigError, DocumentError, StoreError
from lib.models import Image, Json, NameFilter, RepositorySettings, ScanningRule
from lib.ports.publications import Absence
from lib.ports.streams import StreamStore
from lib.sources.registry import PAGE
from lib.store.streams import DynamoStreamStore

_HOUR: Final = timedelta(hours=1)
_PERIOD: Final = 300
"""Seconds of a period. Sums begin at a multiple of it, so an hour would reach further back."""
_NO_BLOCK: Final = "NoSuchPublicAccessBlockConfiguration"
STREAMS: Final = 500
"""How many streams are looked at: each is a query."""


class Reads:
    """The calls about a stage."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def stack(self, name: str) -> StackFacts:
        """Read the outcome of the last deployment."""
        (description,) = self._clients.get("cloudformation").describe_stacks(StackName=name)[
            "Stacks"
        ]
        return StackFacts(name, description["StackStatus"])

    def resources(self, stack: str) -> tuple[Resource, ...]:
        """Read the resources of the stack."""
        pages = self._clients.get("cloudformation").get_paginator("list_stack_resources")
        summaries = (page["StackResourceSummaries"] for page in pages.paginate(StackName=stack))
        return tuple(
            Resource(
                summary["LogicalResourceId"],
                summary.get("PhysicalResourceId", ""),
                summary["ResourceType"],
            )
            for summary in chain.from_iterable(summaries)
        )

    def rule(self, resource: Resource) -> RuleFacts:
        """Read a rule of EventBridge and its targets."""
        client = self._clients.get("events")
        description = client.describe_rule(Name=resource.id)
        targets = client.list_targets_by_rule(Rule=resource.id)["Targets"]
        return RuleFacts(
            name=resource.name,
            id=resource.id,
            arn=description["Arn"],
            enabled=description["State"] != "DISABLED",
            targets=tuple(
                RuleTarget(target["Arn"], target.get("DeadLetterConfig", {}).get("Arn", ""))
                for target in targets
            ),
        )

    def queue(self, name: str, url: str, *, dead_letters: bool) -> QueueFacts:
        """Read the state and the policy of a queue."""
        answer = self._clients.get("sqs").get_queue_attributes(
            QueueUrl=url, AttributeNames=["All"]
        )["Attributes"]
        return QueueFacts(
            name=name,
            arn=answer["QueueArn"],
            waiting=int(answer.get("ApproximateNumberOfMessages", 0))
            + int(answer.get("ApproximateNumberOfMessagesDelayed", 0)),
            in_flight=int(answer.get("ApproximateNumberOfMessagesNotVisible", 0)),
            policy=json.loads(answer["Policy"]) if answer.get("Policy") else None,
            dead_letters=dead_letters,
        )

    def function(self, name: str) -> FunctionFacts:
        """Read the state of a function."""
        answer = self._clients.get("lambda").get_function_configuration(FunctionName=name)
        reason = answer.get("StateReason") or answer.get("LastUpdateStatusReason") or ""
        return FunctionFacts(
            name, answer.get("State", ""), answer.get("LastUpdateStatus", ""), reason
        )

    def errors(self, functions: Sequence[str], *, now: datetime) -> dict[str, int]:
        """Read the number of errors of each function in the last hour."""
        client = self._clients.get("cloudwatch")
        queries = [_errors_of(name, f"m{number}") for number, name in enumerate(functions)]
        answer = client.get_metric_data(
            MetricDataQueries=queries, StartTime=now - _HOUR, EndTime=now
        )
        counts = dict.fromkeys(functions, 0)
        for result in answer["MetricDataResults"]:
            counts[functions[int(result["Id"][1:])]] += int(sum(result["Values"]))
        return counts

    def mapping(self, resource: Resource) -> MappingFacts:
        """Read an event source mapping."""
        answer = self._clients.get("lambda").get_event_source_mapping(UUID=resource.id)
        queue = answer["EventSourceArn"].rpartition(":")[2]
        return MappingFacts(
            resource.id, queue, answer["State"], answer.get("LastProcessingResult") or ""
        )

    def schedule(self, resource: Resource) -> ScheduleFacts:
        """Read a schedule of EventBridge Scheduler."""
        answer = self._clients.get("scheduler").get_schedule(Name=resource.id)
        return ScheduleFacts(
            name=answer["Name"],
            enabled=answer["State"] == "ENABLED",
            expression=answer["ScheduleExpression"],
            window=answer["FlexibleTimeWindow"],
            target=answer["Target"],
        )

    def secret(self, kind: str, written: str, stage: str) -> SecretFacts:
        """Read whether a secret of the stage exists. Raises `ConfigError` for a foreign name."""
        name = stage_name(kind, written, stage)
        look = self._parameter if kind == "parameter" else self._secret
        exists, deleted = look(name)
        older = not exists and name != written and look(written)[0]
        return SecretFacts(kind, name, written, exists=exists, deleted=deleted, older=older)

    def _secret(self, name: str) -> tuple[bool, bool]:
        try:
            answer = self._clients.get("secretsmanager").describe_secret(SecretId=name)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return False, False
        return True, answer.get("DeletedDate") is not None

    def _parameter(self, name: str) -> tuple[bool, bool]:
        filter_ = {"Key": "Name", "Option": "Equals", "Values": [name]}
        answer = self._clients.get("ssm").describe_parameters(ParameterFilters=[filter_])
        return bool(answer["Parameters"]), False

    def topic(self, arn: str) -> TopicFacts:
        """Read the subscriptions of a topic, in its own region."""
        client = self._clients.get("sns", arn.split(":")[3])
        answer = client.get_topic_attributes(TopicArn=arn)["Attributes"]
        return TopicFacts(arn, int(answer.get("SubscriptionsConfirmed", 0)))

    def subscriptions(self, topic: str) -> tuple[Subscription, ...]:
        """Read the subscriptions of a topic."""
        pages = self._clients.get("sns").get_paginator("list_subscriptions_by_topic")
        subscriptions = chain.from_iterable(
            page["Subscriptions"] for page in pages.paginate(TopicArn=topic)
        )
        return tuple(
            Subscription(
                subscription["Protocol"],
                subscription["Endpoint"],
                subscription["SubscriptionArn"].startswith("arn:"),
            )
            for subscription in subscriptions
        )

    def alarms(self, stack: str) -> tuple[AlarmFacts, ...]:
        """Read the alarms of a stack."""
        pages = self._clients.get("cloudwatch").get_paginator("describe_alarms")
        alarm_pages = (page["MetricAlarms"] for page in pages.paginate(AlarmNamePrefix=f"{stack}-"))
        return tuple(
            AlarmFacts(
                name=alarm["AlarmName"],
                description=alarm.get("AlarmDescription", ""),
                rings=alarm["StateValue"] == "ALARM",
                notifies=alarm.get("ActionsEnabled") is not False,
            )
            for alarm in chain.from_iterable(alarm_pages)
        )

    def table(self, name: str) -> TableFacts:
        """Read the protection of the table."""
        client = self._clients.get("dynamodb")
        description = client.describe_table(TableName=name)["Table"]
        backups = client.describe_continuous_backups(TableName=name)
        recovery = backups["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
        expiry = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        return TableFacts(
            name=name,
            status=description["TableStatus"],
            protected=description.get("DeletionProtectionEnabled") is True,
            restorable=recovery.get("PointInTimeRecoveryStatus") == "ENABLED",
            expires=expiry["TimeToLiveStatus"] in ("ENABLED", "ENABLING"),
        )

    def streams(self, table: str) -> StreamsFacts:
        """Read the tags of the first streams in the table."""
        return streams_facts(DynamoStreamStore(self._clients.get("dynamodb"), table))

    def bucket(self, name: str) -> BucketFacts:
        """Read the public access block of the bucket."""
        try:
            answer = self._clients.get("s3").get_public_access_block(Bucket=name)
        except ClientError as error:
            if error.response["Error"]["Code"] != _NO_BLOCK:
                raise
            return BucketFacts(name, private=False)
        settings = answer["PublicAccessBlockConfiguration"]
        names = (
            "BlockPublicAcls",
            "IgnorePublicAcls",
            "BlockPublicPolicy",
            "RestrictPublicBuckets",
        )
        return BucketFacts(name, private=all(settings.get(name) is True for name in names))

    def deployed_config(self, outputs: Mapping[str, str]) -> Json:
        """
        Read the published configuration; None if none is published.

        Raises `DocumentError` for an invalid document.
        """
        store = publications_of(self._clients, outputs)
        try:
            stored = store.read()
        except StoreError as error:
            if isinstance(error.__cause__, ClientError):
                raise error.__cause__ from None
            raise
        if isinstance(stored, Absence):
            return None
        try:
            document = read_publication(stored.text).document
            # The parts that the examination reads.
            parse(document)
        except (ConfigError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise DocumentError(
                f"{store.address} is no configuration, so the functions use an older one: "
                f"`{called_as()} config push` replaces it"
            ) from error
        return document

    def scanning(self) -> ScanningFacts:
        """Read which repositories are scanned on push."""
        client = self._clients.get("ecr")
        answer = client.get_registry_scanning_configuration()
        configured = answer.get("scanningConfiguration", {})
        scan_type = configured.get("scanType", "BASIC")
        rules = tuple(map(_scanning_rule, configured.get("rules", ())))
        pages = client.get_paginator("describe_repositories")
        repository_pages = pages.paginate(PaginationConfig={"PageSize": PAGE})
        settings = [
            _settings(described, scan_type, rules)
            for page in repository_pages
            for described in page["repositories"]
        ]
        unscanned = [setting.image.repository for setting in settings if not scans_on_push(setting)]
        return ScanningFacts(scan_type, len(settings), tuple(unscanned), rules=bool(rules))

    def trails(self) -> tuple[TrailFacts, ...]:
        """Read the trails that cover this region."""
        client = self._clients.get("cloudtrail")
        return tuple(
            self._trail(client, trail["TrailARN"], trail["Name"])
            for trail in client.describe_trails()["trailList"]
        )

    def _trail(self, client: Any, arn: str, name: str) -> TrailFacts:
        logging = client.get_trail_status(Name=arn)["IsLogging"]
        selectors = client.get_event_selectors(TrailName=arn)
        writes = any(_plain_writes(selector) for selector in selectors.get("EventSelectors", ()))
        advanced = selectors.get("AdvancedEventSelectors", ())
        return TrailFacts(name, logging, writes or any(map(_advanced_writes, advanced)))


def streams_facts(store: StreamStore, *, most: int = STREAMS) -> StreamsFacts:
    """Return which of the first streams go back and forth between two kinds of tags."""
    streams = list(islice(store.streams(), most + 1))
    pairs = ((stream, alternating_tags(store.read(stream).row.tags)) for stream in streams)
    kinds = [AlternatingTags(stream, *pair) for stream, pair in islice(pairs, most) if pair]
    return StreamsFacts(min(len(streams), most), len(streams) > most, tuple(kinds))


def _errors_of(function: str, id_: str) -> dict[str, Json]:
    dimensions = [{"Name": "FunctionName", "Value": function}]
    metric = {"Namespace": "AWS/Lambda", "MetricName": "Errors", "Dimensions": dimensions}
    return {"Id": id_, "MetricStat": {"Metric": metric, "Period": _PERIOD, "Stat": "Sum"}}


def _scanning_rule(rule: Mapping[str, Json]) -> ScanningRule:
    filters = rule.get("repositoryFilters", ())
    return ScanningRule(
        rule.get("scanFrequency", ""),
        tuple(NameFilter(filter_["filter"], filter_["filterType"]) for filter_ in filters),
    )


def _settings(
    described: Mapping[str, Json], scan_type: str, rules: tuple[ScanningRule, ...]
) -> RepositorySettings:
    return RepositorySettings(
        image=Image("aws", described["registryId"], "", described["repositoryName"], ""),
        tag_mutability=described.get("imageTagMutability", ""),
        scan_on_push=described.get("imageScanningConfiguration", {}).get("scanOnPush") is True,
        scan_type=scan_type,
        scan_rules=rules,
    )


def _plain_writes(selector: Mapping[str, Json]) -> bool:
    """Whether a selector of management events includes writes, and those of ECR."""
    excluded = selector.get("ExcludeManagementEventSources", ())
    return (
        selector.get("IncludeManagementEvents") is True
        and selector.get("ReadWriteType") in ("All", "WriteOnly")
        and "ecr.amazonaws.com" not in excluded
    )


def _advanced_writes(selector: Mapping[str, Json]) -> bool:
    """Whether an advanced selector includes writes of ECR. All its conditions have to match."""
    conditions = {
        field_selector["Field"]: field_selector
        for field_selector in selector.get("FieldSelectors", ())
    }
    management = "Management" in conditions.get("eventCategory", {}).get("Equals", ())
    return management and "true" not in conditions.get("readOnly", {}).get("Equals", ())


def functions_of(outputs: Mapping[str, str]) -> Iterator[str]:
    """Yield the names of the functions of a stack."""
    for name, value in outputs.items():
        if name.endswith("FunctionName"):
            yield value
