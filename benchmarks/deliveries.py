"""Benchmarks of deliveries: processor time by kind of receiver, request units of DynamoDB."""

import math
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

import boto3

from benchmarks.core import NOW, Figure
from benchmarks.units import KILOBYTE, READ_UNIT, size
from lib.flows.deliveries import wake_due
from lib.models import Delivery, NotClaimed, Receipt
from lib.store.ledger import DynamoLedger
from lib.store.state import DynamoStateStore
from local.aws.process import EmbeddedAws
from tests.faults.world import KINDS, World, captured
from tests.store.conftest import create_table
from tests.store.test_contracts import a_commit
from tests.support.builders import a_delivery, a_finding, a_report, a_scan_event, an_image
from tests.support.fakes import RecordingWaker

ALERTS: Final = 300

Item = Mapping[str, Any]


def rates() -> list[Figure]:
    """Measure deliveries without network and stores: claim, render, send, record."""
    return [
        Figure(f"deliveries to {kind}, one core, network excluded", "-", f"{_rate(kind):,.0f}/s")
        for kind in KINDS
    ]


def _rate(kind: str) -> float:
    world = World(1, kinds=(kind,), each=1)
    waker = RecordingWaker()
    with world.environment() as app, captured(world.log):
        app.waker = waker  # type: ignore[assignment,misc]  # a fake
        for number in range(ALERTS):
            image = an_image(number, repository=f"{kind}-0/app-{number}")
            world.registry.reports[image.digest] = a_report(a_finding(f"CVE-2026-{number}"))
            app.scans.process(a_scan_event(number, image=image), {})
        begin = time.perf_counter()
        for wake_up in waker.woken:
            app.deliveries.deliver(wake_up)
        return ALERTS / (time.perf_counter() - begin)


def request_units() -> list[Figure]:
    """Count the request units of an alert in DynamoDB, from the requests of the stores."""
    with EmbeddedAws() as aws:
        table = f"units-{uuid.uuid4().hex[:8]}"
        create_table(aws.client("dynamodb"), table)
        steps = _steps(Meter(aws, table), table)
        return [Figure(f"DynamoDB: {step}", "-", units) for step, units in steps]


def _steps(meter: "Meter", table: str) -> Iterator[tuple[str, str]]:
    states, ledger = DynamoStateStore(meter.client, table), DynamoLedger(meter.client, table)
    image, row = an_image(), a_delivery(due_at=NOW)

    def created() -> None:
        states.image(image)
        states.head(row.stream)
        states.commit(a_commit(row))

    def sent() -> None:
        ledger.paused(row.destination, now=NOW)
        delivery = _claimed(ledger, row)
        ledger.sent(delivery, Receipt("ok"), now=NOW)

    yield "an evaluation with one alert is read and written", meter.units(created)
    yield (
        "an alert that has to be woken by the sweep",
        meter.units(lambda: wake_due(ledger, RecordingWaker(), now=NOW + timedelta(minutes=2))),
    )
    yield "an alert is claimed and sent", meter.units(sent)


def _claimed(ledger: DynamoLedger, row: Delivery) -> Delivery:
    delivery = ledger.claim(row.id, now=NOW + timedelta(minutes=2), token=uuid.uuid4().hex)
    if isinstance(delivery, NotClaimed):
        raise TypeError(delivery.reason)
    return delivery


class Meter:
    """
    A DynamoDB client that adds up the billed units of its requests.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
    Sizes of items are read from the table before and after each request.
    """

    def __init__(self, aws: EmbeddedAws, table: str) -> None:
        self._plain, self._table = aws.client("dynamodb"), table
        self.client: Any = boto3.client(
            "dynamodb",
            endpoint_url=aws.endpoint,
            region_name=aws.region,
            aws_access_key_id=aws.account,
            aws_secret_access_key="none",  # noqa: S106  # not checked
        )
        self._units: Counter[str] = Counter()
        self._written: list[tuple[Item, Item | None]] = []
        events = self.client.meta.events
        events.register("provide-client-params.dynamodb", self._before_call)
        events.register("after-call.dynamodb", self._after_call)

    def units(self, work: Callable[[], object]) -> str:
        """Return the units of some requests, in words."""
        self._units.clear()
        work()
        return f"{self._units['write']:g} write units, {self._units['read']:g} read units"

    def _before_call(self, params: Mapping[str, Any], **_: Any) -> None:
        """Read the items that a request will write."""
        writes = [part for action in params.get("TransactItems", ()) for part in action.values()]
        keys = [_key(write) for write in writes or (params,) if "Key" in write or "Item" in write]
        self._written = [(key, self._read(key)) for key in keys]

    def _after_call(self, parsed: Mapping[str, Any], model: Any, **_: Any) -> None:
        match model.name:
            case "GetItem":
                self._units["read"] += math.ceil(max(1, size(parsed.get("Item"))) / READ_UNIT)
            case "Query":
                read = sum(map(size, parsed["Items"]))
                # Indexes are read eventually consistently, at half the price.
                self._units["read"] += math.ceil(max(1, read) / READ_UNIT) / 2
            case _:
                times = 2 if model.name == "TransactWriteItems" else 1
                for key, before in self._written:
                    after = self._read(key)
                    largest = max(size(before), size(after))
                    self._units["write"] += times * math.ceil(largest / KILOBYTE)
                    self._units["write"] += _index_writes(before, after)

    def _read(self, key: Item) -> Item | None:
        answer = self._plain.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        item: Item | None = answer.get("Item")
        return item


def _key(write: Mapping[str, Any]) -> Item:
    item = write.get("Key") or write["Item"]
    return {"pk": item["pk"], "sk": item["sk"]}


def _index_writes(before: Item | None, after: Item | None) -> int:
    """Return the writes to the index `due`, whose entries are below a kilobyte."""
    old, new = (_entry(item) for item in (before, after))
    if old == new:
        return 0
    moved = old is not None and new is not None and old[:2] != new[:2]
    return 2 if moved else 1


def _entry(item: Item | None) -> tuple[Any, ...] | None:
    if not item or "wake_at" not in item or "due_shard" not in item:
        return None
    names = ("due_shard", "wake_at", "destination", "attempts")
    return tuple(str(item.get(name)) for name in names)


def main() -> None:
    """Print rates and request units."""
    for figure in (*rates(), *request_units()):
        print(f"{figure.label}: {figure.measured}")


if __name__ == "__main__":
    main()
