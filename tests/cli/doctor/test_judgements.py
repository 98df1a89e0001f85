"""Judgements: every fact has its verdict, and every verdict that is no "ok" its command."""

import shlex
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from cli.doctor import judgements
from cli.doctor.facts import (
    AlarmFacts,
    AlternatingTags,
    BucketFacts,
    ConfigFacts,
    FunctionFacts,
    MappingFacts,
    Place,
    QueueFacts,
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
from lib.models import StreamId
from lib.models.diagnostics import Check, CheckStatus, failed, note, ok
from tests.support.every import every

PLACE = Place("prod", "eu-central-1")
QUEUE = "arn:aws:sqs:eu-central-1:000474600478:ecr-scan-alerts-prod-scan-events"
DLQ = f"{QUEUE}-dlq"
RULE = RuleFacts("EcrImageScan", "stack-EcrImageScan-1", "arn:rule/scan", enabled=True, targets=())
TARGETS = (RuleTarget(QUEUE, DLQ),)
OK, NOTE, FAILED = CheckStatus.OK, CheckStatus.NOTE, CheckStatus.FAILED


def only(checks: Any) -> Check:
    (check,) = checks
    return check


def statuses(checks: Any) -> list[CheckStatus]:
    return [check.status for check in checks]


@every(
    ("status", "expected"),
    [
        ("CREATE_COMPLETE", OK),
        ("UPDATE_COMPLETE", OK),
        ("IMPORT_COMPLETE", OK),
        ("UPDATE_ROLLBACK_COMPLETE", NOTE),
        ("UPDATE_IN_PROGRESS", NOTE),
        ("ROLLBACK_COMPLETE", FAILED),
        ("UPDATE_ROLLBACK_FAILED", FAILED),
        ("DELETE_FAILED", FAILED),
    ],
)
def test_stack(status: str, expected: CheckStatus) -> None:
    """A deployment that was rolled back runs; one that failed half-way may not."""
    check = only(judgements.stack(StackFacts("ecr-scan-alerts-prod", status), PLACE))

    assert check.status is expected
    assert status in check.text
    assert ("describe-stack-events" in check.remedy) is (expected is FAILED or "ROLLBACK" in status)


class TestRules:
    def test_enabled(self) -> None:
        """Enabled, with a target."""
        assert statuses(judgements.rule(replace(RULE, targets=TARGETS), PLACE)) == [OK]

    def test_disabled(self) -> None:
        """The command names the rule as EventBridge does."""
        check = only(judgements.rule(replace(RULE, enabled=False, targets=TARGETS), PLACE))

        assert check.status is FAILED
        assert check.remedy.endswith(
            "enable-rule --region eu-central-1 --name stack-EcrImageScan-1"
        )

    def test_disabled_on_purpose(self) -> None:
        """docs/deploy.md says that this rule may be disabled."""
        facts = replace(RULE, name="Inspector2Finding", enabled=False, targets=TARGETS)

        assert only(judgements.rule(facts, PLACE)).status is NOTE

    def test_without_target(self) -> None:
        """Somebody took it away."""
        check = only(judgements.rule(RULE, PLACE))

        assert (check.status, check.remedy) == (
            FAILED,
            "make deploy STAGE=prod REGION=eu-central-1",
        )


class TestQueues:
    FACTS = QueueFacts("scan-events", QUEUE, 0, 0, None, dead_letters=False)

    def test_depth(self) -> None:
        """What waits is processed soon."""
        facts = replace(self.FACTS, waiting=1, in_flight=2)

        check = only(judgements.queue(facts, PLACE))

        assert check.text == "1 message waiting, 2 being processed"
        assert check.status is OK

    @pytest.mark.parametrize(("waiting", "expected"), [(0, OK), (3, FAILED)])
    def test_dead_letters(self, waiting: int, expected: CheckStatus) -> None:
        """One is one too many."""
        facts = replace(self.FACTS, waiting=waiting, dead_letters=True)

        check = only(judgements.queue(facts, PLACE))

        assert check.status is expected
        assert not waiting or check.remedy.endswith("list --queue scan-events --stage prod")

    def policy(self, document: Any, *, targets: Any = TARGETS) -> list[Check]:
        rule = replace(RULE, targets=targets)
        queues = [replace(self.FACTS, policy=document), replace(self.FACTS, arn="another")]
        return list(judgements.policies([rule], queues, PLACE))

    @pytest.mark.parametrize("operator", ["ArnEquals", "ArnLike", "StringEquals"])
    @pytest.mark.parametrize("sources", [RULE.arn, ["other", RULE.arn]])
    def test_policy(self, operator: str, sources: Any) -> None:
        """A rule is let in by its ARN."""
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Condition": {operator: {"aws:SourceArn": sources}},
        }

        assert statuses(self.policy({"Statement": statement})) == [OK]
        assert statuses(self.policy({"Statement": [statement]})) == [OK]

    @pytest.mark.parametrize(
        "document",
        [
            None,
            {},
            {"Statement": [{"Effect": "Allow", "Principal": "*"}]},
            {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}}]},
            {
                "Statement": [
                    {
                        "Effect": "Deny",
                        "Principal": {"Service": "events.amazonaws.com"},
                        "Condition": {"ArnEquals": {"aws:SourceArn": RULE.arn}},
                    },
                    {"Effect": "Allow", "Principal": {"Service": ["events.amazonaws.com"]}},
                ]
            },
        ],
    )
    def test_policy_without_the_rule(self, document: Any) -> None:
        """EventBridge drops what it may not send."""
        check = only(self.policy(document))

        assert check.status is FAILED
        assert "EcrImageScan" in check.text

    def test_dead_letters_need_a_policy(self) -> None:
        """Those of a rule are sent by EventBridge, too."""
        check = only(self.policy(None, targets=(RuleTarget("elsewhere", QUEUE),)))

        assert check.status is FAILED


@pytest.mark.parametrize(
    ("state", "update", "expected"),
    [
        ("Active", "Successful", OK),
        ("Inactive", "Successful", OK),
        ("Active", "InProgress", NOTE),
        ("Active", "Failed", FAILED),
        ("Failed", "Successful", FAILED),
        ("Pending", "Successful", FAILED),
    ],
)
def test_function(state: str, update: str, expected: CheckStatus) -> None:
    """It must be able to run, in its last version; AWS's reason is shown."""
    check = only(judgements.function(FunctionFacts("deliver", state, update, "no image"), PLACE))

    assert check.status is expected
    assert expected is not FAILED or "no image" in check.text


def test_errors() -> None:
    """Each function that failed has its log."""
    assert statuses(judgements.errors({"a": 0}, PLACE)) == [OK]
    check = only(judgements.errors({"a": 0, "b": 2}, PLACE))
    assert check.remedy == "aws logs tail /aws/lambda/b --region eu-central-1 --since 1h"


@pytest.mark.parametrize(
    ("state", "result", "expected"),
    [
        ("Enabled", "OK", OK),
        ("Enabling", "", NOTE),
        ("Disabled", "", FAILED),
        ("Enabled", "PROBLEM: access denied", FAILED),
    ],
)
def test_mapping(state: str, result: str, expected: CheckStatus) -> None:
    """Without it the queue only grows."""
    check = only(judgements.mapping(MappingFacts("u-1", "scan-events", state, result), PLACE))

    assert check.status is expected
    assert state != "Disabled" or check.remedy.endswith("--uuid u-1 --enabled")


def test_schedule() -> None:
    """The command repeats what an update would forget."""
    facts = ScheduleFacts(
        "sweep",
        enabled=False,
        expression="rate(1 minute)",
        window={"Mode": "OFF"},
        target={"Arn": "a"},
    )

    check = only(judgements.schedule(facts, PLACE))

    words = shlex.split(check.remedy)
    assert check.status is FAILED
    assert words[words.index("--schedule-expression") + 1] == "rate(1 minute)"
    assert words[words.index("--target") + 1] == '{"Arn": "a"}'
    assert only(judgements.schedule(replace(facts, enabled=True), PLACE)).status is OK


class TestSecrets:
    FACTS = SecretFacts("secret", "ecr-scan-alerts/prod/a", "ecr-scan-alerts/a", exists=True)

    def test_there(self) -> None:
        """Its value is nobody's business."""
        assert only(judgements.secret(self.FACTS, PLACE)).status is OK

    def test_missing(self) -> None:
        """The command creates it."""
        check = only(judgements.secret(replace(self.FACTS, exists=False), PLACE))

        assert check.status is FAILED
        assert "create-secret --region eu-central-1 --name ecr-scan-alerts/prod/a" in check.remedy

    @pytest.mark.parametrize(
        ("kind", "read"), [("secret", "get-secret-value"), ("parameter", "--with-decryption")]
    )
    def test_older(self, kind: str, read: str) -> None:
        """What an earlier version read is copied, and never printed."""
        facts = replace(self.FACTS, kind=kind, exists=False, older=True)

        check = only(judgements.secret(facts, PLACE))

        assert check.status is FAILED
        assert f"{read}" in check.remedy
        assert '"$(aws' in check.remedy
        assert "$VALUE" not in check.remedy

    def test_deleted(self) -> None:
        """It can be brought back for some days."""
        check = only(judgements.secret(replace(self.FACTS, deleted=True), PLACE))

        assert "restore-secret" in check.remedy


@pytest.mark.parametrize(("confirmed", "expected"), [(0, NOTE), (2, OK)])
def test_topic(confirmed: int, expected: CheckStatus) -> None:
    """A topic without subscribers swallows alerts."""
    assert only(judgements.topic(TopicFacts("arn:topic", confirmed))).status is expected


class TestAlarms:
    MAIL = Subscription("email", "ops@example.com", confirmed=True)

    def test_confirmed(self) -> None:
        """Somebody gets them."""
        check = only(judgements.alarms("arn", [self.MAIL], PLACE))

        assert (check.status, check.text) == (OK, "go to email ops@example.com")

    def test_nobody(self) -> None:
        """An alarm that nobody gets is none."""
        check = only(judgements.alarms("arn", [], PLACE))

        assert check.status is FAILED
        assert "aws sns subscribe" in check.remedy

    def test_pending(self) -> None:
        """Until the mail is confirmed it gets nothing."""
        pending = replace(self.MAIL, confirmed=False)

        assert only(judgements.alarms("arn", [pending], PLACE)).status is FAILED
        assert statuses(judgements.alarms("arn", [self.MAIL, pending], PLACE)) == [OK, NOTE]


class TestAlarmStates:
    QUIET = AlarmFacts("prod-dlq", "Scan events failed", rings=False, notifies=True)

    def test_quiet(self) -> None:
        """None rings."""
        check = only(judgements.alarm_states([self.QUIET], PLACE))

        assert (check.status, check.text) == (OK, "none of 1 rings")

    def test_rings(self) -> None:
        """What it says is repeated."""
        check = only(judgements.alarm_states([replace(self.QUIET, rings=True)], PLACE))

        assert (check.status, check.text) == (FAILED, "it rings: Scan events failed")

    def test_unheard(self) -> None:
        """Somebody switched its actions off."""
        first, _ = judgements.alarm_states([replace(self.QUIET, notifies=False)], PLACE)

        assert first.remedy.endswith("--region eu-central-1 --alarm-names prod-dlq")

    def test_none(self) -> None:
        """They were deleted."""
        assert only(judgements.alarm_states([], PLACE)).status is FAILED


class TestData:
    TABLE = TableFacts("t", "ACTIVE", protected=True, restorable=True, expires=True)

    def test_table(self) -> None:
        """Protected, restorable, and it does not grow for ever."""
        assert statuses(judgements.table(self.TABLE, PLACE)) == [OK]

    @pytest.mark.parametrize(
        ("broken", "command"),
        [
            ({"protected": False}, "update-table"),
            ({"restorable": False}, "update-continuous-backups"),
            ({"expires": False}, "update-time-to-live"),
        ],
    )
    def test_table_that_is_not(self, broken: Any, command: str) -> None:
        """Each has its command."""
        _, check = judgements.table(replace(self.TABLE, **broken), PLACE)

        assert check.status is FAILED
        assert f"aws dynamodb {command} --region eu-central-1 --table-name t" in check.remedy

    def test_table_that_goes(self) -> None:
        """It is not there for long."""
        facts = replace(self.TABLE, status="DELETING")

        assert statuses(judgements.table(facts, PLACE)) == [FAILED]

    def test_streams(self) -> None:
        """Whose tags alternate, by name; those beyond the first five are counted."""
        none = StreamsFacts(500, more=True, alternating=())
        kinds = AlternatingTags(StreamId("1/eu/shop/api|tag:x"), "main", "pr")
        some = StreamsFacts(9, more=False, alternating=(kinds,) * 6)

        fine = only(judgements.streams(none))
        first, *others = judgements.streams(some)

        assert (fine.status, fine.text) == (
            OK,
            "the tags of none alternate (500 streams of more that were looked at)",
        )
        assert (first.status, first.subject) == (NOTE, "stream shop/api tag:x")
        assert "main and pr alternate" in first.text
        assert "streams of alerts.yml" in first.remedy
        assert len(others) == 5
        assert others[-1].text == "the tags of 1 more stream alternate"
        empty = replace(none, examined=1, more=False)
        assert only(judgements.streams(empty)).text == "the tags of none alternate (1 stream)"

    def test_bucket(self) -> None:
        """Reports are nobody else's."""
        assert only(judgements.bucket(BucketFacts("b", private=True), PLACE)).status is OK
        check = only(judgements.bucket(BucketFacts("b", private=False), PLACE))
        assert "put-public-access-block" in check.remedy


class TestScanning:
    @pytest.mark.parametrize(
        ("facts", "expected"),
        [
            (ScanningFacts("BASIC", 0, ()), NOTE),
            (ScanningFacts("BASIC", 2, ()), OK),
            (ScanningFacts("BASIC", 2, ("a",)), NOTE),
            (ScanningFacts("BASIC", 2, ("a", "b")), FAILED),
        ],
    )
    def test_repositories(self, facts: ScanningFacts, expected: CheckStatus) -> None:
        """Without scans there are no alerts; that some repositories have none may be wanted."""
        assert only(judgements.scanning(facts, PLACE)).status is expected

    def test_names_are_counted(self) -> None:
        """A few are shown."""
        names = tuple("abcdefg")

        check = only(judgements.scanning(ScanningFacts("BASIC", 9, names), PLACE))

        assert check.text.endswith("7 of 9 repositories are not scanned: a, b, c, d, e, …")
        assert "put-registry-scanning-configuration" in check.remedy

    @pytest.mark.parametrize(
        "facts",
        [
            ScanningFacts("BASIC", 1, ("a",), rules=True),
            ScanningFacts("ENHANCED", 1, ("a",)),
        ],
    )
    def test_rules_are_not_replaced(self, facts: ScanningFacts) -> None:
        """The command for the registry would overwrite what is there, or cost money."""
        check = only(judgements.scanning(facts, PLACE))

        assert check.remedy.startswith("ecr-scan-alerts audit --region eu-central-1")
        assert "put-registry" not in check.remedy

    def test_trail(self) -> None:
        """It has to log, and what changes something."""
        good = TrailFacts("main", logging=True, writes=True)

        assert only(judgements.trail([good])).status is OK
        for trails in ([], [replace(good, logging=False), replace(good, writes=False)]):
            assert only(judgements.trail(trails)).status is NOTE


class TestConfiguration:
    DOCUMENT: ClassVar[Any] = {"version": 1, "destinations": {"a": {}, "b": {"x": 1}}, "routes": []}

    def test_same(self) -> None:
        """The order of keys is nobody's business."""
        facts = ConfigFacts(dict(reversed(self.DOCUMENT.items())), self.DOCUMENT, "alerts.yml")

        assert only(judgements.config(facts, PLACE)).status is OK

    def test_not_stored(self) -> None:
        """An older version did not."""
        check = only(judgements.config(ConfigFacts(None, self.DOCUMENT, "alerts.yml"), PLACE))

        assert check.status is NOTE

    def test_differs(self) -> None:
        """What was added, removed and changed is named; values are not shown."""
        file = {"version": 1, "destinations": {"b": {"x": 2}, "c": {}}, "routes": [1]}

        check = only(judgements.config(ConfigFacts(self.DOCUMENT, file, "alerts.yml"), PLACE))

        assert check.status is NOTE
        assert "+c, -a, ~b, routes. If it is the file you mean" in check.text
        assert check.remedy == f"{PLACE.push} --config alerts.yml"

    @pytest.mark.parametrize("deployed", [None, {"version": 1, "destinations": {}}])
    def test_a_file_that_nobody_named_is_not_to_be_published(self, deployed: Any) -> None:
        """The example of a clone would replace the rules of the stage."""
        facts = ConfigFacts(deployed, self.DOCUMENT, "alerts.yml", named=False)

        check = only(judgements.config(facts, PLACE))

        assert (check.status, check.remedy) == (NOTE, "")
        assert deployed is None or check.text.endswith(
            "What is published may come from another file: add --config with yours"
        )


def test_receiver() -> None:
    """What is right is one line; what is not keeps its words and its command."""
    assert only(judgements.receiver("team", [ok("secret", "x")])).status is OK
    found = [
        *judgements.receiver("team", [ok("a", "b"), failed("token", "no", "do"), note("c", "d")])
    ]
    assert [(check.status, check.text, check.remedy) for check in found] == [
        (FAILED, "token: no", "do"),
        (NOTE, "c: d", ""),
    ]
    assert {check.subject for check in found} == {"destination team"}
