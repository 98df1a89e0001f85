"""
A story: rules, and what happens to images, step by step; and what must come of it. Pure.

The format is `schemas/story-1.0.0.json`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Final

from lib.models import Json

_RESULT: Final = ("ACTIVE", "COMPLETE")
"""The words of the two scanners for a scan with a result."""
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST: Final = timedelta(days=3660)
_DURATION: Final = re.compile(r"(\d+)([smhd])")


@dataclass(frozen=True, slots=True)
class PackageForm:
    """A vulnerable package of a row."""

    package: str
    version: str
    fixed: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class FindingForm:
    """The short form of a row of the scanner."""

    id: str
    severity: str
    packages: tuple[PackageForm, ...]
    manager: str = "OS"
    aliases: tuple[str, ...] = ()
    exploit: bool = False
    status: str = "ACTIVE"


class Notice(StrEnum):
    """When the event of a scan comes."""

    ON_TIME = "on-time"
    LATE = "late"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class PartAnswer:
    """The scanner's answer about an image, alone or in an index."""

    findings: tuple[FindingForm, ...] = ()
    status: str | None = None
    """Of a scan without a result; None: it has one."""
    reason: str | None = None
    notice: Notice = Notice.ON_TIME
    delay: timedelta = timedelta()
    """How much later the event comes."""
    announced: Mapping[str, int] | None = None
    """What the event counts, by severity, where that is more than is listed yet."""


@dataclass(frozen=True, slots=True)
class ScanAnswer:
    """The scan of a pushed image."""

    scanner: str
    """basic or enhanced."""
    parts: Mapping[str, PartAnswer]
    """By platform; "" alone for an image that is no index."""


@dataclass(frozen=True, slots=True)
class ImageName:
    """An image as a story names it: a word for its digest; the repository where it is needed."""

    word: str
    repository: str | None = None
    account: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Push:
    """An image is pushed with tags, and scanned unless `scan` is None."""

    image: ImageName
    tags: tuple[str, ...]
    scan: ScanAnswer | None


@dataclass(frozen=True, slots=True)
class TagPush:
    """Tags are given to an image that is there."""

    image: ImageName
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rescan:
    """The scanner's answer changes; events tell of it unless they are lost, or none are sent."""

    image: ImageName
    parts: Mapping[str, PartAnswer]
    events: bool
    """Whether `Inspector2 Finding` events come for the differences."""


@dataclass(frozen=True, slots=True)
class InUse:
    """Inspector counts from now on how many tasks and pods run an image."""

    image: ImageName
    count: int


@dataclass(frozen=True, slots=True)
class DeployRules:
    """Deploys another alerts.yml."""

    text: str


@dataclass(frozen=True, slots=True)
class Delete:
    """An image is deleted, some tags of it, or a whole repository."""

    image: ImageName
    """Without a word: its repository."""
    tags: tuple[str, ...] = ()
    """Which tags of the image; none: the image itself."""


@dataclass(frozen=True, slots=True)
class Move:
    """An image is moved to the archive of ECR, or restored from it."""

    image: ImageName
    archived: bool


class Health(StrEnum):
    """How a receiver answers."""

    UP = "up"
    DOWN = "down"
    LOSES_ANSWERS = "loses-answers"


@dataclass(frozen=True, slots=True)
class ReceiverChange:
    """A receiver answers differently from now on."""

    name: str
    health: Health


@dataclass(frozen=True, slots=True)
class Redrive:
    """The operator sends dead notifications again."""


@dataclass(frozen=True, slots=True)
class Pass:
    """Only time passes."""


Action = (
    Push | TagPush | Rescan | InUse | DeployRules | Delete | Move | ReceiverChange | Redrive | Pass
)


@dataclass(frozen=True, slots=True)
class Expectation:
    """A notification that a story expects."""

    to: str
    kinds: Mapping[str, frozenset[str]]
    """By kind in lower case the ids of vulnerabilities; of conditions the parts, or "*"."""
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class ViewExpectation:
    """The items of a view at the end of a story."""

    to: str
    stream: str
    """The repository, and after a blank the pattern where there is one."""
    ids: frozenset[str] | None
    """None: a story states the incident alone."""
    incident: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A step: time passes, then something happens."""

    number: int
    after: timedelta
    action: Action
    notified: tuple[Expectation, ...] | None
    """None: the step is not checked."""


@dataclass(frozen=True, slots=True)
class Story:
    """A whole story."""

    title: str
    start: datetime
    account: str
    region: str
    rules: str
    steps: tuple[Step, ...]
    messages: tuple[Expectation, ...] | None
    views: tuple[ViewExpectation, ...]


VERBS: Final = (
    "push",
    "tag",
    "rescan",
    "answer",
    "in_use",
    "rules",
    "delete",
    "archive",
    "restore",
    "receiver",
    "redrive",
    "pass",
)
"""What can happen in a step."""


def duration(text: str) -> timedelta:
    """Return the time in a text such as "90s", "5m", "3h" or "2d". Raises `ValueError`."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no time such as 90s, 5m, 3h or 2d")
    amount = int(match[1]) * timedelta(**{_UNITS[match[2]]: 1}).total_seconds()
    if amount > _LONGEST.total_seconds():
        raise ValueError(f"{text!r} is more than ten years")
    return timedelta(seconds=amount)


def parse_story(document: Mapping[str, Json]) -> Story:
    """
    Return the story of a document that its schema accepts.

    Raises `StoryError` for names that are used and not defined.
    """
    forms = {name: _finding(entry) for name, entry in (document.get("findings") or {}).items()}
    reader = _Reader(forms)
    return Story(
        title=document["title"],
        start=_start(str(document["start"])),
        account=document["account"],
        region=document["region"],
        rules=document["rules"],
        steps=tuple(
            [reader.step(number, entry) for number, entry in enumerate(document["steps"], start=1)]
        ),
        messages=_expected(document["messages"]) if "messages" in document else None,
        views=tuple(_views(document.get("open") or {})),
    )


def _start(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError as error:
        raise StoryError(f"start: {text} is no time: {error}", ("start",)) from error


class StoryError(ValueError):
    """A story contradicts itself; `path` leads to the place in its document."""

    def __init__(self, message: str, path: tuple[str | int, ...]) -> None:
        super().__init__(message)
        self.path = path


def _finding(entry: Mapping[str, Json]) -> FindingForm:
    rows = entry.get("packages") or [entry]
    return FindingForm(
        id=entry["id"],
        severity=entry["severity"],
        packages=tuple([_package(row) for row in rows]),
        manager=entry.get("manager", "OS"),
        aliases=tuple(entry.get("aliases", ())),
        exploit=entry.get("exploit", False),
        status=entry.get("status", "ACTIVE"),
    )


def _package(row: Mapping[str, Json]) -> PackageForm:
    fixed, path = row.get("fixed"), row.get("path")
    return PackageForm(
        row["package"], str(row["version"]), None if fixed is None else str(fixed), path
    )


class _Reader:
    """Reads steps, which name findings by their short names."""

    def __init__(self, forms: Mapping[str, FindingForm]) -> None:
        self._forms = forms
        self._path: tuple[str | int, ...] = ()

    def step(self, number: int, entry: Mapping[str, Json]) -> Step:
        self._path = ("steps", number - 1)
        expected = entry.get("notified")
        return Step(
            number=number,
            after=self._duration(entry, "after"),
            action=self._action(entry),
            notified=None if expected is None else _expected(expected),
        )

    def _action(self, entry: Mapping[str, Json]) -> Action:
        verb = next(verb for verb in VERBS if verb in entry)
        return self._readers[verb](entry[verb], entry)

    @cached_property
    def _readers(self) -> Mapping[str, Callable[[Json, Mapping[str, Json]], Action]]:
        return {
            "push": self._push,
            "tag": lambda tag, _: TagPush(_image(tag), tuple(map(str, tag["tags"]))),
            "rescan": lambda answer, _: Rescan(
                _image(answer), self._parts(answer), answer.get("event") != "lost"
            ),
            "answer": lambda answer, _: Rescan(_image(answer), self._parts(answer), events=False),
            "in_use": lambda used, _: InUse(_image(used), used["count"]),
            "rules": lambda text, _: DeployRules(text),
            "delete": lambda deleted, _: Delete(
                _image({"image": "", **deleted}),
                tuple(map(str, deleted.get("tags", ()))),
            ),
            "archive": lambda moved, _: Move(_image(moved), archived=True),
            "restore": lambda moved, _: Move(_image(moved), archived=False),
            "receiver": lambda receiver, _: ReceiverChange(
                receiver["name"], Health(receiver["is"])
            ),
            "redrive": lambda _, __: Redrive(),
            "pass": lambda _, __: Pass(),
        }

    def _push(self, push: Json, entry: Mapping[str, Json]) -> Push:
        scan = self._scan(entry["scan"]) if "scan" in entry else None
        return Push(_image(push), tuple(map(str, push.get("tags", ()))), scan)

    def _scan(self, entry: Mapping[str, Json]) -> ScanAnswer:
        return ScanAnswer(entry.get("scanner", "enhanced"), self._parts(entry))

    def _parts(self, entry: Mapping[str, Json]) -> Mapping[str, PartAnswer]:
        if "parts" in entry and entry.get("findings"):
            raise StoryError("findings stand in the parts of an index, not beside them", self._path)
        if "parts" in entry:
            return {name: self._part(part or {}) for name, part in entry["parts"].items()}
        return {"": self._part(entry)}

    def _part(self, entry: Mapping[str, Json]) -> PartAnswer:
        has_result = "findings" in entry and entry.get("status") in _RESULT
        return PartAnswer(
            findings=tuple([self._form(name) for name in entry.get("findings", ())]),
            status=None if has_result else entry.get("status"),
            reason=entry.get("reason"),
            notice=Notice(entry.get("event", "on-time")),
            delay=self._duration(entry, "delay"),
            announced=entry.get("announced"),
        )

    def _duration(self, entry: Mapping[str, Json], key: str) -> timedelta:
        if key not in entry:
            return timedelta()
        try:
            return duration(entry[key])
        except ValueError as error:
            raise StoryError(f"{key}: {error}", self._path) from error

    def _form(self, name: str) -> FindingForm:
        form = self._forms.get(name)
        if form is None:
            names = ", ".join(self._forms) or "none"
            raise StoryError(f"no finding is called {name!r}; there are: {names}", self._path)
        return form


def _image(entry: Mapping[str, Json]) -> ImageName:
    return ImageName(
        str(entry["image"]), entry.get("repository"), entry.get("account"), entry.get("region")
    )


_CONDITIONS: Final = frozenset({"scan_failed", "not_scanned", "monitoring_ended"})


def _expected(entries: Iterable[Mapping[str, Json]]) -> tuple[Expectation, ...]:
    return tuple(
        [
            Expectation(
                to=entry["to"],
                kinds={
                    kind: _ids(kind, value)
                    for kind, value in entry.items()
                    if kind not in ("to", "quiet") and value not in (False, [])
                },
                quiet=entry.get("quiet", False),
            )
            for entry in entries
        ]
    )


def _ids(kind: str, value: Json) -> frozenset[str]:
    if kind in _CONDITIONS and value is True:
        return frozenset("*")
    return frozenset(map(str, value))


def _views(entry: Mapping[str, Json]) -> Iterable[ViewExpectation]:
    for destination, streams in entry.items():
        for stream, view in streams.items():
            ids, incident = view, None
            if isinstance(view, Mapping):
                ids, incident = view.get("ids"), view.get("incident")
            named = None if ids is None else frozenset(ids)
            yield ViewExpectation(destination, stream, named, incident)
