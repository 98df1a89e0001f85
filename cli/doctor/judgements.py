"""Judgements: facts about a stage -> checks. Pure."""

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from cli.doctor.facts import (
    AlarmFacts,
    BucketFacts,
    ConfigFacts,
    FunctionFacts,
    MappingFacts,
    Place,
    QueueFacts,
    RuleFacts,
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
from lib.config.parsing import config_hash
from lib.config.secret_names import creation_command
from lib.core.streams import pattern_of, repository_of
from lib.models import Json
from lib.models.diagnostics import Check, CheckStatus, failed, note, ok
from lib.text import counted

OPTIONAL_RULES: Final = ("Inspector2Finding",)
"""Rules that may be disabled according to docs/deploy.md."""
_NAMES: Final = 5
_ACTIVE: Final = "Active"
_SUCCESSFUL: Final = "Successful"


def stack(facts: StackFacts, place: Place) -> Iterator[Check]:
    """Judge the outcome of the last deployment."""
    subject, text = "stack", f"{facts.name} in {place.region} is {facts.status}"
    events = (
        f"aws cloudformation describe-stack-events --region {place.region} "
        f"--stack-name {facts.name} --max-items 20"
    )
    match facts.status:
        case "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE":
            yield ok(subject, text)
        case "UPDATE_ROLLBACK_COMPLETE" | "IMPORT_ROLLBACK_COMPLETE":
            yield note(subject, f"{text}: the last deployment failed, the one before runs", events)
        case status if status.endswith("_IN_PROGRESS"):
            yield note(subject, f"{text}: a deployment is running")
        case _:
            yield failed(subject, text, events)


def rule(facts: RuleFacts, place: Place) -> Iterator[Check]:
    """Judge whether a rule has targets that accept its events."""
    subject = f"rule {facts.name}"
    if not facts.targets:
        yield failed(subject, "it has no target: its events go nowhere", place.deploy)
    if facts.enabled and facts.targets:
        yield ok(subject, "enabled")
    if not facts.enabled:
        enable = f"aws events enable-rule --region {place.region} --name {facts.id}"
        disabled = note if facts.name in OPTIONAL_RULES else failed
        yield disabled(subject, "disabled: its events are not processed", enable)


def queue(facts: QueueFacts, place: Place) -> Iterator[Check]:
    """Judge the messages in a queue."""
    if not facts.dead_letters:
        text = f"{_messages(facts.waiting)} waiting, {facts.in_flight:,} being processed"
        yield ok(f"queue {facts.name}", text)
        return
    subject = f"dead letters of {facts.name}"
    if facts.waiting:
        yield failed(
            subject,
            f"{_messages(facts.waiting)} could not be processed",
            f"{called_as()} dead-letters list --queue {facts.name} --stage {place.stage}",
        )
    else:
        yield ok(subject, "empty")


def policies(
    rules: Sequence[RuleFacts], queues: Sequence[QueueFacts], place: Place
) -> Iterator[Check]:
    """Judge whether each queue allows the rules that send to it."""
    for facts in queues:
        senders = [
            rule
            for rule in rules
            if any(facts.arn in (target.arn, target.dead_letters) for target in rule.targets)
        ]
        if not senders:
            continue
        subject = f"policy of {facts.name}"
        allowed = _allowed_sources(facts.policy)
        refused = [rule.name for rule in senders if rule.arn not in allowed]
        if refused:
            yield failed(
                subject,
                f"EventBridge may not send for {', '.join(refused)}: their events are lost",
                place.deploy,
            )
        else:
            yield ok(subject, f"{counted(len(senders), 'rule')} may send to it")


def _allowed_sources(policy: Json) -> set[str]:
    """Return the ARNs of rules that a policy from the template allows."""
    statements = policy.get("Statement", []) if isinstance(policy, dict) else []
    sources: set[str] = set()
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal", {})
        service = principal.get("Service") if isinstance(principal, dict) else None
        if statement.get("Effect") != "Allow" or "events.amazonaws.com" not in _list(service):
            continue
        conditions = statement.get("Condition", {})
        for operator in ("ArnEquals", "ArnLike", "StringEquals"):
            sources.update(_list(conditions.get(operator, {}).get("aws:SourceArn")))
    return sources


def _list(value: Json) -> list[Json]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def function(facts: FunctionFacts, place: Place) -> Iterator[Check]:
    """Judge whether a function can run in its last deployed version."""
    subject = f"function {facts.name}"
    why = f" ({facts.reason})" if facts.reason else ""
    if facts.state not in (_ACTIVE, "Inactive"):
        # An inactive function becomes active with its next call.
        yield failed(subject, f"its state is {facts.state}{why}", place.deploy)
    elif facts.update == "InProgress":
        yield note(subject, "it is being updated")
    elif facts.update != _SUCCESSFUL:
        yield failed(subject, f"its last update: {facts.update}{why}", place.deploy)
    else:
        yield ok(subject, "active")


def errors(counts: Mapping[str, int], place: Place) -> Iterator[Check]:
    """Judge the errors of all functions in the last hour."""
    for name, count in sorted(counts.items()):
        if count:
            logs = f"aws logs tail /aws/lambda/{name} --region {place.region} --since 1h"
            yield note(f"errors of {name}", f"{count:,} in the last hour", logs)
    if not any(counts.values()):
        yield ok("errors", "no function failed in the last hour")


def mapping(facts: MappingFacts, place: Place) -> Iterator[Check]:
    """Judge whether a function reads its queue."""
    subject = f"reader of {facts.queue}"
    if facts.result.startswith("PROBLEM"):
        yield failed(subject, facts.result, place.deploy)
    elif facts.state == "Enabled":
        yield ok(subject, "enabled")
    elif facts.state in ("Creating", "Enabling", "Updating"):
        yield note(subject, f"it is {facts.state.lower()}")
    else:
        yield failed(
            subject,
            f"{facts.state}: nobody reads the queue",
            f"aws lambda update-event-source-mapping --region {place.region} --uuid {facts.id} "
            "--enabled",
        )


def schedule(facts: ScheduleFacts, place: Place) -> Iterator[Check]:
    """Judge whether a schedule is enabled. Its update has to repeat all values."""
    subject = f"schedule {facts.name}"
    if facts.enabled:
        yield ok(subject, facts.expression)
        return
    words = (
        *("aws", "scheduler", "update-schedule", "--region", place.region),
        *("--name", facts.name, "--state", "ENABLED"),
        *("--schedule-expression", facts.expression),
        *("--flexible-time-window", json.dumps(facts.window)),
        *("--target", json.dumps(facts.target)),
    )
    yield failed(subject, "disabled", shlex.join(words))


def secret(facts: SecretFacts, place: Place) -> Iterator[Check]:
    """Judge whether a secret exists. Its value is not read."""
    subject = f"{facts.kind} {facts.name}"
    if facts.deleted:
        restore = (
            f"aws secretsmanager restore-secret --region {place.region} --secret-id {facts.name}"
        )
        yield failed(subject, "it is scheduled for deletion", restore)
    elif facts.exists:
        yield ok(subject, "there")
    elif facts.older:
        yield failed(
            subject,
            f"missing; there is {facts.written}, which earlier versions read",
            _copy(facts, place.region),
        )
    else:
        create = creation_command(facts.kind, facts.name, place.region)
        yield failed(subject, "missing", create)


def _copy(facts: SecretFacts, region: str) -> str:
    if facts.kind == "parameter":
        value = (
            f"aws ssm get-parameter --region {region} --name {facts.written} --with-decryption "
            "--query Parameter.Value --output text"
        )
    else:
        value = (
            f"aws secretsmanager get-secret-value --region {region} --secret-id {facts.written} "
            "--query SecretString --output text"
        )
    create = creation_command(facts.kind, facts.name, region)
    return create.replace('"$VALUE"', f'"$({value})"')


def topic(facts: TopicFacts) -> Iterator[Check]:
    """Judge whether a topic has subscribers."""
    subject = f"topic {facts.arn}"
    if facts.confirmed:
        yield ok(subject, f"confirmed subscriptions: {facts.confirmed}")
    else:
        yield note(
            subject,
            "it has no confirmed subscription: nobody gets its messages",
            f"aws sns subscribe --topic-arn {facts.arn} --protocol email "
            "--notification-endpoint NAME@EXAMPLE.COM",
        )


def alarms(arn: str, subscriptions: Sequence[Subscription], place: Place) -> Iterator[Check]:
    """Judge whether alarms notify a person."""
    confirmed = [subscription for subscription in subscriptions if subscription.confirmed]
    subscribe = (
        f"aws sns subscribe --region {place.region} --topic-arn {arn} --protocol email "
        "--notification-endpoint "
    )
    if confirmed:
        text = ", ".join(
            f"{subscription.protocol} {subscription.endpoint}" for subscription in confirmed
        )
        yield ok("alarms", f"go to {text}")
    elif not subscriptions:
        yield failed(
            "alarms", "nobody is subscribed to the topic of alarms", f"{subscribe}NAME@EXAMPLE.COM"
        )
    for pending in subscriptions:
        if not pending.confirmed:
            status = note if confirmed else failed
            yield status(
                "alarms",
                f"{pending.endpoint} has not confirmed its subscription: it gets no alarm",
                'Open the mail "AWS Notification - Subscription Confirmation" and its link; to '
                f"have it sent again: {subscribe}{pending.endpoint}",
            )


def alarm_states(alarms: Sequence[AlarmFacts], place: Place) -> Iterator[Check]:
    """Judge which alarms are in alarm, and which have no actions."""
    for alarm in alarms:
        if alarm.rings:
            yield failed(
                f"alarm {alarm.name}",
                f"it rings: {alarm.description}",
                "docs/operate.md, By alarm, says what it means",
            )
        if not alarm.notifies:
            enable = f"aws cloudwatch enable-alarm-actions --region {place.region} --alarm-names "
            yield failed(f"alarm {alarm.name}", "its actions are off", enable + alarm.name)
    if not alarms:
        yield failed("alarms", "there is none", place.deploy)
    elif not any(alarm.rings for alarm in alarms):
        yield ok("alarms", f"none of {len(alarms)} rings")


def table(facts: TableFacts, place: Place) -> Iterator[Check]:
    """Judge the protection of states and deliveries."""
    update = f"--region {place.region} --table-name {facts.name}"
    if facts.status not in ("ACTIVE", "UPDATING"):
        yield failed("table", f"{facts.name} is {facts.status}", place.deploy)
    else:
        yield ok("table", f"{facts.name} is {facts.status.lower()}")
    if not facts.protected:
        yield failed(
            "table",
            "it can be deleted by mistake: deletion protection is off",
            f"aws dynamodb update-table {update} --deletion-protection-enabled",
        )
    if not facts.restorable:
        yield failed(
            "table",
            "it cannot be restored: point-in-time recovery is off",
            f"aws dynamodb update-continuous-backups {update} "
            "--point-in-time-recovery-specification PointInTimeRecoveryEnabled=true",
        )
    if not facts.expires:
        yield failed(
            "table",
            "rows never expire: time to live is off",
            f"aws dynamodb update-time-to-live {update} "
            "--time-to-live-specification Enabled=true,AttributeName=expires_at",
        )


def bucket(facts: BucketFacts, place: Place) -> Iterator[Check]:
    """Judge whether reports are private."""
    if facts.private:
        yield ok("bucket", f"{facts.name} is private")
    else:
        yield failed(
            "bucket",
            f"{facts.name} does not block public access",
            f"aws s3api put-public-access-block --region {place.region} --bucket {facts.name} "
            "--public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,"
            "BlockPublicPolicy=true,RestrictPublicBuckets=true",
        )


def streams(facts: StreamsFacts) -> Iterator[Check]:
    """Judge whether images of two kinds follow each other in one stream."""
    for kinds in facts.alternating[:_NAMES]:
        repository, pattern = repository_of(kinds.stream), pattern_of(kinds.stream)
        name = " ".join(filter(None, (repository, pattern)))
        yield note(
            f"stream {name}",
            f"tags such as {kinds.first} and {kinds.second} alternate: their images are compared "
            "with each other",
            "Say in streams of alerts.yml which tags belong together",
        )
    others = len(facts.alternating) - _NAMES
    if others > 0:
        yield note("streams", f"the tags of {counted(others, 'more stream')} alternate")
    if not facts.alternating:
        looked_at = counted(facts.examined, "stream")
        more = " of more that were looked at" if facts.more else ""
        yield ok("streams", f"the tags of none alternate ({looked_at}{more})")


def scanning(facts: ScanningFacts, place: Place) -> Iterator[Check]:
    """Judge whether pushed images are scanned: without scans there are no alerts."""
    kind = facts.scan_type.lower()
    audit = f"{called_as()} audit --region {place.region} prints the command for each"
    every = (
        f"; or for the whole registry: aws ecr put-registry-scanning-configuration --region "
        f"{place.region} --scan-type BASIC --rules "
        """'[{"scanFrequency":"SCAN_ON_PUSH","repositoryFilters":"""
        """[{"filter":"*","filterType":"WILDCARD"}]}]'"""
    )
    remedy = audit if facts.rules or facts.scan_type != "BASIC" else audit + every
    count = len(facts.unscanned)
    if not facts.repositories:
        yield note("scanning", f"{kind}; the registry has no repository yet")
    elif not count:
        total = counted(facts.repositories, "repository", "repositories")
        yield ok("scanning", f"{kind}; pushes to all ({total})")
    else:
        names = ", ".join(facts.unscanned[:_NAMES]) + (", …" if count > _NAMES else "")
        total = counted(facts.repositories, "repository", "repositories")
        text = f"{kind}; pushes to {count:,} of {total} are not scanned"
        status = failed if count == facts.repositories else note
        yield status("scanning", f"{text}: {names}", remedy)


def trail(trails: Sequence[TrailFacts]) -> Iterator[Check]:
    """Judge whether changes of repositories cause events; else they wait for the daily check."""
    recorders = [candidate for candidate in trails if candidate.logging and candidate.writes]
    if recorders:
        yield ok("trail", f"{recorders[0].name} records changes of repositories")
    else:
        names = ", ".join(candidate.name for candidate in trails)
        about = f"of {names} none is logging management write events" if names else "there is none"
        yield note(
            "trail",
            f"{about}: changes of repositories are noticed once a day",
            "Create a trail that logs management events (the first copy is free): "
            "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/"
            "cloudtrail-create-and-update-a-trail.html",
        )


def config(facts: ConfigFacts, place: Place) -> Iterator[Check]:
    """Judge whether the file equals the published configuration. Only a named one is published."""
    push = f"{place.push} --config {shlex.quote(facts.path)}" if facts.named else ""
    if facts.deployed is None:
        text = "nothing is published: the configuration in the package is in force"
        yield note("configuration", text, push)
    elif config_hash(facts.deployed) == config_hash(facts.file):
        yield ok("configuration", f"{facts.path} is published")
    else:
        changes = [*_changes(facts.deployed, facts.file)]
        text = f"{facts.path} differs from what is published: {', '.join(changes)}"
        advice = (
            "If it is the file you mean, publish it"
            if facts.named
            else "What is published may come from another file: add --config with yours"
        )
        yield note("configuration", f"{text}. {advice}", push)


def _changes(deployed: Json, file: Json) -> Iterator[str]:
    for name in sorted({*deployed, *file}):
        before, after = deployed.get(name), file.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from (f"+{key}" for key in sorted(after.keys() - before.keys()))
            yield from (f"-{key}" for key in sorted(before.keys() - after.keys()))
            yield from (
                f"~{key}"
                for key in sorted(before.keys() & after.keys())
                if before[key] != after[key]
            )
        elif before != after:
            yield str(name)


def receiver(name: str, checks: Iterable[Check]) -> Iterator[Check]:
    """Judge the checks of the deployed function about a destination."""
    subject = f"destination {name}"
    looked = list(checks)
    troubles = [check for check in looked if check.status is not CheckStatus.OK]
    for trouble in troubles:
        yield Check(subject, trouble.status, f"{trouble.subject}: {trouble.text}", trouble.remedy)
    if not troubles:
        facts = ", ".join(check.subject for check in looked)
        yield ok(subject, f"{facts}: as seen by the function; nothing was sent")


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count:,} messages"
