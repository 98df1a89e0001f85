"""Rows about what is said: sizes at the limits, injections, and every error that Slack answers."""

import json
import re
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Any

from lib.models import Finding
from lib.models.views import RowState
from lib.store.documents import attributes
from lib.store.items import to_item
from lib.store.notifications import notification_row
from local.standins.wire import Answer
from tests.faults.matrix import FULL, row
from tests.faults.receivers import Asked, Step
from tests.faults.world import World
from tests.support.builders import a_finding, a_report, an_image
from tests.support.scenes import INJECTIONS

UNTAGGED = 2 * 3600.0
"""Seconds after which an image without a tag counts for certain."""
ITEM = 400_000
"""Bytes that DynamoDB takes in one item."""
WEBHOOKS = partial(World, kinds=("slack",))
SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNKNOWN")


@row("19", "images with 5,000 findings", 24, least=6)
def many_findings(world: World, volume: int) -> Iterator[str]:
    """Messages keep to the limits, and rows stay small: findings are in the report."""
    findings = [
        a_finding(
            f"CVE-2025-{number}",
            severity=SEVERITIES[number % 3],
            package=f"package-{number % 900}",
            fixed_version="2.0" if number % 2 else None,
        )
        for number in range(5_000)
    ]
    for number in range(volume):
        name = world.names[number % len(world.names)]
        image = an_image(number + 1, repository=f"{name}/app-{number}")
        world.scan(image, number * 2.0, report=a_report(*findings), to=(name,))
    world.run()
    sizes = [len(json.dumps(to_item(notification_row(row)))) for row in world.rows()]
    views = [view for stream in world.store.streams() for view in world.views(stream)]
    sizes += [sum(map(len, attributes(view).values())) for view in views]
    if max(sizes) > ITEM:
        yield f"a row of {max(sizes):,} bytes"
    yield from complaints(world)


def complaints(world: World) -> Iterator[str]:
    """Yield what receivers would complain about: pings, more than our own budget."""
    if world.receivers.warnings:
        yield f"{len(world.receivers.warnings)} complaints: {world.receivers.warnings[0]}"


def some_text(rng: Random, longest: int) -> str:
    """Return a text of any length in letters of any width."""
    alphabet = rng.choice(
        ("abc def", "äöü ß", "漢字", "\N{PILE OF POO}\N{GRINNING FACE}", "<&>*`_|")
    )
    return "".join(rng.choices(alphabet, k=rng.randint(1, longest)))


def some_findings(rng: Random, most: int) -> list[Finding]:
    """Return findings with texts and packages of any length; one is sure to be told."""
    return [
        a_finding(
            f"CVE-2025-{number}",
            severity="HIGH" if number == 0 else rng.choice(SEVERITIES),
            package=some_text(rng, rng.choice((8, 60, 300))),
            version=some_text(rng, 40),
            title=some_text(rng, rng.choice((10, 200, 3000))),
            description=some_text(rng, rng.choice((10, 200, 3000))),
            fixed_version=some_text(rng, 40) if rng.random() < 0.5 else None,
            exploit_available=rng.choice(("YES", "NO", None)),
        )
        for number in range(rng.randint(1, most))
    ]


def _scan_of_anything(world: World, number: int, most: int) -> None:
    name = world.names[number % len(world.names)]
    tags = tuple(some_text(world.random, 128) for _ in range(world.random.randint(0, 3)))
    image = an_image(number + 1, repository=f"{name}/app-{number}", tags=tags)
    report = a_report(*some_findings(world.random, most))
    world.scan(image, number / 2, report=report, to=(name,))


@row(
    "20",
    "SNS: subjects and bodies at their limits, of any letters",
    60,
    world=partial(World, kinds=("sns",)),
    least=12,
)
def topics_limits(world: World, volume: int) -> Iterator[str]:
    """The API takes each; what was cut says so."""
    cut = []
    world.receivers.watch = lambda _, payload: cut.append(payload["MessageAttributes"])
    for number in range(volume):
        _scan_of_anything(world, number, (3, 1500, 80)[number % 3])
    world.run(least=UNTAGGED)
    if not any("truncated" in each for each in cut):
        yield "nothing had to be cut"
    yield from complaints(world)


_SECTION = re.compile(r"\*[\w ,]+ \(([\d,]+)\)\*")
_MORE = re.compile(r"_and [\d,]+ more packages?: ([^_.]+)[_.]")
_PACKAGE = re.compile(r"[^\w\s*_] \*([^*]+)\*")
_AMOUNT = re.compile(r"([\d,]+) (?:[A-Z]+|unrated)")


def miscounted(payload: Any) -> Iterator[str]:
    """Yield the lists of a Slack message in which shown and counted do not make the total."""
    for block in payload.get("blocks", ()):
        text = block.get("text", {}).get("text", "")
        title = _SECTION.match(text)
        if title is not None:
            lines = filter(None, map(_PACKAGE.match, text.splitlines()))
            more = _MORE.search(text)
            counted = sum(_amount(line[1]) for line in lines) + (_amount(more[1]) if more else 0)
            if counted != _number(title[1]):
                yield f"{title[0]}: {counted}"


def _amount(text: str) -> int:
    """Return how many a line is about: "2 CRITICAL, 3 HIGH" five, a severity alone one."""
    return sum(map(_number, _AMOUNT.findall(text))) or 1


def _number(text: str) -> int:
    return int(text.replace(",", ""))


@row("21", "Slack: random changes of any number and size", FULL, world=WEBHOOKS)
def slack_limits(world: World, volume: int) -> Iterator[str]:
    """No payload over a limit, and no finding missing: shown and counted are all."""
    wrong: list[str] = []
    world.receivers.watch = lambda _, payload: wrong.extend(miscounted(payload))
    for number in range(volume):
        _scan_of_anything(world, number, world.random.choice((3, 40, 120)))
    world.run(least=UNTAGGED)
    if wrong:
        yield f"{len(wrong)} lists do not add up: {wrong[0]}"
    yield from complaints(world)


def _said(error: str) -> Answer:
    return Answer(200, json.dumps({"ok": False, "error": error}))


_GONE = (
    "account_inactive",
    "channel_not_found",
    "invalid_auth",
    "is_archived",
    "not_in_channel",
    "token_revoked",
)
_MALFORMED = ("invalid_blocks", "msg_blocks_too_long", "msg_too_long", "no_text")
_LATER = ("internal_error", "ratelimited", "service_unavailable")
ERRORS: tuple[tuple[Answer, int, bool], ...] = (
    *((_said(each), 1, False) for each in _GONE),
    *((_said(each), 2, False) for each in _MALFORMED),
    *((_said(each), 2, True) for each in _LATER),
    (Answer(400, "invalid_payload"), 2, False),
    (Answer(400, "user_not_found"), 2, False),
    (Answer(403, "action_prohibited"), 1, False),
    (Answer(403, "invalid_token"), 1, False),
    (Answer(404, "no_service"), 1, False),
    (Answer(404, "no_team"), 1, False),
    (Answer(410, "channel_is_archived"), 1, False),
)
"""What Slack says, how many calls that may cost, and whether the alert arrives in the end."""


@row(
    "22",
    "Slack: 200 with each of 13 errors, and 7 bodies of 400 to 410",
    len(ERRORS),
    dies=True,
    world=partial(World, kinds=("slack",), each=len(ERRORS)),
)
def slack_errors(world: World, volume: int) -> Iterator[str]:
    """Permanent ones cost one call, two where plainer may pass; the others come again."""
    answers = dict(zip(world.names, ERRORS, strict=True))
    asked: dict[str, int] = dict.fromkeys(world.names, 0)

    def answer(call: Asked) -> Step | None:
        if call.receiver != "slack":
            return None
        said, _, passes = answers[call.destination]
        asked[call.destination] += 1
        return None if passes and asked[call.destination] > 1 else said

    world.receivers.plans.append(answer)
    world.push(max(volume, len(ERRORS)))
    world.run()
    states = {row.destination: row.state for row in world.rows() if not row.is_one_shot}
    for name, (said, calls, passes) in answers.items():
        wanted = RowState.SENT if passes else RowState.DEAD
        if states.get(name) is not wanted or asked[name] > calls:
            yield f"{said.status} {said.body}: {states.get(name)} after {asked[name]} calls"


@row("23", "names, tags and texts that would be markup or commands", 200)
def injections(world: World, volume: int) -> Iterator[str]:
    """They are shown as text; nobody is pinged, no link is made of them."""
    for number in range(volume):
        name = world.names[number % len(world.names)]
        text = INJECTIONS[number % len(INJECTIONS)]
        also = world.random.choice(INJECTIONS)
        image = an_image(number + 1, repository=f"{name}/app-{number}", tags=(text, also))
        finding = a_finding(
            f"CVE-2025-{number} {also}"[:200],
            package=text or "-",
            version=also,
            title=text,
            description=also,
            fixed_version=text or None,
        )
        world.scan(image, number / 2, report=a_report(finding), to=(name,))
    world.run()
    yield from complaints(world)


ROWS = (many_findings, topics_limits, slack_limits, slack_errors, injections)
