"""
Everything around the handlers, in virtual time: queues, functions, stores, receivers, traffic.

    world = World(seed=1)
    world.receivers.plans.append(sometimes(0.05, Answer(500), world.random))
    world.push(1000)
    world.run()
    world.store.rows, world.receivers.accepted      # the ledger, and the receivers' own log

The handlers, pipelines, notifiers, HTTP client and queue clients are the real ones; the stores are
those of `tests.support.fakes`, which pass the same contract tests as DynamoDB and S3.
"""

import base64
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from random import Random
from types import SimpleNamespace
from typing import Any

import requests

from handlers import deliver, process_scan
from handlers.reconcile import reconcile
from handlers.sweep import sweep
from lib.bootstrap.app import App
from lib.bootstrap.settings import Settings
from lib.config import load
from lib.config.model import Config
from lib.errors import ScanAlertError
from lib.flows.reconciliation import Reconciliation
from lib.http_client import RequestsClient
from lib.models import (
    AnyReport,
    Delivery,
    DeliveryId,
    DeliveryState,
    Image,
    ImageIndex,
    LastScan,
    Scan,
    ScanProgress,
    ScanSource,
    WakeUp,
)
from lib.observability import logger, metrics
from lib.ports.sources import ALL_THE_TIME, Fetching
from lib.store.queues import SqsScanEvents
from tests.faults.queues import Queue
from tests.faults.receivers import CHANNEL, HOOK_HOST, Receivers, Topics, Transport
from tests.faults.simulation import Killed, Process, Simulation
from tests.support.builders import a_finding, a_report, an_image
from tests.support.fakes import (
    MemoryDigests,
    MemoryPages,
    MemoryProgress,
    MemoryStore,
    ScriptedRepositories,
)

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
KINDS = ("slack", "bot", "jira", "pagerduty", "sns", "webhook")
"""The kinds of receivers that share the traffic; another kind needs a case in `destination`."""
EACH = 4
"""Destinations of each kind."""
FALLBACK = "operators"
RATE = 2.0
"""Scan events in a second, over all destinations."""
LIMIT = 60 * 3600.0
"""A row that is not settled by then never will be."""
SWEEP_SECONDS = 60.0
PORT_SECONDS = 0.006

SETTINGS = {
    "DELIVERIES_QUEUE_URL": "deliveries",
    "SCAN_EVENTS_QUEUE_URL": "scan-events",
    "SCAN_EVENTS_DLQ_URL": "rejected",
    "RECONCILE_DAYS": "7",
}

Json = Any


@dataclass(frozen=True, slots=True)
class Expected:
    """An alert that has to arrive: when the event was sent that asks for it."""

    image: str
    destination: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Sent:
    """An event and when it is sent."""

    event: Json
    seconds: float


@dataclass
class Registry:
    """`FindingSource` and `ImageRegistry`: what ECR holds, and what its scans found, by digest."""

    reports: dict[str, AnyReport] = field(default_factory=dict)
    pushed_at: dict[str, datetime] = field(default_factory=dict)
    held: dict[str, list[Image]] = field(default_factory=dict)
    scanned_at: dict[str, datetime] = field(default_factory=dict)

    def report(
        self,
        image: Image,
        scan: Scan,
        *,
        announced: int | None = None,  # noqa: ARG002  # the port's
        fetching: Fetching = ALL_THE_TIME,  # noqa: ARG002  # the port's
    ) -> AnyReport:
        return replace(self.reports[image.digest], image=image, scan=scan)

    def describe(self, image: Image) -> Image:
        return replace(image, pushed_at=self.pushed_at.get(image.digest))

    def index(self, image: Image) -> ImageIndex | None:  # noqa: ARG002  # the port's
        return None

    def repositories(self) -> Sequence[str]:
        return [*self.held]

    def images(self, repository: str, *, since: datetime) -> Sequence[Image]:
        return [each for each in self.held[repository] if (each.pushed_at or since) >= since]

    def last_scan(self, image: Image) -> LastScan:
        moment = self.scanned_at[image.digest]
        return LastScan(ScanSource.ECR_BASIC, "COMPLETE", ScanProgress.USABLE, moment)


class Port:
    """A port that takes its time, and where its caller may be killed before or after each call."""

    def __init__(self, name: str, inner: object, world: "World", seconds: float) -> None:
        self._name, self._inner, self._world, self._seconds = name, inner, world, seconds

    def __getattr__(self, method: str) -> Callable[..., Any]:
        call, world, where = getattr(self._inner, method), self._world, f"{self._name}.{method}"

        def through(*args: Any, **options: Any) -> Any:
            world.step_in(f"before {where}")
            world.simulation.sleep(self._seconds / 2)
            world.trouble(f"before {where}")
            answer = call(*args, **options)
            world.simulation.sleep(self._seconds / 2)
            world.trouble(f"after {where}")
            world.step_in(f"after {where}")
            return answer

        self.__dict__[method] = through
        return through


@dataclass(eq=False)
class Function:
    """A Lambda function behind a queue."""

    world: "World"
    queue: Queue
    process_batch: Callable[[App, Json, Any], Mapping[str, Json]]
    batch: int
    timeout: float
    concurrency: int = 1000
    running: int = 0
    killed: int = 0
    timed_out: int = 0
    failed: int = 0
    """Invocations that ended in an error."""
    returned: int = 0
    """Records that the function gave back."""
    _polls: bool = False

    def __post_init__(self) -> None:
        self.queue.arrived = self.poll

    def poll(self) -> None:
        """Look for messages, once everything of this moment has happened."""
        if not self._polls:
            self._polls = True
            self.world.simulation.after(0.0, self._poll)

    def _poll(self) -> None:
        self._polls = False
        while self.running < self.concurrency:
            received = self.queue.receive(self.batch)
            if not received:
                return
            self.running += 1
            process = self.world.simulation.spawn(lambda it=received: self._invoke(it))
            if process.running:
                self.world.simulation.after(self.timeout, lambda it=process: self._end(it))
            else:
                self.killed += process.killed

    def _end(self, process: Process) -> None:
        if process.running:
            self.timed_out += 1
            process.kill()

    def _invoke(self, received: Mapping[int, Any]) -> None:
        try:
            records = [_record(*each) for each in received.items()]
            with self.world.environment() as app:
                answer = self.process_batch(app, {"Records": records}, CONTEXT)
        except Killed:
            self.killed += 1
            raise
        except Exception:  # noqa: BLE001  # Lambda's boundary
            self.failed += 1
        else:
            back = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
            self.returned += len(back)
            for receipt, message in received.items():
                if message.id not in back:
                    self.queue.delete(receipt)
        finally:
            metrics.clear_metrics()
            self.running -= 1
            self.poll()


CONTEXT = SimpleNamespace(
    function_name="simulated",
    memory_limit_in_mb=256,
    invoked_function_arn="arn:aws:lambda:eu-central-1:000474600478:function:simulated",
    aws_request_id="simulated",
    get_remaining_time_in_millis=lambda: 900_000,
)


def _record(receipt: int, message: Any) -> Json:
    return {
        "messageId": message.id,
        "receiptHandle": str(receipt),
        "body": message.body,
        "attributes": {
            "MessageGroupId": message.group,
            "ApproximateReceiveCount": str(message.receives),
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:000474600478:queue",
        "awsRegion": "eu-central-1",
    }


class Log(io.TextIOBase):
    """Every line that is logged, searched for secrets and forgotten."""

    def __init__(self, secrets: Callable[[], Sequence[str]]) -> None:
        self._secrets = secrets
        self.lines = 0
        self.leaks: list[str] = []

    def write(self, text: str) -> int:
        self.lines += 1
        self.leaks += leaks(text, self._secrets())
        return len(text)


def leaks(text: str | None, secrets: Sequence[str]) -> list[str]:
    """Return the text when a secret is in it."""
    return [text] if text and any(each in text for each in secrets) else []


class World:
    """One run: a seed, what goes wrong, traffic, and what came of it."""

    def __init__(
        self,
        seed: int,
        *,
        kinds: Sequence[str] = KINDS,
        each: int = EACH,
        start: datetime = START,
        routes: Sequence[Json] | None = None,
        skews: Sequence[float] = (0.0,),
        stage: str = "prod",
        beside: "World | None" = None,
    ) -> None:
        self.seed = seed
        self.stage = stage
        self.random = Random(seed)  # noqa: S311  # the same run again, no secret
        self.simulation = beside.simulation if beside else Simulation(start)
        self.receivers = beside.receivers if beside else Receivers(self.simulation, self.random)
        self.receivers.step_in = self.step_in
        self.stages: list[World] = beside.stages if beside else []
        """All stages that share the receivers, this one among them. The first one is judged."""
        self.stages.append(self)
        self.store = MemoryStore(reports=f"reports-{stage}")
        self.forgotten: dict[DeliveryId, Delivery] = {}
        """Rows that the table had before it was lost."""
        self.ledger: Any = self.store
        """What deliveries are recorded in: the store, or a mutant around it."""
        self.registry = Registry()
        self.kinds = kinds
        self.names = [f"{kind}-{number}" for number in range(each) for kind in kinds]
        self.expected: list[Expected] = []
        self.events: list[Sent] = []
        self.reconciled: list[Json] = []
        """What each pass of the reconciliation counted."""
        self._last = 0.0
        self.kills: Callable[[str], bool] = lambda _: False
        """Fault: whether who passes this point is killed there."""
        self.troubles: Callable[[str], Exception | None] = lambda _: None
        """Fault: what a port raises at this point, before or after it did its work."""
        self.skews = skews
        """Fault: how wrong the clocks of the workers are, in seconds."""
        self.secret_texts = tuple(self._keep_secrets())
        self.log = Log(lambda: self.secret_texts)
        self.rejected = Queue(self.simulation, visibility=30.0)
        self.scan_events = Queue(self.simulation, visibility=720.0)
        self.deliveries = Queue(self.simulation, visibility=360.0)
        self.process_scan = Function(
            self,
            self.scan_events,
            process_scan.process_batch,
            batch=1,
            timeout=120.0,
            concurrency=4,
        )
        self.deliver = Function(
            self, self.deliveries, deliver.process_batch, batch=1, timeout=60.0, concurrency=10
        )
        self._clients = Clients(self)
        self.use(config(self.names, start, routes=routes))

    # --- the application --------------------------------------------------------------------

    def use(self, rules: Config) -> None:
        """Deploy a configuration: new invocations have it."""
        self.rules = rules
        self._idle: list[App] = []

    @contextmanager
    def environment(self) -> Iterator[App]:
        """Lend a process of the function: it serves one caller at a time, unless it is killed."""
        rules = self.rules
        app = self._idle.pop() if self._idle else self._made(rules, self.random.choice(self.skews))
        yield app
        if rules is self.rules:
            self._idle.append(app)

    def _made(self, rules: Config, skew: float) -> App:
        app = App(
            Settings({**SETTINGS, "STAGE": self.stage}),
            clients=self._clients,
            config=rules,
            now=lambda: self.simulation.now() + timedelta(seconds=skew),
            pause=self.simulation.sleep,
        )
        app.source = Port("source", self.registry, self, 0.15)
        app.provenances = None
        app.repositories = ScriptedRepositories()
        app.tags = Port("tags", self.store, self, PORT_SECONDS)
        app.states = Port("states", self.store, self, PORT_SECONDS)
        app.reports = Port("reports", self.store, self, PORT_SECONDS)
        app.pages = MemoryPages()
        app.digests = MemoryDigests()
        app.progress = MemoryProgress()
        app.ledger = Port("ledger", self.ledger, self, PORT_SECONDS)
        app.waker = Port("waker", app.waker, self, PORT_SECONDS)
        app.reconciliation = lambda: Reconciliation(
            registry=Port("registry", self.registry, self, 0.02),
            states=app.states,
            events=SqsScanEvents(self._clients.get("sqs"), "scan-events"),
            bookmarks=Port("bookmarks", self.store, self, PORT_SECONDS),
            now=app.now,
        )
        app.http = lambda hosts: RequestsClient(
            hosts, session=self._session(), now=app.now, clock=lambda: self.simulation.seconds
        )
        return app

    def _session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.mount("https://", Transport(self.receivers))
        return session

    def _keep_secrets(self) -> Iterator[str]:
        for name in self.names:
            if name.startswith("slack"):
                self.receivers.webhook(name)
            if name.startswith("pagerduty"):
                self.receivers.integration(name)
            if name.startswith("webhook"):
                self.receivers.hook(name)
        for secret in self.receivers.secrets.values():
            yield secret
            yield secret.rpartition("/")[2]
        user, token = self.receivers.jira.email, self.receivers.jira.token
        yield from (token, base64.b64encode(f"{user}:{token}".encode()).decode())

    # --- what may go wrong inside -----------------------------------------------------------

    def step_in(self, point: str) -> None:
        """Kill who passes here, if the row says so."""
        if self.kills(point):
            raise Killed

    def trouble(self, point: str) -> None:
        """Raise what the row says."""
        error = self.troubles(point)
        if error is not None:
            raise error

    # --- traffic ----------------------------------------------------------------------------

    def push(self, count: int, *, rate: float = RATE, begin: float = 0.0) -> None:
        """Scan so many new images, each with a finding of its own, over all destinations."""
        for number in range(count):
            destination = self.names[number % len(self.names)]
            image = an_image(
                number + 1, repository=f"{destination}/app-{number}", tags=(f"1.{number}",)
            )
            seconds = begin + number / rate * self.random.uniform(0.9, 1.0)
            self.scan(image, seconds, told=(destination,))

    def scan(
        self,
        image: Image,
        seconds: float,
        *,
        report: AnyReport | None = None,
        told: Sequence[str] = (),
        severity: str = "HIGH",
    ) -> Json:
        """Send the event of one scan, and expect the alerts; return the event."""
        name = f"CVE-2026-{int(image.digest[7:], 16)}"
        self.registry.reports[image.digest] = report or a_report(
            a_finding(name, severity=severity, fixed_version="3.0.14-1")
        )
        moment = self.moment(int(seconds))
        self.registry.scanned_at[image.digest] = moment
        self.registry.held.setdefault(image.repository, []).append(
            replace(image, pushed_at=self.registry.pushed_at.get(image.digest, moment))
        )
        event = self.event(image, seconds)
        self.events.append(Sent(event, seconds))
        self.send(event, seconds)
        self.expected += [Expected(image.key, each, seconds) for each in told]
        return event

    def send(self, event: Json, seconds: float) -> None:
        """Put an event into the queue, so many seconds after the start."""
        later = seconds - self.simulation.seconds
        self.simulation.after(later, lambda: self.scan_events.send(json.dumps(event)))

    def moment(self, seconds: float) -> datetime:
        """Return the time so many seconds after the start."""
        return self.simulation.start + timedelta(seconds=seconds)

    def event(self, image: Image, seconds: float) -> Json:
        """Return what EventBridge sends when a scan is complete."""
        moment = self.moment(seconds)
        return {
            "version": "0",
            "id": f"event-{image.digest[-12:]}-{seconds}",
            "detail-type": "ECR Image Scan",
            "source": "aws.ecr",
            "account": image.account,
            "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": image.region,
            "resources": [],
            "detail": {
                "scan-status": "COMPLETE",
                "repository-name": image.repository,
                "image-digest": image.digest,
                "image-tags": list(image.tags),
            },
        }

    # --- the table ----------------------------------------------------------------------------

    def backup(self) -> MemoryStore:
        """Return the table as it is now."""
        return replace(self.store, **_contents(self.store))

    def restore(self, backup: MemoryStore) -> None:
        """Put a table in the place of the current one; an empty one: the stage is deployed anew."""
        self.forgotten |= self.store.rows
        for name, content in _contents(backup).items():
            setattr(self.store, name, content)

    # --- running ----------------------------------------------------------------------------

    def run(self, *, least: float = 0.0, until: float = LIMIT) -> "World":
        """Let it all happen until nothing is left to do. Logs go to `self.log`."""
        for stage in self.stages:
            stage.begin(least, until)
        with captured(self.log):
            self.simulation.run(until=until)
        return self

    def begin(self, least: float, until: float) -> None:
        """Start the sweep, which ends when everything of this stage is settled."""
        self._last = max([self._last, least, *(each.seconds for each in self.expected)])
        self.simulation.after(SWEEP_SECONDS, lambda: self._minute(until))

    @property
    def settled(self) -> bool:
        """All traffic came, the queues are empty, and every row is final."""
        return (
            self.simulation.seconds > self._last
            and self.scan_events.empty
            and self.deliveries.empty
            and not any(row.due_at for row in self.store.rows.values())
        )

    def _minute(self, until: float) -> None:
        if self.settled or self.simulation.seconds > until:
            return
        self.simulation.after(SWEEP_SECONDS, lambda: self._minute(until))
        self.simulation.spawn(self._sweep)

    def _sweep(self) -> None:
        # Lambda's boundary: the next minute has its own.
        with suppress(ScanAlertError), self.environment() as app:
            sweep(app)
        metrics.clear_metrics()

    def reconcile(self) -> None:
        """Run one pass over everything that ECR holds, as happens every hour."""
        with self.environment() as app:
            self.reconciled.append(reconcile(app, CONTEXT))
        metrics.clear_metrics()

    def redrive(self, *, rate: float) -> int:
        """Do what `deliveries redrive` does for every dead one, so many a second."""
        dead = [row for row in self.store.rows.values() if row.state is DeliveryState.DEAD]
        for number, row in enumerate(dead):
            self.simulation.after(
                number / rate, lambda it=row.id: self.simulation.spawn(lambda: self._redrive(it))
            )
        self._last = self.simulation.seconds + len(dead) / rate
        return len(dead)

    def _redrive(self, delivery_id: DeliveryId) -> None:
        with self.environment() as app:
            row = app.ledger.redrive(delivery_id, now=app.now())
            turn = app.now().isoformat()
            app.waker.wake([WakeUp(row.id, row.destination, row.attempts, turn)])


class Clients:
    """See `lib.bootstrap.clients.Clients`: the three services reached without a port of ours."""

    def __init__(self, world: World) -> None:
        self._clients = {
            "sqs": Sqs(
                {
                    "deliveries": world.deliveries,
                    "scan-events": world.scan_events,
                    "rejected": world.rejected,
                }
            ),
            "sns": Topics(world.receivers),
            "secretsmanager": SecretsManager(world.receivers.secrets, world.stage),
        }

    def get(self, service: str, region: str | None = None) -> Any:  # noqa: ARG002  # as the original
        return self._clients[service]


@dataclass
class Sqs:
    """A client of SQS that speaks to our queues."""

    queues: Mapping[str, Queue]

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Json]) -> Json:  # noqa: N803  # boto3's
        for each in Entries:
            self.queues[QueueUrl].send(
                each["MessageBody"],
                group=each.get("MessageGroupId"),
                deduplication_id=each.get("MessageDeduplicationId"),
            )
        return {}

    def change_message_visibility(
        self,
        *,
        QueueUrl: str,  # noqa: N803  # boto3's
        ReceiptHandle: str,  # noqa: N803  # boto3's
        VisibilityTimeout: int,  # noqa: N803  # boto3's
    ) -> None:
        self.queues[QueueUrl].hide(int(ReceiptHandle), VisibilityTimeout)

    def send_message(self, *, QueueUrl: str, MessageBody: str, **options: Json) -> None:  # noqa: N803  # boto3's
        self.queues[QueueUrl].send(MessageBody, delay=options.get("DelaySeconds", 0))


@dataclass
class SecretsManager:
    """A client of Secrets Manager; all stages have the same secrets."""

    secrets: Mapping[str, str]
    stage: str

    def get_secret_value(self, *, SecretId: str, **_: Json) -> Json:  # noqa: N803  # boto3's
        return {"SecretString": self.secrets[SecretId.replace(f"/{self.stage}/", "/")]}


def _contents(store: MemoryStore) -> dict[str, Any]:
    """Return copies of what is in a table; evaluations are in the bucket, which stays."""
    return {
        field.name: deepcopy(getattr(store, field.name))
        for field in fields(store)
        if field.name not in ("objects", "reports", "before_commit")
    }


@contextmanager
def captured(log: Log) -> Iterator[None]:
    """Send what the handlers log there."""
    handler = logger.registered_handler
    before = handler.setStream(log)
    try:
        yield
    finally:
        handler.setStream(before)


# --- configuration ----------------------------------------------------------------------------


def config(
    names: Sequence[str], start: datetime, *, routes: Sequence[Json] | None = None
) -> Config:
    """Return a checked configuration: each destination hears of the repositories below its name."""
    document = {
        "version": 1,
        "fallback": FALLBACK,
        "destinations": {name: destination(name) for name in (*names, FALLBACK)},
        "routes": [
            *(routes or [route(name, name) for name in names]),
            {"name": "others", "severity": "CRITICAL", "notify": [FALLBACK]},
        ],
    }
    return load(document, today=start.date())


def route(name: str, *notify: str, **fields: Json) -> Json:
    """Return the rule for the repositories below a name."""
    return {
        "name": name,
        "match": {"repository": f"{name}/*"},
        "severity": "HIGH",
        "notify": list(notify),
        **fields,
    }


def destination(name: str) -> Json:
    """Return the options of a destination; its name begins with its kind."""
    match re.sub(r"-\d+$", "", name):
        case "slack":
            return {"type": "slack", "webhook": {"secret": f"ecr-scan-alerts/{name}"}}
        case "bot":
            return {
                "type": "slack",
                "token": {"secret": "ecr-scan-alerts/bot"},
                "channel": f"{CHANNEL}{name.rpartition('-')[2]}",
            }
        case "jira":
            return {
                "type": "jira",
                "site": f"https://{name}.atlassian.net",
                "project": name.replace("-", "").upper(),
                "credentials": {"secret": "ecr-scan-alerts/jira"},
            }
        case "pagerduty":
            return {"type": "pagerduty", "routing_key": {"secret": f"ecr-scan-alerts/{name}"}}
        case "webhook":
            return {
                "type": "webhook",
                "host": HOOK_HOST,
                "url": {"secret": f"ecr-scan-alerts/{name}"},
                "secret": {"secret": "ecr-scan-alerts/signing"},
            }
        case _:
            format_ = "text" if name.endswith(("1", "3")) else "json"
            arn = f"arn:aws:sns:eu-central-1:000474600478:{name}"
            return {"type": "sns", "topic_arn": arn, "format": format_}
