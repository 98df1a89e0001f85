"""
Benchmarks of syncs and notifications: calls of AWS, counted through the real handlers.

The table and the bucket are those of the embedded AWS. ECR and Inspector are a story's registry,
queues keep what they are sent, and topics take everything.
"""

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

import boto3

from benchmarks.core import Figure, median_seconds
from benchmarks.offline import OfflineSession
from benchmarks.units import Meter
from cli.simulation import events
from cli.simulation.images import Place, StoredImage
from cli.simulation.registry import Registry
from cli.simulation.story import FindingForm, ImageName, PackageForm, PartAnswer
from handlers import deliver, process_scan, sync_streams
from lib.bootstrap.app import App
from lib.bootstrap.clients import Clients
from lib.bootstrap.settings import Settings
from lib.config import load
from lib.core.causes import DAILY
from lib.models import Destination, Severity, StreamId
from lib.models.views import ReportedItem, View
from lib.notifiers import NOTIFIERS
from lib.store.documents import attributes, data_of
from local.aws.process import EmbeddedAws
from tests.store.conftest import create_table

ACCOUNT: Final = "000474600478"
REGION: Final = "eu-central-1"
START: Final = datetime.now(UTC) + timedelta(hours=1)
"""After the table was made: nothing begins silently."""
MANY: Final = 10_000
STREAMS: Final = 20
TIMES: Final = 250
"""The daily pass of so many streams is counted, for so many times as many."""
DESTINATIONS: Final = 20
MANY_DESTINATIONS: Final = 100
"""Of all receivers: an alerts.yml cannot name so many topics."""
FINDINGS: Final = 30
"""Of each stream of the daily pass."""
ROW_SECONDS: Final = 0.020
ROW_BYTES: Final = 100_000
DAILY_USD: Final = 0.05
GET_USD: Final = 0.00000043
"""Of a GET or HEAD of S3. https://aws.amazon.com/s3/pricing/ (eu-central-1)"""
READ_USD: Final = 0.1525e-6
"""Of a read unit on demand. https://aws.amazon.com/dynamodb/pricing/on-demand/ (eu-central-1)"""
GB_SECOND_USD: Final = 0.0000133334
"""Of a function on arm64. https://aws.amazon.com/lambda/pricing/"""
MEMORY_GB: Final = 0.5
CONTEXT: Any = SimpleNamespace(
    function_name="benchmark",
    memory_limit_in_mb=256,
    invoked_function_arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:benchmark",
    aws_request_id="benchmark",
    get_remaining_time_in_millis=lambda: 900_000,
)

Json = Any

PUBLISHED: Final = (
    b'<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">'
    b"<PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>"
)
"""https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""


class Cost(NamedTuple):
    """The cost of some work."""

    calls: Counter[str]
    units: Counter[str]
    """Of the table, that are read and written."""

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {name}" for name, count in sorted(self.calls.items()))
        read, written = self.units["read"], self.units["written"]
        return f"{counts}; {read} units read, {written} written"


class CountedClients(Clients):
    """Clients whose calls are counted, by service and operation."""

    def __init__(self, aws: EmbeddedAws, registry: Registry, table: str, *, metered: bool) -> None:
        super().__init__(region=REGION)
        self.calls: Counter[str] = Counter()
        self.queued: list[str] = []
        """The bodies of what was put into queues."""
        offline = OfflineSession(self._answer)
        home = Place(ACCOUNT, REGION, "")
        made = {
            "dynamodb": _own_client(aws, "dynamodb"),
            "s3": aws.client("s3"),
            "ecr": registry.client_of("ecr", home),
            "inspector2": registry.client_of("inspector2", home),
            "sqs": offline.client("sqs"),
            "sns": offline.client("sns"),
        }
        for service, client in made.items():
            client.meta.events.register_first(f"before-call.{service}", self._count)
            self._made[service, None] = client
        self.meter = Meter(aws.client("dynamodb"), table)
        if metered:
            self.meter.read(made["dynamodb"])
        self._made["sns", REGION] = made["sns"]

    def replace(self, service: str, client: Any) -> None:
        """Ask another client from now on."""
        self._made[service, None] = client

    def _count(self, *, model: Any, **_: Any) -> None:
        self.calls[model.name] += 1

    def _answer(self, operation: str, request: Mapping[str, Json]) -> Json:
        if operation == "Publish":
            return PUBLISHED
        for entry in request.get("Entries", (request,)):
            self.queued.append(entry["MessageBody"])
        return {"Successful": [], "Failed": []}


def _own_client(aws: EmbeddedAws, service: str) -> Any:
    """Return a client that nobody else has: its calls are counted."""
    return boto3.client(  # type: ignore[call-overload]  # the name is a variable
        service,
        endpoint_url=aws.endpoint,
        region_name=aws.region,
        aws_access_key_id=aws.account,
        aws_secret_access_key="none",  # noqa: S106  # not checked
    )


class Program:
    """The functions of a stage with so many destinations, in virtual time."""

    def __init__(
        self,
        aws: EmbeddedAws,
        destinations: int,
        *,
        receivers: Sequence[str] = ("sns",),
        streams: Sequence[str] = ("prod-*",),
        metered: bool = True,
    ) -> None:
        name = f"bench-{uuid.uuid4().hex[:12]}"
        create_table(aws.client("dynamodb"), name)
        aws.client("s3").create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        self.now = START
        self.registry = Registry(ACCOUNT, REGION)
        self.clients = CountedClients(aws, self.registry, name, metered=metered)
        self.app = App(
            Settings(environment(name)),
            clients=self.clients,
            config=load(alerts(destinations, receivers, streams), today=START.date()),
            now=lambda: self.now,
            pause=lambda _: None,
        )
        self._numbers = iter(range(1_000_000))

    def push(self, repository: str, word: str, tag: str, *ids: str) -> StoredImage:
        """Push a tagged image, and let it be scanned; no event is sent."""
        name = ImageName(word, repository)
        image, _ = self.registry.push(name, (), self.now)
        self.registry.tag(image, tag)
        self.list(image, *ids)
        return image

    def list(self, image: StoredImage, *ids: str) -> None:
        """Let the scanner list these vulnerabilities."""
        package = PackageForm("openssl", "3.0.11-1", "3.0.14-1")
        forms = tuple([FindingForm(one, "CRITICAL", (package,)) for one in ids])
        self.registry.set_answer(image, "enhanced", PartAnswer(forms), self.now)

    def pushed(self, image: StoredImage, tag: str) -> None:
        """Handle the event of a push."""
        self.handle(events.action(image, "PUSH", tag, next(self._numbers), self.now))

    def scanned(self, image: StoredImage) -> None:
        """Handle the event of a scan that ended."""
        self.handle(events.scan(image, next(self._numbers), self.now))

    def handle(self, event: Json) -> None:
        """Handle an event of the bus."""
        self.now += timedelta(minutes=1)
        self.registry.answers.clear()  # What AWS answers is asked for each time, and counted.
        process_scan.process_batch(self.app, records(event), CONTEXT)

    def deliver(self) -> None:
        """Attempt each notification that was woken."""
        woken = [body for body in self.clients.queued if "delivery" in body]
        self.clients.queued.clear()
        for body in woken:
            deliver.process_batch(self.app, records(json.loads(body)), CONTEXT)

    def sync(self, cause: str, streams: Sequence[StreamId]) -> None:
        """Handle messages of the queue of syncs."""
        for first in range(0, len(streams), 100):
            body = {"cause": cause, "streams": streams[first : first + 100]}
            sync_streams.process_batch(self.app, records(body), CONTEXT)

    def calls_of(self, work: Callable[[], object]) -> Cost:
        """Return the calls of some work, and the units that they cost."""
        self.clients.calls.clear()
        self.clients.meter.units.clear()
        work()
        return Cost(self.clients.calls.copy(), self.clients.meter.units.copy())


def environment(name: str) -> dict[str, str]:
    """Return the settings of a stage whose table and bucket have a name."""
    return {
        "STAGE": "bench",
        "TABLE_NAME": name,
        "REPORTS_BUCKET": name,
        "SCAN_EVENTS_QUEUE_URL": "https://scan-events",
        "SCAN_EVENTS_DLQ_URL": "https://scan-events-dlq",
        "CHANGED_IMAGES_QUEUE_URL": "https://changed-images.fifo",
        "SYNC_QUEUE_URL": "https://syncs",
        "DELIVERIES_QUEUE_URL": "https://deliveries.fifo",
        "TRACEABILITY": "false",
        "RECONCILE_DAYS": "7",
    }


def alerts(
    destinations: int,
    receivers: Sequence[str] = ("sns",),
    streams: Sequence[str] = ("prod-*",),
) -> Json:
    """Return an alerts.yml with so many destinations, which are notified of everything."""
    kinds = islice(cycle(receivers), destinations)
    named = {f"t-{number}": options_of(kind, number) for number, kind in enumerate(kinds)}
    return {
        "version": 1,
        "streams": list(streams),
        "destinations": named,
        "routes": [{"name": "all", "severity": "HIGH", "notify": list(named)}],
    }


def options_of(receiver: str, number: int) -> Json:
    """Return the type and the options of a destination."""
    secret = {"secret": f"ecr-scan-alerts/{receiver}-{number}"}
    options: Mapping[str, Mapping[str, Json]] = {
        "jira": {"site": "https://acme.atlassian.net", "project": "SEC", "credentials": secret},
        "pagerduty": {"routing_key": secret},
        "slack": {"webhook": secret},
        "sns": {"topic_arn": f"arn:aws:sns:{REGION}:{ACCOUNT}:t-{number}"},
        "webhook": {"host": "hooks.acme.io", "url": secret, "secret": secret},
    }
    return {"type": receiver, **options[receiver]}


def records(body: Json) -> Json:
    """Return a batch of one message, as Lambda gets it."""
    record = {
        "messageId": "1",
        "receiptHandle": "1",
        "body": json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "1", "MessageGroupId": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:queue",
        "awsRegion": REGION,
    }
    return {"Records": [record]}


def calls() -> list[Figure]:
    """Count the calls of each kind of event, with one destination and with a hundred."""
    with EmbeddedAws() as aws:
        return [
            *[Figure(f"calls: {label}", "", str(cost)) for label, cost in _events(aws)],
            daily(aws),
        ]


def _events(aws: EmbeddedAws) -> Iterator[tuple[str, Cost]]:
    program = Program(aws, 1)
    image = program.push("payments/api", "one", "1.0", "CVE-1", "CVE-2")
    program.pushed(image, "1.0")
    yield "the scan of a pushed image", program.calls_of(lambda: program.scanned(image))
    yield "its notification", program.calls_of(program.deliver)
    yield "a scan again with the same result", program.calls_of(lambda: program.scanned(image))
    program.list(image, "CVE-1", "CVE-2", "CVE-3")
    yield "a scan again with one more", program.calls_of(lambda: program.scanned(image))
    program.deliver()
    stream = StreamId(f"{ACCOUNT}/{REGION}/payments/api")
    yield "a sync without a difference", program.calls_of(lambda: program.sync("rules", [stream]))
    program.registry.tag(image, "prod-1")
    yield "a promotion by tag", program.calls_of(lambda: program.pushed(image, "prod-1"))
    many = Program(aws, MANY_DESTINATIONS, receivers=tuple(NOTIFIERS))
    image = many.push("payments/api", "one", "1.0", "CVE-1", "CVE-2")
    many.pushed(image, "1.0")
    counts = many.calls_of(lambda: many.scanned(image))
    yield f"the scan of a pushed image, with {MANY_DESTINATIONS} destinations", counts


def daily(aws: EmbeddedAws) -> Figure:
    """Count the calls of a daily pass in which nothing differs, and what AWS bills for them."""
    program = Program(aws, DESTINATIONS)
    streams = []
    for number in range(STREAMS):
        name = f"team/service-{number}"
        ids = [f"CVE-{number}-{index}" for index in range(FINDINGS)]
        image = program.push(name, f"image-{number}", "1.0", *ids)
        program.scanned(image)
        streams.append(StreamId(f"{ACCOUNT}/{REGION}/{name}"))
    # An hour after a push, time alone changes the row of a stream once.
    program.now += timedelta(hours=2)
    program.sync(DAILY, streams)
    program.deliver()
    started = time.process_time()
    cost = program.calls_of(lambda: program.sync(DAILY, streams))
    seconds = (time.process_time() - started) * TIMES
    asked = cost.calls["GetObject"] + cost.calls["HeadObject"]
    usd = TIMES * (asked * GET_USD + cost.units["read"] * READ_USD)
    usd += seconds * MEMORY_GB * GB_SECOND_USD
    return Figure(
        f"daily pass of {STREAMS * TIMES:,} streams with {DESTINATIONS} destinations",
        f"under {DAILY_USD} USD",
        f"{usd:.3f} USD, {seconds:.0f} s of processor time: {TIMES} times {cost}",
        usd < DAILY_USD,
    )


def view() -> list[Figure]:
    """Measure the row of a view in which 10,000 vulnerabilities are reported."""
    stored = View(Destination("team"), StreamId("1/eu/app"), reported=_many_items())
    row = attributes(stored)
    size = sum(len(value) for value in row.values())
    written = median_seconds(lambda: attributes(stored))
    read = median_seconds(lambda: data_of(View, row))
    return [
        *[
            Figure(label, "20 ms", f"{seconds * 1000:.0f} ms", round(seconds, 3) <= ROW_SECONDS)
            for label, seconds in (
                (f"a view of {MANY:,} vulnerabilities is read", read),
                ("it is written", written),
            )
        ],
        Figure("its row", "below 100 KB", f"{size / 1000:.0f} KB", size < ROW_BYTES),
    ]


def _many_items() -> Mapping[str, ReportedItem]:
    """Return vulnerabilities whose ids are as irregular as real ones."""
    ids = [f"CVE-{2015 + number % 11}-{number * 7919 % 59_999:05d}" for number in range(MANY)]
    return {
        name: ReportedItem(
            name,
            Severity(2 + index % 4),
            exploitable=index % 50 == 0,
            fixable=index % 2 == 0,
            routes=("all",),
        )
        for index, name in enumerate(ids)
    }


if __name__ == "__main__":
    for figure in (*view(), *calls()):
        print(f"{figure.label}: {figure.measured}")
