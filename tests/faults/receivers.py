"""
The receivers in virtual time: the stand-ins of `local/standins`, without sockets.

They are called through the real HTTP client and the real SNS publisher. Faults are plans: each is
asked at every request, and says how to answer or leaves it to the next.
"""

import io
import json
import math
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from botocore import exceptions as aws
from botocore.exceptions import ClientError
from requests import exceptions as http
from requests.adapters import BaseAdapter
from urllib3.exceptions import (
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
)

from lib.http_client import LIMITS
from lib.notifiers.sns.notifier import MAX_BYTES
from local.standins.jira import JiraStandIn
from local.standins.pagerduty import PagerDutyStandIn
from local.standins.slack import SlackStandIn
from local.standins.slack_api import SlackApiStandIn
from local.standins.sns import SnsStandIn
from local.standins.webhook import WebhookStandIn
from local.standins.wire import Answer, Call, Kind, Outcome
from tests.faults.simulation import Simulation
from tests.support.answers import an_answer

SLACK = "https://hooks.slack.com"
MAX_SUBJECT = 100
BOT_API = "slack.com"
CHANNEL = "C0BOT0"
"""A bot's channel, without its number."""
HOOK_HOST = "hooks.example.com"
PAGER_HOST = "events.pagerduty.com"
LATENCY = {
    "slack": 0.25,
    "bot": 0.25,
    "jira": 0.35,
    "pagerduty": 0.2,
    "sns": 0.03,
    "webhook": 0.1,
}
"""Seconds that a request takes, about, by kind of receiver."""

_DELIVERY = re.compile(r'(?:Delivery|delivery_id)"?:? "?([0-9a-f]{32})')
_NAMED = re.compile(r"CVE-\d{4}-\d+")
_OWN = (Kind.POSTED, Kind.CREATED, Kind.COMMENTED, Kind.NOTIFIED)
"""What a person sees as a message; edits and transitions of an issue are not."""
_ALL_OWN = "pagerduty"
"""Here an alert may add to an incident, or close it."""


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer comes back: why, after how long, and whether the request was acted on."""

    why: str
    """refused, unknown-name, tls, reset or timeout."""
    accepts: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Slow:
    """The normal answer, late."""

    seconds: float
    in_body: bool = False
    """Status and headers come at once, the body a byte at a time."""


Step = Answer | Lost | Slow
SILENCE = Lost("timeout", seconds=LIMITS.call)
SILENCE_AFTER_ACCEPT = Lost("timeout", accepts=True, seconds=LIMITS.call)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, as the receivers' log keeps it and a plan sees it."""

    receiver: str
    destination: str
    seconds: float
    writes: bool
    """False where something is only asked for: an issue, its comments, a search."""
    path: str
    labels: bool
    """Whether labels are to be set."""


Plan = Callable[[Asked], Step | None]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message at a receiver: of which delivery, when, and whether it says it may be a repeat."""

    delivery: str
    receiver: str
    destination: str
    place: str
    kind: Kind
    seconds: float
    marked: bool
    names: frozenset[str]
    """The vulnerabilities that it names."""


@dataclass
class Receivers:
    """All receivers, their log, and the faults to play."""

    simulation: Simulation
    random: random.Random
    plans: list[Plan] = field(default_factory=list)
    observers: list[Callable[[Asked], object]] = field(default_factory=list)
    """Called with each request before its plan is made."""
    accepted: list[Accepted] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    by_delivery: dict[str, list[Accepted]] = field(default_factory=lambda: defaultdict(list))
    unanswered: int = 0
    """Messages that were accepted without saying so."""
    warnings: list[str] = field(default_factory=list)
    """What a person at the receiver would complain about: pings, texts over our own budget."""

    def __post_init__(self) -> None:
        self.slack = SlackStandIn()
        self.jira = JiraStandIn(lambda: self.simulation.seconds)
        self.bot = SlackApiStandIn(lambda: self.simulation.now().timestamp())
        self.hooks = WebhookStandIn(lambda: self.simulation.now().timestamp())
        self.pagerduty = PagerDutyStandIn()
        self._stand_ins: dict[str, Any] = {
            "slack": self.slack,
            "bot": self.bot,
            "jira": self.jira,
            "pagerduty": self.pagerduty,
            "sns": SnsStandIn(visit=lambda _: None),
            "webhook": self.hooks,
        }
        self.secrets: dict[str, str] = {
            "ecr-scan-alerts/jira": json.dumps(
                {"email": self.jira.email, "token": self.jira.token}
            ),
            "ecr-scan-alerts/bot": self.bot.token,
            "ecr-scan-alerts/signing": self.hooks.secret,
        }
        self._played: set[Plan] = set()
        self.watch: Callable[[str, Any], object] = lambda *_: None
        """Called with everything that is accepted, for rows that look at the content."""
        self.step_in: Callable[[str], None] = lambda _: None
        """Called before and after each request; may end the caller."""

    def webhook(self, channel: str) -> None:
        """Keep the webhook of a channel as a secret of its name."""
        self.secrets[f"ecr-scan-alerts/{channel}"] = SLACK + self.slack.webhook(channel)

    def integration(self, name: str) -> None:
        """Keep the key of an integration as a secret of its name."""
        self.secrets[f"ecr-scan-alerts/{name}"] = self.pagerduty.routing_key(name)

    def hook(self, name: str) -> None:
        """Keep the address of a webhook's receiver as a secret of its name."""
        self.secrets[f"ecr-scan-alerts/{name}"] = f"https://{HOOK_HOST}{self.hooks.path(name)}"

    def answer(
        self, receiver: str, destination: str, call: Call, *, patience: float = math.inf
    ) -> "Answer | Lost | Dripping":
        """
        Answer one request, or say in which way it gets no answer. Takes its time.

        `patience`: the seconds after which the caller gives up.
        """
        end = self.simulation.seconds + patience
        latency = LATENCY[receiver] * self.random.uniform(0.6, 1.4) / 2
        self.step_in("before receiver.send")
        self.simulation.sleep(latency)
        asked = Asked(
            receiver,
            destination,
            self.simulation.seconds,
            writes=_writes(call),
            path=call.path,
            labels=b'"labels"' in call.body,
        )
        self.asked.append(asked)
        for observer in self.observers:
            observer(asked)
        step = next(filter(None, (self._ask(plan, asked) for plan in self.plans)), None)
        answer: Answer | Lost | None = step if isinstance(step, Answer | Lost) else None
        if answer is None or answer.accepts:
            outcome = self._stand_ins[receiver].handle(call)
            self._keep(receiver, destination, outcome)
            self.unanswered += answer is not None and outcome.accepted is not None
            answer = answer or outcome.answer
        self.step_in("after receiver.send")
        late = isinstance(step, Slow) and step.seconds > patience
        self.unanswered += late and outcome.accepted is not None
        if isinstance(step, Slow) and step.in_body and isinstance(answer, Answer):
            return Dripping(answer, step.seconds, end)
        seconds = step.seconds if isinstance(step, Lost | Slow) else latency
        left = end - self.simulation.seconds
        self.simulation.sleep(min(seconds, left))
        return answer if seconds <= left else Lost("timeout")

    def _ask(self, plan: Plan, asked: Asked) -> Step | None:
        step = plan(asked)
        if step is not None:
            self._played.add(plan)
        return step

    def missing_faults(self) -> Iterator[str]:
        """Yield the plans by which nothing ever happened."""
        for number, plan in enumerate(self.plans, 1):
            if plan not in self._played:
                yield f"plan {number} of the receivers was never played"

    def calls(self, *receivers: str) -> int:
        """Count requests, whatever became of them."""
        return sum(not receivers or each.receiver in receivers for each in self.asked)

    def _keep(self, receiver: str, destination: str, outcome: Outcome) -> None:
        draft = outcome.accepted
        if draft is None:
            return
        self.warnings += [each.text for each in draft.notes if each.warning]
        if draft.kind not in _OWN and receiver != _ALL_OWN:
            return
        self.watch(receiver, draft.payload)
        text = json.dumps(draft.payload)
        accepted = Accepted(
            delivery=delivery_of(draft.payload),
            receiver=receiver,
            destination=destination,
            place=draft.destination,
            kind=draft.kind,
            seconds=self.simulation.seconds,
            marked="may be a repeat" in text,
            names=frozenset(_NAMED.findall(text)),
        )
        self.accepted.append(accepted)
        self.by_delivery[accepted.delivery].append(accepted)


def delivery_of(payload: Any) -> str:
    """Return the id of the delivery that a message names, or an empty text."""
    if "specversion" in payload:
        return str(payload["id"])
    attribute = payload.get("MessageAttributes", {}).get("delivery_id")
    if attribute is not None:
        return str(attribute["Value"])
    found = _DELIVERY.search(json.dumps(payload))
    return found[1] if found else ""


# --- over HTTP --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dripping:
    """An answer whose body takes so many seconds, of which the caller waits until `end`."""

    answer: Answer
    seconds: float
    end: float


class DrippingBody(io.BytesIO):
    """The body of an answer, a byte at a time."""

    def __init__(self, dripping: Dripping, simulation: Simulation) -> None:
        content = dripping.answer.body.encode()
        super().__init__(content)
        self._gap = dripping.seconds / max(len(content), 1)
        self._end = dripping.end
        self._simulation = simulation

    def read1(self, size: int | None = -1, /) -> bytes:
        """Return the next byte, or raise what a socket raises when there is no time left."""
        if size:
            self._simulation.sleep(min(self._gap, self._end - self._simulation.seconds))
        if self._simulation.seconds >= self._end:
            raise TimeoutError("timed out")
        return super().read1(1)


class Transport(BaseAdapter):
    """What `requests` sends through instead of a socket."""

    def __init__(self, receivers: Receivers) -> None:
        super().__init__()
        self._receivers = receivers

    def send(  # type: ignore[override]  # the rest of its options concerns sockets
        self, request: requests.PreparedRequest, *, timeout: tuple[float, float], **_: Any
    ) -> requests.Response:
        """Answer a request, or raise what `requests` raises."""
        parts = urlsplit(str(request.url))
        call = Call(
            method=str(request.method),
            path=parts.path,
            query=dict(parse_qsl(parts.query)),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=request.body if isinstance(request.body, bytes) else b"",
        )
        host = str(parts.hostname)
        if host == urlsplit(SLACK).hostname:
            receiver, destination = "slack", self._receivers.slack.destination(call)
        elif host == BOT_API:
            channel = self._receivers.bot.destination(call)
            receiver, destination = "bot", f"bot-{channel.removeprefix(CHANNEL)}"
        elif host == PAGER_HOST:
            receiver, destination = "pagerduty", self._receivers.pagerduty.integration(call)
        elif host == HOOK_HOST:
            receiver, destination = "webhook", self._receivers.hooks.destination(call)
        else:
            receiver, destination = "jira", host.partition(".")[0]
        answer = self._receivers.answer(receiver, destination, call, patience=timeout[1])
        if isinstance(answer, Lost):
            raise _no_answer(answer, request)
        if isinstance(answer, Dripping):
            body = DrippingBody(answer, self._receivers.simulation)
            response = an_answer(answer.answer.status, body, answer.answer.headers)
        else:
            response = an_answer(answer.status, answer.body.encode(), answer.headers)
        response.request, response.url = request, str(request.url)
        return response

    def close(self) -> None:
        """Nothing is open."""


def _no_answer(lost: Lost, request: requests.PreparedRequest) -> http.RequestException:
    pool: Any = None
    host = str(urlsplit(str(request.url)).hostname)
    match lost.why:
        case "refused":
            cause: Any = NewConnectionError(pool, "Connection refused")
            return http.ConnectionError(_MaxRetryError(cause), request=request)
        case "unknown-name":
            cause = NameResolutionError(host, pool, OSError("Name or service not known"))
            return http.ConnectionError(_MaxRetryError(cause), request=request)
        case "tls":
            return http.SSLError("certificate verify failed", request=request)
        case "reset":
            reset = ProtocolError("Connection aborted.", ConnectionResetError(104, "reset"))
            return http.ConnectionError(reset, request=request)
        case _:
            return http.ReadTimeout(ReadTimeoutError(pool, host, "timed out"), request=request)


class _MaxRetryError(Exception):
    """What urllib3's own is to `requests`: it carries the reason."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(reason)
        self.reason = reason


# --- SNS --------------------------------------------------------------------------------------


class Topics:
    """A client of SNS: strict about sizes and characters, as the API is."""

    def __init__(self, receivers: Receivers) -> None:
        self._receivers = receivers

    def publish(self, *, TopicArn: str, **request: Any) -> Mapping[str, str]:  # noqa: N803  # boto3's
        """Publish, or raise what boto3 raises."""
        for problem in _publish_problems(request):
            raise _client_error("InvalidParameter", problem, HTTPStatus.BAD_REQUEST)
        name = TopicArn.rpartition(":")[2]
        attributes = {
            key: {"Type": each["DataType"], "Value": each["StringValue"]}
            for key, each in request["MessageAttributes"].items()
        }
        notification = {
            "Type": "Notification",
            "TopicArn": TopicArn,
            "Subject": request["Subject"],
            "Message": request["Message"],
            "MessageAttributes": attributes,
        }
        call = Call("POST", f"/sns/{name}", {}, {}, json.dumps(notification).encode())
        answer = self._receivers.answer("sns", name, call)
        if isinstance(answer, Lost):
            raise _no_sns(answer)
        if answer.status != HTTPStatus.OK:
            code = _SNS_CODES.get(answer.status, "AuthorizationError")
            raise _client_error(code, answer.body or "no", HTTPStatus(answer.status))
        return {"MessageId": f"published-{len(self._receivers.asked)}"}


_SNS_CODES = {
    HTTPStatus.BAD_REQUEST: "InvalidParameter",
    HTTPStatus.TOO_MANY_REQUESTS: "Throttled",
    HTTPStatus.INTERNAL_SERVER_ERROR: "InternalFailure",
    HTTPStatus.SERVICE_UNAVAILABLE: "ServiceUnavailable",
}


def _publish_problems(request: Mapping[str, Any]) -> Iterator[str]:
    subject, body = request["Subject"], request["Message"].encode()
    if not (0 < len(subject) <= MAX_SUBJECT and subject.isascii() and subject.isprintable()):
        yield "Subject"
    size = len(body) + sum(
        len((name + each["DataType"] + each["StringValue"]).encode())
        for name, each in request["MessageAttributes"].items()
    )
    if not body or size > MAX_BYTES:
        yield "Message too long or empty"
    if not all(each["StringValue"] for each in request["MessageAttributes"].values()):
        yield "an empty attribute"


def _client_error(code: str, text: str, status: HTTPStatus) -> ClientError:
    said: Any = {
        "Error": {"Code": code, "Message": text},
        "ResponseMetadata": {"HTTPStatusCode": int(status)},
    }
    return ClientError(said, "Publish")


def _no_sns(lost: Lost) -> aws.BotoCoreError:
    url = "https://sns.eu-central-1.amazonaws.com"
    match lost.why:
        case "refused" | "unknown-name":
            return aws.EndpointConnectionError(endpoint_url=url)
        case "tls":
            return aws.SSLError(endpoint_url=url, error="certificate verify failed")
        case "reset":
            return aws.ConnectionClosedError(endpoint_url=url)
        case _:
            return aws.ReadTimeoutError(endpoint_url=url)


# --- plans ------------------------------------------------------------------------------------


def sometimes(chance: float, step: Step | Callable[[Asked], Step], rng: random.Random) -> Plan:
    """Play a step for a part of the requests."""
    return lambda asked: _step(step, asked) if rng.random() < chance else None


def during(begin: float, end: float, plan: Plan) -> Plan:
    """Play a plan for a while, in seconds since the start."""
    return lambda asked: plan(asked) if begin <= asked.seconds < end else None


def at(where: str, plan: Plan) -> Plan:
    """Play a plan at one receiver ("jira") or one destination ("slack-1")."""
    return lambda asked: plan(asked) if where in (asked.receiver, asked.destination) else None


def writing(plan: Plan) -> Plan:
    """Play a plan only where something is written."""
    return lambda asked: plan(asked) if asked.writes else None


def always(step: Step | Callable[[Asked], Step]) -> Plan:
    """Play a step for every request."""
    return lambda asked: _step(step, asked)


def _step(step: Step | Callable[[Asked], Step], asked: Asked) -> Step:
    return step(asked) if callable(step) else step


def _writes(call: Call) -> bool:
    return call.method != "GET" and not call.path.endswith("/search/jql")
