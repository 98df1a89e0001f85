"""
Everything around the handlers, in virtual time: queues, functions, stores, receivers, traffic.

    world = World(seed=1)
    world.receivers.plans.append(sometimes(0.05, Answer(500), world.random))
    world.push(1000)
    world.run()
    world.rows(), world.receivers.accepted      # the notifications, and the receivers' own log

The handlers, flows, notifiers, HTTP client and queue clients are the real ones; the stores are
those of `cli.simulation.memory`, which pass the same contract tests as DynamoDB and S3.
"""

import base64
import io
import json
import logging
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from random import Random
from types import SimpleNamespace
from typing import Any

import requests

from cli.simulation.memory import MemoryStreams
from handlers import deliver, process_scan, sync_streams
from handlers.reconcile import reconcile
from handlers.sweep import sweep
from lib.bootstrap.app import App
from lib.bootstrap.settings import Settings
from lib.config import load
from lib.config.model import Config
from lib.core.attempts import redriven, wake_up_of
from lib.core.causes import redrive_of
from lib.errors import ConflictError, ScanAlertError
from lib.flows.rounds import SyncFailure
from lib.http_client import RequestsClient
from lib.models import (
    AnyReport,
    DeliveryId,
    Destination,
    Image,
    ImageIndex,
    LastScan,
    Scan,
    ScanProgress,
    ScanSource,
    StreamId,
)
from lib.models.deliveries import Page
from lib.models.streams import CoveredImage
from lib.models.views import Notification, Purpose, RowState, View
from lib.observability import logger, metrics
from lib.ports.passes import Place
from lib.ports.rules import RulesRecord
from lib.ports.sources import ALL_THE_TIME, Fetching, ListedImage
from tests.faults.points import PORTS, PointFault
from tests.faults.queues import Queue
from tests.faults.receivers import CHANNEL, HOOK_HOST, Receivers, Topics, Transport
from tests.faults.simulation import Killed, Process, Simulation
from tests.support.builders import a_finding, a_report, an_image
from tests.support.current import MemoryCopies
from tests.support.fakes import MemoryProgress

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
    "CHANGED_IMAGES_QUEUE_URL": "changed-images.fifo",
    "DELIVERIES_QUEUE_URL": "deliveries.fifo",
    "GATHER_SECONDS": "90",
    "RECONCILE_DAYS": "7",
    "SCAN_EVENTS_DLQ_URL": "rejected",
    "SCAN_EVENTS_QUEUE_URL": "scan-events",
    "SYNC_QUEUE_URL": "syncs",
}

Json = Any


@dataclass(frozen=True, slots=True)
class Expected:
    """A vulnerability that a destination has to be notified of, and the time of its event."""

    stream: StreamId
    destination: Destination
    seconds: float
    name: str | None
    """None: any message of the stream will do."""

    @property
    def place(self) -> tuple[StreamId, Destination]:
        """The view in which it has to be."""
        return self.stream, self.destination

    @property
    def kind(self) -> str:
        """The kind of receiver."""
        return self.destination.rpartition("-")[0]


@dataclass(frozen=True, slots=True)
class Sent:
    """An event and when it is sent."""

    event: Json
    seconds: float


@dataclass
class Registry:
    """`FindingSource`, `ImageRegistry` and `Coverage`: what ECR holds, by digest."""

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
        stored = next(one for one in self.held[image.repository] if one.digest == image.digest)
        return replace(image, tags=stored.tags, pushed_at=stored.pushed_at)

    def index(self, image: Image) -> ImageIndex | None:  # noqa: ARG002  # the port's
        return None

    def covered(self, image: Image | None = None) -> Iterator[CoveredImage]:  # noqa: ARG002  # the port's
        yield from ()

    def covered_in(self, repositories: Sequence[str]) -> Iterator[CoveredImage]:  # noqa: ARG002  # the port's
        yield from ()

    def repositories(self) -> Sequence[Image]:
        images = [own[0] for own in self.held.values()]
        return [replace(image, digest="", tags=(), pushed_at=None) for image in images]

    def listed(self, repository: Image) -> Iterator[ListedImage]:
        for image in self.held[repository.repository]:
            yield ListedImage(image, is_index=False)

    def indexes(self, images: Sequence[Image]) -> Sequence[ImageIndex]:  # noqa: ARG002  # the port's
        return ()

    def last_scan(self, image: Image) -> LastScan:
        moment = self.scanned_at[image.digest]
        return LastScan(ScanSource.ECR_BASIC, "COMPLETE", ScanProgress.USABLE, moment)


@dataclass
class Records:
    """See `RulesStore`."""

    installed: datetime
    stored: RulesRecord | None = None

    def installed_at(self) -> datetime:
        return self.installed

    def record(self) -> RulesRecord | None:
        return self.stored

    def put(self, before: RulesRecord | None, after: RulesRecord) -> None:
        if self.stored != before:
            raise ConflictError("another function recorded it")
        self.stored = after


class MemoryPlaces:
    """See `Places`."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}

    def place(self, name: str) -> Place | None:
        return self._places.get(name)

    def put_place(self, name: str, place: Place) -> None:
        self._places[name] = place


class NoPages:
    """See `PageLinks`."""

    def page(self, pinned_key: str) -> Page:
        return Page(pinned_key, None)


class Port:
    """A port that takes its time, and where its caller may be killed before or after each call."""

    def __init__(self, name: str, inner: object, world: "World", seconds: float) -> None:
        assert name in PORTS, name
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
            records = [_record(self.queue.name, *message) for message in received.items()]
            with self.world.environment() as app:
                answer = self.process_batch(app, {"Records": records}, CONTEXT)
        except Killed:
            self.killed += 1
            raise
        except Exception:  # noqa: BLE001  # Lambda's boundary
            self.failed += 1
        else:
            back = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
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


def _record(queue: str, receipt: int, message: Any) -> Json:
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
        "eventSourceARN": f"arn:aws:sqs:eu-central-1:000474600478:{queue}",
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
        self.store = MemoryStreams()
        self.copies = MemoryCopies()
        self.records = Records(start)
        self.places = MemoryPlaces()
        self.forgotten: dict[DeliveryId, Notification] = {}
        """Rows that the table had before it was lost."""
        self.ledger: Any = self.store
        """What notifications are recorded in: the store, or a mutant around it."""
        self.registry = Registry()
        self.kinds = kinds
        self.names = [f"{kind}-{number}" for number in range(each) for kind in kinds]
        self.expected: list[Expected] = []
        self.events: list[Sent] = []
        self.reconciled: list[Json] = []
        """What each pass of the reconciliation counted."""
        self._last = 0.0
        self._faults: list[PointFault] = []
        self.skews = skews
        """Fault: how wrong the clocks of the workers are, in seconds."""
        self.secret_texts = tuple(self._keep_secrets())
        self.log = Log(lambda: self.secret_texts)
        self.rejected = Queue(self.simulation, "rejected", visibility=30.0)
        self.scan_events = Queue(self.simulation, "scan-events", visibility=720.0)
        self.changed_images = Queue(self.simulation, "changed-images.fifo", visibility=720.0)
        self.syncs = Queue(self.simulation, "syncs", visibility=720.0)
        self.deliveries = Queue(self.simulation, "deliveries.fifo", visibility=360.0)
        self.queues = (
            self.scan_events,
            self.changed_images,
            self.syncs,
            self.deliveries,
            self.rejected,
        )
        self.process_scan = Function(
            self,
            self.scan_events,
            process_scan.process_batch,
            batch=1,
            timeout=120.0,
            concurrency=4,
        )
        self.refetch = Function(
            self,
            self.changed_images,
            process_scan.process_batch,
            batch=1,
            timeout=120.0,
            concurrency=4,
        )
        self.sync_streams = Function(
            self, self.syncs, sync_streams.process_batch, batch=1, timeout=120.0, concurrency=4
        )
        self.deliver = Function(
            self, self.deliveries, deliver.process_batch, batch=1, timeout=60.0, concurrency=10
        )
        self.functions = (self.process_scan, self.refetch, self.sync_streams, self.deliver)
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
        app.repositories = self.registry
        app.coverage = self.registry
        app.registry = Port("registry", self.registry, self, 0.02)
        app.pages = NoPages()
        stores = app.stores
        stores.progress = MemoryProgress()
        stores.waker = Port("waker", stores.waker, self, PORT_SECONDS)
        stores.images = Port("images", self.store, self, PORT_SECONDS)
        stores.streams = Port("streams", self.store, self, PORT_SECONDS)
        stores.objects = Port("objects", self.store, self, PORT_SECONDS)
        stores.notifications = Port("rows", self.ledger, self, PORT_SECONDS)
        stores.pauses = Port("pauses", self.store, self, PORT_SECONDS)
        stores.current_copies = Port("copies", self.copies, self, PORT_SECONDS)
        stores.rules = self.records
        stores.places = self.places
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

    def fail_at(
        self,
        points: Sequence[str],
        share: float,
        error: Callable[[], ScanAlertError],
        *,
        until: float = LIMIT,
    ) -> None:
        """Let a share of the calls of ports fail, before or after they did their work."""

        def fail() -> None:
            raise error()

        self.strike_at(points, share, fail, until=until)

    def strike_at(
        self,
        points: Sequence[str],
        share: float,
        strike: Callable[[], None],
        *,
        until: float = LIMIT,
    ) -> None:
        """Do something to a share of the calls of ports: raise an error, or take time."""
        self._faults.append(PointFault(points, share, strike, until=until))

    def kill_at(self, points: Sequence[str], share: float) -> None:
        """Kill a share of those who pass these points."""

        def kill() -> None:
            raise Killed

        self._faults.append(PointFault(points, share, kill, kills=True))

    def step_in(self, point: str) -> None:
        """Kill who passes here, if the row says so."""
        self._pass(point, kills=True)

    def trouble(self, point: str) -> None:
        """Do to a call what the row says."""
        self._pass(point, kills=False)

    def _pass(self, point: str, *, kills: bool) -> None:
        for fault in self._faults:
            if fault.kills is kills:
                fault.passed(point, self.simulation.seconds, self.random.random)

    def missing_faults(self, *, full: bool) -> Iterator[str]:
        """Yield what the row says goes wrong and did not. `full`: the run had its full length."""
        for fault in self._faults:
            yield from fault.problems()
        if full:
            for queue in self.queues:
                yield from queue.missing_faults()
            yield from self.receivers.missing_faults()

    # --- traffic ----------------------------------------------------------------------------

    def push(
        self, count: int, *, rate: float = RATE, begin: float = 0.0, named: bool = True
    ) -> None:
        """
        Scan so many new images, each with a vulnerability of its own, over all destinations.

        `named`: whether their messages have to name these.
        """
        for number in range(count):
            destination = self.names[number % len(self.names)]
            image = an_image(
                number + 1, repository=f"{destination}/app-{number}", tags=(f"1.{number}",)
            )
            seconds = begin + number / rate * self.random.uniform(0.9, 1.0)
            self.scan(image, seconds)
            name = self.name_of(image) if named else None
            self.expect(image, destination, name=name, seconds=seconds)

    def scan(
        self,
        image: Image,
        seconds: float,
        *,
        report: AnyReport | None = None,
        to: Sequence[str] = (),
        severity: str = "HIGH",
    ) -> Json:
        """
        Send the event of one scan, and expect what is notified; return the event.

        `report`: what ECR lists; any message of it is enough. None: a vulnerability of its own.
        """
        name = self.name_of(image)
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
        self.expect(image, *to, name=name if report is None else None, seconds=seconds)
        return event

    def rescan(self, image: Image, seconds: float, report: AnyReport) -> None:
        """Let ECR list something else from then on, and send the event of that scan."""

        def scanned() -> None:
            self.registry.reports[image.digest] = report
            self.scan_events.send(json.dumps(self.event(image, seconds)))

        self.simulation.after(seconds, scanned)
        self._last = max(self._last, seconds)

    def expect(self, image: Image, *to: str, name: str | None = None, seconds: float = 0.0) -> None:
        """Expect that destinations are notified of an image, or of one of its vulnerabilities."""
        place = f"{image.account}/{image.region}/{image.repository}"
        stream = StreamId(place if image.tags else f"{place}|untagged")
        self.expected += [Expected(stream, Destination(one), seconds, name) for one in to]

    def relax_unsent(self, image: Image) -> None:
        """Expect any message of the stream where no attempt has carried the vulnerability yet."""
        name = self.name_of(image)
        rows = notifications(self.store).values()
        carried = {(row.stream, row.destination) for row in rows if row.pin is not None}
        for row in rows:
            sent = self.receivers.by_delivery.get(row.id, ())
            if any(name in arrival.names for arrival in sent):
                carried.add((row.stream, row.destination))
        self.expected = [
            replace(one, name=None) if one.name == name and one.place not in carried else one
            for one in self.expected
        ]

    @staticmethod
    def name_of(image: Image) -> str:
        """Return the vulnerability that an image has of its own."""
        return f"CVE-2026-{int(image.digest[7:], 16)}"

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

    # --- what came of it ----------------------------------------------------------------------

    def rows(self) -> list[Notification]:
        """Return all notifications, also those of a table that was lost."""
        return [*(self.forgotten | notifications(self.store)).values()]

    def dead(self) -> list[Notification]:
        """Return the notifications that were given up, and that no later one replaces."""
        rows = notifications(self.store).values()
        replaced = {row.replaces for row in rows}
        return [row for row in rows if row.state is RowState.DEAD and row.id not in replaced]

    def notices(self) -> list[Notification]:
        """Return the notices to the fallback, in the place of other destinations."""
        return [row for row in self.rows() if row.purpose is Purpose.FALLBACK]

    def views(self, stream: StreamId) -> list[View]:
        """Return the views of a stream."""
        return [*self.store.read(stream).views.values()]

    def differing(self) -> Iterator[tuple[StreamId, Destination]]:
        """Yield each view that does not hold what is desired, and that nothing will change."""
        with self.environment() as app:
            for stream in self.store.streams():
                partition = self.store.read(stream)
                for name, view in partition.views.items():
                    plan = app.streams.syncs.plan(partition, view)
                    if plan is not None and plan.delta.is_worth_a_message and view.row is None:
                        yield stream, name

    # --- the table ----------------------------------------------------------------------------

    def backup(self) -> MemoryStreams:
        """Return the table as it is now."""
        backup = MemoryStreams()
        vars(backup).update(_contents(self.store))
        return backup

    def restore(self, backup: MemoryStreams) -> None:
        """Put a table in the place of the current one; an empty one: the stage is deployed anew."""
        self.forgotten |= notifications(self.store)
        vars(self.store).update(_contents(backup))

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
        self._last = max([self._last, least, *(one.seconds for one in self.expected)])
        self.simulation.after(SWEEP_SECONDS, lambda: self._minute(until))

    @property
    def settled(self) -> bool:
        """All traffic came, the queues are empty, and every row is final."""
        return (
            self.simulation.seconds > self._last
            and all(function.queue.empty for function in self.functions)
            and not self.store.unsent()
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
        dead = self.dead()
        for number, row in enumerate(dead):
            self.simulation.after(
                number / rate, lambda it=row: self.simulation.spawn(lambda: self._redrive(it))
            )
        self._last = self.simulation.seconds + len(dead) / rate
        return len(dead)

    def _redrive(self, row: Notification) -> None:
        with self.environment() as app:
            _redrive(app, row)


def _redrive(app: App, row: Notification) -> None:
    """Do what `deliveries redrive` does with one row."""
    again = redriven(row, now=app.now())
    if again is not None:
        app.stores.notifications.update(row, again)
        app.stores.waker.wake([wake_up_of(again)])
        return
    for outcome in app.streams.rounds.run([row.stream], redrive_of(row.destination)):
        if isinstance(outcome, SyncFailure):
            raise outcome.error


class Clients:
    """See `lib.bootstrap.clients.Clients`: the three services reached without a port of ours."""

    def __init__(self, world: World) -> None:
        self._clients = {
            "sqs": Sqs({queue.name: queue for queue in world.queues}),
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
        for entry in Entries:
            self.queues[QueueUrl].send(
                entry["MessageBody"],
                group=entry.get("MessageGroupId"),
                deduplication_id=entry.get("MessageDeduplicationId"),
                delay=entry.get("DelaySeconds", 0),
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


def notifications(store: MemoryStreams) -> dict[DeliveryId, Notification]:
    """Return the notifications of a store, by their ids."""
    rows: dict[DeliveryId, Notification] = vars(store)["_notifications"]
    return rows


def _contents(store: MemoryStreams) -> dict[str, Any]:
    """Return copies of what is in a table; objects are in the bucket, which stays."""
    return {name: _copied(value) for name, value in vars(store).items() if name != "_objects"}


def _copied(value: Any) -> Any:
    """Return a copy of a dictionary and of those in it; all else in it is frozen."""
    return defaultdict(
        getattr(value, "default_factory", None),
        {key: copy(own) if isinstance(own, dict | set) else own for key, own in value.items()},
    )


@contextmanager
def captured(log: Log) -> Iterator[None]:
    """Send what the handlers log there, and not to pytest, which would format each line twice."""
    handler = logger.registered_handler
    before, inner = handler.setStream(log), logging.getLogger(logger.name)
    inner.propagate = False
    try:
        yield
    finally:
        inner.propagate = True
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
    return _loaded(json.dumps(document), start.date())


@cache
def _loaded(document: str, today: date) -> Config:
    """Return a checked configuration: most worlds have the same."""
    return load(json.loads(document), today=today)


def route(name: str, *notify: str, **fields: Json) -> Json:
    """Return the rule for the repositories below a name."""
    return {
        "name": name,
        "match": {"repository": f"{name}/*"},
        "severity": "HIGH",
        # PagerDuty leaves out baselines, where a route does not say otherwise.
        "kinds": ["BASELINE", "NEW", "RAISED", "RESOLVED"],
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
