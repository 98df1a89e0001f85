"""
The bill of AWS for a million scans, from counted calls. Prices are those of eu-central-1.

ECR and EventBridge take nothing for these calls and events.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from benchmarks.core import Figure
from benchmarks.syncs import GB_SECOND_USD, GET_USD, MEMORY_GB, READ_USD, Cost

MILLION: Final = 1_000_000
WRITE_USD: Final = 0.7625e-6
"""Of a write unit on demand. https://aws.amazon.com/dynamodb/pricing/on-demand/"""
PUT_USD: Final = 0.0054e-3
"""Of a PUT of S3; deletions are free. https://aws.amazon.com/s3/pricing/"""
QUEUE_USD: Final = 0.5e-6
"""Of a request to a FIFO queue. https://aws.amazon.com/sqs/pricing/"""
TOPIC_USD: Final = 0.5e-6
"""Of a message to a topic. https://aws.amazon.com/sns/pricing/"""
INVOCATION_USD: Final = 0.2e-6
"""https://aws.amazon.com/lambda/pricing/"""
SHARE: Final = 512 / 1769
"""Of a core that a function of 512 MB has; 1,769 MB is one core, by the documentation of Lambda."""
_SERVICES: Final[Mapping[str, tuple[str, float]]] = MappingProxyType(
    {
        "PutObject": ("S3", PUT_USD),
        "GetObject": ("S3", GET_USD),
        "HeadObject": ("S3", GET_USD),
        "SendMessageBatch": ("SQS", QUEUE_USD),
        "SendMessage": ("SQS", QUEUE_USD),
        "Publish": ("SNS", TOPIC_USD),
    }
)
_RECEIVED: Final = 2
"""Requests to a queue for each message that is received and deleted."""


def per_million(label: str, costs: Iterable[Cost], seconds: float) -> list[Figure]:
    """
    Return what a million events cost, by service.

    `costs`: of the invocations for one event. `seconds`: their processor time.
    """
    invocations = list(costs)
    calls: Counter[str] = sum((cost.calls for cost in invocations), Counter())
    units: Counter[str] = sum((cost.units for cost in invocations), Counter())
    usd: Counter[str] = Counter()
    requests: Counter[str] = Counter()
    for name, count in calls.items():
        if name in _SERVICES:
            service, price = _SERVICES[name]
            requests[service] += count
            usd[service] += count * price  # type: ignore[assignment]  # money
    requests["SQS"] += _RECEIVED * len(invocations)
    usd["SQS"] += _RECEIVED * len(invocations) * QUEUE_USD  # type: ignore[assignment]
    compute = seconds / SHARE * MEMORY_GB * GB_SECOND_USD
    table = units["read"] * READ_USD + units["written"] * WRITE_USD
    rows = {
        "DynamoDB": (f"{units['read']} M units read, {units['written']} M written", table),
        **{name: (f"{requests[name]} M requests", usd[name]) for name in sorted(requests)},
        "Lambda": (
            f"{len(invocations)} M requests, {seconds * 1000:.0f} ms of processor time for one",
            len(invocations) * INVOCATION_USD + compute,
        ),
    }
    total = sum(price for _, price in rows.values()) * MILLION
    details = "; ".join(
        f"{name} {price * MILLION:.1f} ({what})" for name, (what, price) in rows.items()
    )
    return [Figure(f"1,000,000 times: {label}", "", f"{total:.0f} USD: {details}")]
