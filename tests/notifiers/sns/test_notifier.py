"""SNS: a mail people can read, a document machines can, both within 256 KiB; and its errors."""

import json
import re
import shlex
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore import exceptions as aws
from botocore.parsers import ResponseParserError
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from lib.errors import (
    AmbiguousDeliveryError,
    ConfigError,
    PermanentDeliveryError,
    TemporaryDeliveryError,
    ThrottledError,
)
from lib.messages.text import text_of
from lib.models import Provenance, Receipt, Score, StreamId
from lib.notifiers.sns.notifier import (
    FORMATS,
    MAX_BYTES,
    MAX_SUBJECT,
    SnsNotifier,
    fitting_subject,
)
from lib.notifiers.sns.publisher import SnsPublisher
from lib.notifiers.sns.text import render
from lib.notifiers.sns.wrapping import continued
from tests.support import golden
from tests.support.builders import a_finding, a_report, an_image
from tests.support.every import every
from tests.support.notices import (
    a_notice,
    injected,
    injected_problem,
    noticed,
    notices,
    quiet_notices,
    thousands,
)
from tests.support.receivers import OPTIONS, TOPIC, RecordingTopics, tools
from tests.support.scenes import INJECTIONS, RUNNING, Scene
from tests.support.streams import a_part, a_state, a_watched, an_entry, an_unscanned_part

NOTICES = {**notices(), **{f"quiet-{name}": notice for name, notice in quiet_notices().items()}}
RED = "\N{LARGE RED CIRCLE}"
ROOT = Path(__file__).parents[3]
ALERT = Draft202012Validator(
    json.loads((ROOT / "schemas" / "alert-1.0.0.json").read_text(encoding="utf-8"))
)


def sns(format_: str = "text", **given_tools: Any) -> SnsNotifier:
    return SnsNotifier({**OPTIONS["sns"], "format": format_}, tools(**given_tools))


def size(payload: Any) -> int:
    attributes = payload["MessageAttributes"]
    parts = [payload["Message"]]
    for name, value in attributes.items():
        parts += [name, value["DataType"], value["StringValue"]]
    return sum(len(each.encode()) for each in parts)


def assert_valid(payload: Any) -> None:
    subject = payload["Subject"]
    assert 0 < len(subject) <= MAX_SUBJECT
    assert re.fullmatch(r"[\x20-\x7e]+", subject)
    assert payload["Message"].strip()
    assert size(payload) <= MAX_BYTES
    assert not re.search("[\x00-\x08\x0b-\x1f\ufffe\uffff]", payload["Message"])
    assert len(payload["MessageAttributes"]) <= 10
    for value in payload["MessageAttributes"].values():
        assert value["StringValue"]
        if value["DataType"] == "String.Array":
            assert isinstance(json.loads(value["StringValue"]), list)


@every("story", NOTICES)
def test_a_mail_has_76_columns(story: str) -> None:
    """But for what must stay whole, and what is read first."""
    payload = sns().render(NOTICES[story])

    assert_valid(payload)
    first, *lines = payload["Message"].splitlines()
    assert len(first) <= MAX_SUBJECT
    for line in lines:
        whole = re.search(
            r"^Urgency: |sha256:|^ +https?://|^    (aws|docker|ecr-scan-alerts) ", line
        )
        assert len(line) <= 76 or whole


@pytest.mark.parametrize("story", golden.LAYOUTS)
def test_mail_looks_as_kept(story: str) -> None:
    """One for each layout, with what filter policies match on."""
    payload = sns().render(NOTICES[story])

    golden.check("sns", story, payload | {"Message": "…"}, text=payload["Message"])


def test_document_looks_as_kept() -> None:
    """A webhook gets the same one."""
    payload = sns("json").render(NOTICES["rescan"])

    golden.check("sns-json", "rescan", json.loads(payload["Message"]))


def test_large_document_is_cut_by_whole_items_and_says_so() -> None:
    """The worst stay; what is missing is counted, and an attribute says that it is."""
    payload = sns("json").render(thousands())

    document = json.loads(payload["Message"])
    assert size(payload) > MAX_BYTES - 5000
    assert payload["MessageAttributes"]["truncated"]["StringValue"] == "true"
    assert document["omitted"]["total"] > 500
    assert {item["severity"] for item in document["items"]} == {"CRITICAL"}
    assert document["upgrades_omitted"] > 0


@pytest.mark.untraced
@pytest.mark.parametrize("text", INJECTIONS)
@every("format_", FORMATS)
def test_absurd_text_stays_within_limits(text: str, format_: str) -> None:
    """Control characters, ten thousand characters, nothing at all: the mail is still one."""
    for notice in (injected(text), injected_problem(text)):
        for payload in (sns(format_).render(notice), sns(format_).plain(notice)):
            assert_valid(payload)


def test_absurd_images_stay_within_limits() -> None:
    """Thousands of tags and upgrades with long names leave room for findings."""
    findings = [
        a_finding(f"CVE-2026-{1000 + n}", package="\N{SNOWMAN}" * 400 + str(n), fixed_version="2")
        for n in range(300)
    ]
    image = an_image(tags=tuple(f"{n}-" + "t" * 120 for n in range(1000)))
    notice = noticed(Scene(a_report(*findings, image=image)))

    document = json.loads(sns("json").render(notice)["Message"])

    assert_valid(sns("json").render(notice))
    assert_valid(sns().render(notice))
    assert document["items"]


def test_very_many_platforms_are_counted() -> None:
    """The document says how many of an absurd index it does not list; the mail counts them."""
    parts = [a_part(part=f"linux/{number}") for number in range(100)]
    notice = a_notice(a_state(a_watched(parts=(*parts, an_unscanned_part(part="linux/last")))))

    document = json.loads(sns("json").render(notice)["Message"])
    mail = sns().render(notice)["Message"]

    (watched,) = document["images"]
    assert (len(watched["parts"]), watched["parts_omitted"]) == (50, 51)
    assert "none on linux/0, " in " ".join(mail.split())
    assert "linux/last scan failed" in " ".join(mail.split())


def test_a_mail_lists_the_vulnerabilities_of_a_package_together() -> None:
    """With from and to, the worst score, and what one of them is."""
    rows = [
        a_finding(f"CVE-2026-{n}", fixed_version="3.0.14", score=Score(5.0, "2.0"), title="Leak")
        for n in range(1, 53)
    ]

    payload = sns().render(noticed(Scene(a_report(*rows))))

    lines = payload["Message"].partition("FOUND (52)\n")[2].splitlines()
    assert lines[0] == "  52 HIGH   openssl 3.0.11-1, fixed in 3.0.14, up to CVSS v2 5.0"
    assert lines[1].split()[:2] == ["CVE-2026-1,", "CVE-2026-10,"]
    assert "and 2 more" in payload["Message"]
    assert "CVE-2026-1: Leak" in payload["Message"]
    assert payload["MessageAttributes"]["truncated"]["StringValue"] == "true"


@settings(deadline=None)
@given(listed=st.integers(0, 120), resolved=st.integers(0, 120))
def test_mail_lines_and_the_rest_add_up(listed: int, resolved: int) -> None:
    """What is listed and what is "more" is as many as the title says, for any number."""
    new = [a_finding(f"CVE-2026-{1000 + n}", package=f"p{n}") for n in range(listed)]
    gone = [a_finding(f"CVE-2025-{1000 + n}", package=f"q{n}") for n in range(resolved)]
    before = a_report(*gone, image=an_image(1))
    notice = noticed(Scene(a_report(*new, image=an_image(2)), before))

    body = f"\n{sns().render(notice)['Message']}"

    # What ended is listed where nothing is news.
    ended = 0 if listed else resolved
    for number, pattern in ((listed, r"HIGH +CVE-2026"), (ended, r"HIGH +CVE-2025")):
        title = "NEW" if pattern.endswith("2026") else "FIXED"
        section = body.partition(f"\n{title} (")[2].partition("\n\n")[0]
        more = re.search(r"and \d+ more packages?: (\d+) HIGH", section)
        assert len(re.findall(pattern, section)) + int(more[1] if more else 0) == number


def test_attributes_are_what_filter_policies_need() -> None:
    """Kinds and routes are arrays, so that a policy can match each of them."""
    attributes = sns().render(NOTICES["new-and-resolved"])["MessageAttributes"]

    values = {name: each["StringValue"] for name, each in attributes.items()}
    assert values == {
        "severity": "CRITICAL",
        "repository": "payments/api",
        "account": "000474600478",
        "kind": '["NEW", "RESOLVED"]',
        "route": '["payments", "security"]',
        "delivery_id": f"{1:032x}",
    }


@pytest.mark.parametrize(
    ("story", "severity", "subject"),
    [
        ("baseline", "CRITICAL", "payments/api:1.4.2: First scan: 4 CRITICAL"),
        ("all-fixed", "NONE", "[RESOLVED] payments/api:1.4.2: 1 CRITICAL fixed"),
        ("scan-failed", "UNKNOWN", "[SCAN FAILED] payments/api:1.4.2: "),
        ("not-scanned", "UNKNOWN", "[NOT SCANNED] payments/api:1.4.2: "),
        ("platform-failed", "CRITICAL", "payments/api:1.4.2: 1 new CRITICAL"),
        ("quiet-scanned-again", "NONE", "[INFO] payments/api:1.4.2: 1 scan problem solved"),
    ],
)
def test_subject_says_how_bad_it_is(story: str, severity: str, subject: str) -> None:
    """The first words of a mail decide whether it is opened; no severity stands there twice."""
    payload = sns().render(NOTICES[story])

    assert payload["Subject"].startswith(subject)
    assert payload["MessageAttributes"]["severity"]["StringValue"] == severity


def test_a_long_subject_drops_a_note_before_a_fact() -> None:
    """The upgrade is worth more than whose fault it is."""
    name = "payments/a-service"
    old = a_finding("CVE-2026-1", package="curl", version="7")
    new = a_finding("CVE-2026-2", package="curl", version="7", fixed_version="7.88.1-10+deb12u5")
    images = an_image(2, repository=name), an_image(1, repository=name)
    notice = noticed(Scene(a_report(new, image=images[0]), a_report(old, image=images[1])))

    subject = sns().render(notice)["Subject"]

    assert subject.endswith("fix available: curl 7.88.1-10+deb12u5")


def test_a_mail_says_until_when_its_report_link_works_and_leaves_the_others_to_it() -> None:
    """People keep mails. The report has a page about each vulnerability."""
    mail = sns().render(NOTICES["new-and-resolved"])["Message"]

    report = mail.index("Full report (works until 2026-12-26):")
    assert mail.index("Accepted, not counted:") < report < mail.index("Commits since 1.4.1:")
    assert report < mail.index("Image in the ECR console:")
    assert "security-tracker" not in mail


def test_a_mail_leaves_out_a_console_that_hides_the_other_links() -> None:
    """Its address has the name of the repository; the report links it."""
    name = f"payments/{'x' * 200}"

    mail = sns().render(noticed(Scene(a_report(a_finding(), image=an_image(1, repository=name)))))

    assert "Full report" in mail["Message"]
    assert "console.aws" not in mail["Message"]


def test_a_mail_has_the_address_of_commits_at_its_end() -> None:
    """Among the steps it breaks their lines; it has the words of the step as its name."""
    link = ("http://people.ubuntu.com/~ubuntu-security/cve/CVE-2026-1001",)
    old = a_finding("CVE-2026-1001", package="curl", links=link)
    new = replace(old, vulnerability_id="CVE-2026-2001", package=replace(old.package, name="fop"))
    commit = Provenance("1" * 40, "https://github.com/example/payments")
    scene = Scene(a_report(old, new, image=an_image(2)), a_report(old, image=an_image(1)))
    notice = replace(
        noticed(scene), provenance=commit, provenance_before=replace(commit, commit="2" * 40)
    )

    mail = sns().render(notice)["Message"]

    url = f"https://github.com/example/payments/compare/{'2' * 40}...{'1' * 40}"
    assert mail.count("/compare/") == 1
    assert mail.partition("\nLINKS\n")[2].count(f"  Commits since 1.4.1:\n  {url}\n") == 1
    assert sns().plain(notice)["Message"].count(url) == 1


@pytest.mark.parametrize("url", [None, f"https://reports.example/{'x' * 3000}"])
def test_a_mail_without_a_report_links_the_console_and_the_vulnerabilities(url: str | None) -> None:
    """There is no other place to read about them; the console has the longest address."""
    mail = sns().render(replace(NOTICES["new-and-resolved"], report_url=url))["Message"]

    assert "https://security-tracker.debian.org/tracker/CVE-2026-2001\n" in mail
    assert "ECR console:" in mail
    assert "x" * 3000 not in mail


def test_a_mail_repeats_its_subject_only_where_that_is_cut() -> None:
    """It begins with how soon to look; without news, with what ended."""
    whole, ended, cut = (
        sns().render(NOTICES[story]) for story in ("new-and-resolved", "all-fixed", "rescan")
    )

    assert whole["Message"].startswith(
        f"{RED} Urgency: high (2 CRITICAL; no public exploit known)\n\nWHAT TO DO\n"
    )
    assert whole["Subject"] not in whole["Message"]
    assert ended["Message"].startswith("FIXED")
    assert cut["Subject"].endswith("...")
    assert " ".join(cut["Message"].split()).startswith(
        f"{RED} {cut['Subject'].removesuffix('; ...')}"
    )


def test_no_word_of_a_mail_stands_alone_on_a_line() -> None:
    """A line that is a little shorter avoids it; one that would be far shorter does not."""
    text = text_of(NOTICES["new-and-resolved"])

    def listed(warning: str) -> list[str]:
        body, _ = render(NOTICES["new-and-resolved"], replace(text, warnings=(warning,)), 0)
        return [line for line in body.splitlines() if "word" in line]

    assert listed("word " * 14 + "wordy") == ["Note: " + "word " * 12 + "word", "word wordy"]
    assert listed("x" * 60 + " wordy") == ["Note: " + "x" * 60 + " wordy"]
    assert listed("x" * 70 + " wordy") == ["wordy"]


@pytest.mark.parametrize("package", ["linux", "libarchive", "x" * 90, "it's --odd"])
def test_a_shell_reads_a_command_of_several_lines_as_one(package: str) -> None:
    """Programs for mail break a long line anywhere, also within an option."""
    command = shlex.join(
        ("ecr-scan-alerts", "suppressions", "add", "CVE-1", "--package", package, "--reason", "W")
    )

    lines = continued(command, "    ")

    assert shlex.split(" ".join(line.strip(" \\") for line in lines)) == shlex.split(command)
    assert all(line.endswith(" \\") for line in lines[:-1])
    assert all(len(line) <= 76 for line in lines) or "x" * 90 in command or "'" in command


def test_commands_are_not_wrapped() -> None:
    """A command on several lines cannot be copied."""
    lines = sns().render(NOTICES["scan-failed"])["Message"].splitlines()

    commands = [each for each in lines if each.startswith("    aws ecr ")]
    assert len(commands) == 2
    assert all("imageDigest=sha256:" in each for each in commands)


@every("format_", FORMATS)
@every("story", NOTICES)
def test_plain_message_says_what_happened(format_: str, story: str) -> None:
    """Even the smallest message has the verdict, the counts of what it lacks and the link."""
    payload = sns(format_).plain(NOTICES[story])

    assert_valid(payload)
    delta = NOTICES[story].message.delta
    if format_ == "json":
        document = json.loads(payload["Message"])
        omitted = document["omitted"]
        assert document["verdict"]
        assert omitted["total"] + omitted["conditions"] == len(delta.items)
    else:
        is_linked = "Full report" in payload["Message"] or "console" in payload["Message"]
        assert is_linked or "injection" in story
    if format_ in ("json", "ocsf"):
        assert ("truncated" in payload["MessageAttributes"]) == bool(delta.items)


def test_message_is_published_to_the_topic() -> None:
    """The id of the message is the receipt."""
    topics = RecordingTopics()
    notifier = SnsNotifier(OPTIONS["sns"], tools(topics=topics))
    payload = notifier.render(NOTICES["baseline"])

    receipt = notifier.send(payload)

    assert receipt == Receipt("message-1")
    assert topics.published == [(TOPIC, payload)]


def fifo() -> SnsNotifier:
    return SnsNotifier({"type": "sns", "topic_arn": f"{TOPIC}.fifo"}, tools())


@pytest.mark.parametrize("form", ["render", "plain"])
def test_a_fifo_topic_gets_the_same_message_with_its_place(form: str) -> None:
    """The stream is the group, the delivery the deduplication id; nothing else differs."""
    notice = NOTICES["baseline"]

    payload = getattr(fifo(), form)(notice)

    assert payload == getattr(sns(), form)(notice) | {
        "MessageGroupId": notice.group,
        "MessageDeduplicationId": notice.delivery_id,
    }


@pytest.mark.parametrize("stream", ["payments/ü", "with space", "s" * 129])
def test_a_stream_that_sns_takes_for_no_group_is_hashed(stream: str) -> None:
    """Up to 128 letters, digits and punctuation; the same stream stays the same group."""
    message = NOTICES["baseline"].message
    view = replace(message.view, stream=StreamId(stream))
    notice = replace(NOTICES["baseline"], message=replace(message, view=view))

    groups = {fifo().render(copy)["MessageGroupId"] for copy in (notice, notice)}

    assert [bool(re.fullmatch("[0-9a-f]{64}", each)) for each in groups] == [True]


def test_a_fifo_topic_delivers_a_repeat_once(boto: Callable[[str], Any]) -> None:
    """A send whose answer was lost is repeated with the same id, and SNS itself drops it."""
    name = f"alerts-{uuid.uuid4().hex[:8]}.fifo"
    topic = boto("sns").create_topic(Name=name, Attributes={"FifoTopic": "true"})["TopicArn"]
    allowed = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    queue = boto("sqs").create_queue(
        QueueName=name, Attributes={"FifoQueue": "true", "Policy": policy}
    )["QueueUrl"]
    boto("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=topic.replace(":sns:", ":sqs:"))
    topics: Any = SnsPublisher(lambda _: boto("sns"))
    notifier = SnsNotifier({"type": "sns", "topic_arn": topic}, tools(topics=topics))

    receipts = [notifier.send(notifier.render(NOTICES["baseline"])) for _ in range(2)]

    received = boto("sqs").receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=5
    )
    assert len(received["Messages"]) == 1
    assert receipts[0] == receipts[1]


def test_usage_counts_bytes_with_attributes() -> None:
    """`preview` shows bytes and the subject against their limits."""
    payload = sns().render(NOTICES["injection"])

    used = sns().usage(payload)

    assert used[0].used == size(payload)
    assert (used[0].limit, used[1].limit) == (MAX_BYTES, MAX_SUBJECT)


# --- the publisher ----------------------------------------------------------------------------


class Client:
    """An SNS client that answers as told."""

    def __init__(self, outcome: Mapping[str, Any] | Exception) -> None:
        self.outcome = outcome
        self.requests: list[Mapping[str, Any]] = []

    def publish(self, **request: Any) -> Mapping[str, Any]:
        self.requests.append(request)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def refused(code: str, status: int = 400) -> aws.ClientError:
    return aws.ClientError(
        {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "Publish",
    )


def publisher(client: Client, regions: list[str] | None = None) -> SnsPublisher:
    def client_for(region: str) -> Client:
        if regions is not None:
            regions.append(region)
        return client

    return SnsPublisher(client_for)


def test_message_goes_to_the_region_of_the_topic() -> None:
    """The topic may be in another region than the function."""
    client, regions = Client({"MessageId": "m-1"}), list[str]()

    message_id = publisher(client, regions).publish(TOPIC, {"Message": "x"})

    assert message_id == "m-1"
    assert regions == ["eu-central-1"]
    assert client.requests == [{"TopicArn": TOPIC, "Message": "x"}]


@pytest.mark.parametrize("arn", ["", "topic", "arn:aws:sns::000474600478:t", "arn:aws:sns:x:y"])
def test_wrong_topic_is_a_mistake_in_the_configuration(arn: str) -> None:
    """There is no region to send to."""
    with pytest.raises(ConfigError, match="topic_arn"):
        publisher(Client({})).publish(arn, {})


ENDPOINT: Mapping[str, Any] = {"endpoint_url": "https://sns.eu-central-1.amazonaws.com"}


@every(
    ("outcome", "expected"),
    [
        (lambda: refused("Throttling"), ThrottledError),
        (lambda: refused("ThrottledException"), ThrottledError),
        (lambda: refused("KMSThrottling"), ThrottledError),
        (lambda: refused("SomethingNew", 429), ThrottledError),
        (lambda: refused("InternalError", 500), AmbiguousDeliveryError),
        (lambda: refused("InternalFailure", 500), AmbiguousDeliveryError),
        (lambda: refused("ServiceUnavailable", 503), TemporaryDeliveryError),
        (lambda: refused("SomethingNew", 503), TemporaryDeliveryError),
        (lambda: refused("SomethingNew", 502), AmbiguousDeliveryError),
        (lambda: refused("ExpiredToken", 403), TemporaryDeliveryError),
        (lambda: refused("NotFound", 404), PermanentDeliveryError),
        (lambda: refused("AuthorizationError", 403), PermanentDeliveryError),
        (lambda: refused("EndpointDisabled"), PermanentDeliveryError),
        (lambda: refused("KMSAccessDenied"), PermanentDeliveryError),
        (lambda: refused("KMSDisabled"), PermanentDeliveryError),
        (aws.NoCredentialsError, ConfigError),
        (lambda: aws.EndpointConnectionError(**ENDPOINT), TemporaryDeliveryError),
        (lambda: aws.ConnectTimeoutError(**ENDPOINT), TemporaryDeliveryError),
        (lambda: aws.SSLError(**ENDPOINT, error="x"), TemporaryDeliveryError),
        (lambda: aws.ReadTimeoutError(**ENDPOINT), AmbiguousDeliveryError),
        (lambda: aws.ConnectionClosedError(**ENDPOINT), AmbiguousDeliveryError),
        (lambda: ResponseParserError("not XML"), AmbiguousDeliveryError),
        (lambda: aws.ParamValidationError(report="x"), PermanentDeliveryError),
        (aws.NoRegionError, TemporaryDeliveryError),
    ],
)
def test_error_class_of_each_refusal(
    outcome: Callable[[], Exception], expected: type[Exception]
) -> None:
    """Throttled, temporary, ambiguous or final, as SNS documents its errors."""
    with pytest.raises(expected) as caught:
        publisher(Client(outcome())).publish(TOPIC, {"Message": "x"})

    assert type(caught.value) is expected


@pytest.mark.parametrize(("code", "degradable"), [("InvalidParameter", True), ("NotFound", False)])
def test_only_malformed_messages_are_tried_plainer(code: str, *, degradable: bool) -> None:
    """A topic that does not exist takes no plainer message, either."""
    with pytest.raises(PermanentDeliveryError) as caught:
        publisher(Client(refused(code))).publish(TOPIC, {})

    assert caught.value.degradable is degradable


class TestNotices:
    """Topics get the same message in the form of each."""

    @pytest.mark.untraced
    @pytest.mark.parametrize("format_", FORMATS)
    @every("name", NOTICES)
    def test_every_message_is_valid(self, format_: str, name: str) -> None:
        """In full and plain; a program reads alert-1.0.0."""
        notice = NOTICES[name]

        for payload in (sns(format_).render(notice), sns(format_).plain(notice)):
            assert_valid(payload)
            if format_ == "json":
                assert not list(ALERT.iter_errors(json.loads(payload["Message"])))

    @pytest.mark.parametrize("name", ["platform-failed", "every-kind"])
    def test_mail_looks_as_kept(self, name: str) -> None:
        """What is new first; a platform without a result beside it."""
        payload = sns().render(NOTICES[name])

        shown = payload | {"Message": "…"}
        golden.check("sns", f"notice-{name}", shown, text=payload["Message"])

    def test_attributes_are_what_filter_policies_need(self) -> None:
        """Every kind of the delta, and the routes that ask for it."""
        attributes = sns().render(NOTICES["platform-failed"])["MessageAttributes"]

        values = {name: value["StringValue"] for name, value in attributes.items()}
        assert values == {
            "severity": "CRITICAL",
            "repository": "payments/api",
            "account": "000474600478",
            "kind": '["NEW", "SCAN_FAILED"]',
            "route": '["all"]',
            "delivery_id": f"{1:032}",
        }

    def test_what_is_cut_is_said(self) -> None:
        """By an attribute, which is absent where everything is there."""
        cut, whole = (
            sns("json").render(NOTICES[name])["MessageAttributes"]
            for name in ("hundreds", "new-and-resolved")
        )

        assert cut["truncated"]["StringValue"] == "true"
        assert "truncated" not in whole

    def test_what_ended_quietly_is_in_the_next_mail(self) -> None:
        """Mail is no place that is brought up to date; its next message lists what ended."""
        body = sns().render(NOTICES["every-kind"])["Message"]

        assert "\nENDED SINCE THE LAST MESSAGE (1)\n" in body

    def test_a_program_can_follow_a_stream_by_versions(self) -> None:
        """Each message starts from the version that the one before it led to."""
        notice = NOTICES["new-and-resolved"]
        view = replace(notice.message.view, version=4)
        later = replace(notice, message=replace(notice.message, view=view), possible_repeat=True)

        document = json.loads(sns("json").render(later)["Message"])

        assert document["sequence"] == {"from": 3, "to": 4}
        assert document["possible_repeat"] is True
        kinds = {item["kind"]: item["open"] for item in document["items"]}
        assert kinds == {"NEW": True, "RESOLVED": False}

    def test_a_document_names_where_it_comes_from(self) -> None:
        """Commit and comparison; the workloads; in whose place it is sent; what runs besides."""
        commit = Provenance("1" * 40, "https://github.com/example/payments")
        notice = replace(
            NOTICES["every-kind"],
            provenance=commit,
            provenance_before=replace(commit, commit="2" * 40),
            running=RUNNING,
            note="Instead of team-jira",
        )

        document = json.loads(sns("json").render(notice)["Message"])

        assert not list(ALERT.iter_errors(document))
        assert document["commit_url"].endswith("/commit/" + "1" * 40)
        assert document["workloads"]["image"][0]["cluster"] == "staging"
        assert document["note"] == "Instead of team-jira"
        assert [entry["role"] for entry in document["images"]] == ["current", "running"]

    def test_many_reasons_and_places_are_counted(self) -> None:
        """What one field has no room for is added up."""
        rows = [a_finding(path=f"opt/{number}/lib") for number in range(30)]
        others = [a_finding(f"CVE-2026-{1000 + number}") for number in range(150)]
        entries = tuple(an_entry(row.vulnerability_id) for row in others)
        notice = a_notice(a_state(a_watched(*rows, *others)), suppressions=entries)

        document = json.loads(sns("json").render(notice)["Message"])

        assert document["not_asked_for"][-1] == {"reason": "50 other reasons", "count": 50}
        (item,) = document["items"]
        assert (len(item["findings"]), item["findings_omitted"]) == (20, 10)
        assert not list(ALERT.iter_errors(document))

    def test_a_fifo_topic_gets_it_with_its_place(self) -> None:
        """In place of another destination it is no part of the stream's order."""
        own, other = (fifo().render(NOTICES[name]) for name in ("one-left", "instead"))

        assert own["MessageGroupId"] == NOTICES["one-left"].stream
        assert other["MessageGroupId"].endswith(f"#{1:032}")
        assert own["MessageDeduplicationId"] == f"{1:032}"


@pytest.mark.parametrize(
    ("statements", "kept"),
    [
        (("2 new CRITICAL", "the list is incomplete"), "2 new CRITICAL; the list is incomplete"),
        (("2 new CRITICAL", "x" * 78, "y" * 9), f"2 new CRITICAL; {'x' * 78}; ..."),
        (("2 new CRITICAL", "x" * 79, "y" * 9), "2 new CRITICAL; ..."),
        (("x" * 94, "y" * 9), f"{'x' * 94}; ..."),
        (("x" * 100, "y"), f"{'x' * 96}..."),
    ],
)
def test_a_subject_without_room_leaves_out_whole_statements(
    statements: tuple[str, ...], kept: str
) -> None:
    """Half a statement may say the opposite of it."""
    assert fitting_subject("; ".join(statements)) == kept
