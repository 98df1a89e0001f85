"""
The ports in memory: honest enough to pass the same contract tests as DynamoDB, S3 and SQS.

`tests/store/test_contracts.py` runs both through the same tests, so these cannot drift away.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from lib.models import (
    AnyReport,
    DeliveryCheck,
    Image,
    ImageIndex,
    LastScan,
    Message,
    NotReceived,
    Provenance,
    PullThroughCache,
    Receipt,
    RepositorySettings,
    Scan,
    ScanProgress,
    ScanSource,
    TagTarget,
    Usage,
    WakeUp,
)
from lib.ports.sources import ALL_THE_TIME, Fetching
from lib.ports.store import Progress


@dataclass
class Clock:
    """A clock that stands still until a test moves it."""

    moment: datetime = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, **delta: float) -> datetime:
        self.moment += timedelta(**delta)
        return self.moment


@dataclass
class MemoryTags:
    """See `TagStore`."""

    tags: dict[str, TagTarget] = field(default_factory=dict)

    def tag(self, image: Image) -> TagTarget | None:
        return self.tags.get(image.key)

    def point(self, image: Image, target: TagTarget) -> None:
        known = self.tags.get(image.key)
        if known is None or known.pushed_at <= target.pushed_at:
            self.tags[image.key] = target


@dataclass
class RecordingWaker:
    """Remembers who was woken and which events come back."""

    woken: list[WakeUp] = field(default_factory=list)
    revisits: list[tuple[Mapping[str, Any], int]] = field(default_factory=list)

    def wake(self, wake_ups: Iterable[WakeUp]) -> int:
        new = list(wake_ups)
        self.woken += new
        return len(new)

    def revisit(self, event: Mapping[str, Any], *, delay_seconds: int) -> None:
        self.revisits.append((event, delay_seconds))


@dataclass
class ScriptedRegistry:
    """Holds the given images, by repository; what it is told to raise, it raises when asked."""

    held: dict[str, list[Image | ImageIndex]] = field(default_factory=dict)
    scans: dict[str, LastScan] = field(default_factory=dict)
    """By digest; others were never scanned."""
    errors: dict[str, Exception] = field(default_factory=dict)
    """By repository or digest."""
    asked: list[str] = field(default_factory=list)
    """Repositories that were listed, and digests whose scans were asked for."""

    def repositories(self) -> Sequence[str]:
        return list(self.held)

    def images(self, repository: str, *, since: datetime) -> Sequence[Image | ImageIndex]:
        self._ask(repository)
        return [each for each in self.held[repository] if pushed_at(each) >= since]

    def last_scan(self, image: Image) -> LastScan:
        self._ask(image.digest)
        none = LastScan(ScanSource.ECR_BASIC, "SCAN_NOT_FOUND", ScanProgress.NONE)
        return self.scans.get(image.digest, none)

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if what in self.errors:
            raise self.errors[what]


NEVER = datetime.max.replace(tzinfo=UTC)


def pushed_at(unit: Image | ImageIndex) -> datetime:
    image = unit.image if isinstance(unit, ImageIndex) else unit
    return image.pushed_at or NEVER


@dataclass
class ScriptedRepositories:
    """Answers with the given settings, by name, or raises what stands there instead."""

    held: dict[str, RepositorySettings | Exception] = field(default_factory=dict)

    def repositories(self) -> Sequence[Image]:
        return [settings.image for settings in self._settings if settings.template is None]

    def templates(self) -> Sequence[Image]:
        return [settings.image for settings in self._settings if settings.template is not None]

    @property
    def _settings(self) -> Sequence[RepositorySettings]:
        return [answer for answer in self.held.values() if isinstance(answer, RepositorySettings)]

    def cache(self, repository: Image) -> PullThroughCache | None:
        answer = self.held.get(repository.repository)
        return answer.cache if isinstance(answer, RepositorySettings) else None

    def settings(self, repository: Image) -> RepositorySettings:
        answer = self.held[repository.repository]
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class RecordingScanEvents:
    """Remembers what was put on the queue of scan events."""

    queued: list[Mapping[str, Any]] = field(default_factory=list)

    def put(self, events: Sequence[Mapping[str, Any]]) -> None:
        self.queued += events


@dataclass
class ScriptedSource:
    """Answers with the given reports, or raises the given errors, in order; the last one stays."""

    answers: list[AnyReport | Exception]
    calls: int = 0
    announced: list[int | None] = field(default_factory=list)
    fetching: list[Fetching] = field(default_factory=list)
    described: list[Image] = field(default_factory=list)
    pushed_at: dict[str, datetime] = field(default_factory=dict)
    """When an image was pushed, by digest; others are as old as their first event."""
    described_as: Exception | None = None
    indexes: dict[str, ImageIndex] = field(default_factory=dict)
    """Which images are indexes, by digest."""
    asked_for_index: list[Image] = field(default_factory=list)
    tags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What the registry calls an image, by digest."""
    scanned: dict[str, AnyReport | Exception] = field(default_factory=dict)
    """Answers for single images, by digest, instead of those in order."""
    scans: list[tuple[str, str]] = field(default_factory=list)
    """Digest and status of each scan that was asked for."""

    def index(self, image: Image) -> ImageIndex | None:
        self.asked_for_index.append(image)
        return self.indexes.get(image.digest)

    def describe(self, image: Image) -> Image:
        self.described.append(image)
        if self.described_as is not None:
            raise self.described_as
        tags = image.tags or self.tags.get(image.digest, ())
        return replace(image, tags=tags, pushed_at=self.pushed_at.get(image.digest))

    def report(
        self,
        image: Image,
        scan: Scan,
        *,
        announced: int | None = None,
        fetching: Fetching = ALL_THE_TIME,
    ) -> AnyReport:
        self.fetching.append(fetching)
        self.announced.append(announced)
        self.scans.append((image.digest, scan.status))
        answer = self.scanned.get(image.digest)
        if answer is None:
            answer = self.answers[min(self.calls, len(self.answers) - 1)]
        self.calls += 1
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class MemoryProgress:
    """Keeps progress by numbered keys."""

    kept: dict[str, Progress] = field(default_factory=dict)

    def put(self, progress: Progress) -> str:
        key = f"progress/{len(self.kept)}"
        self.kept[key] = progress
        return key

    def get(self, key: str) -> Progress | None:
        return self.kept.get(key)


@dataclass
class ScriptedProvenances:
    """Says the same of every image, or raises the error."""

    answer: Provenance | Exception = field(default_factory=Provenance)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """Digest of each image, and of the one in it whose labels count."""

    def provenance(self, image: Image, member: str | None = None) -> Provenance:
        self.asked.append((image.digest, member))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@dataclass
class ScriptedNotifier:
    """Accepts everything, but raises the scripted errors first. Can be asked about a message."""

    errors: list[Exception] = field(default_factory=list)
    accepted: list[Any] = field(default_factory=list)
    calls: int = 0
    verdicts: list[DeliveryCheck] = field(default_factory=list)
    """Answers to `verify`; then it cannot tell."""
    asked: list[datetime] = field(default_factory=list)
    tried: list[datetime | None] = field(default_factory=list)
    """The last send before each question, as far as the caller knows it."""
    interval: float = 0.0
    threaded: bool = True

    def verify(
        self,
        alert: Message,  # noqa: ARG002  # the port's
        *,
        since: datetime,
        now: datetime,  # noqa: ARG002  # the port's
        thread: str | None = None,  # noqa: ARG002  # the port's
        tried_at: datetime | None = None,
    ) -> DeliveryCheck:
        self.asked.append(since)
        self.tried.append(tried_at)
        return self.verdicts.pop(0) if self.verdicts else NotReceived()

    def render(self, alert: Message, *, thread: str | None = None) -> Any:
        return {"alert": alert, "thread": thread}

    def plain(self, alert: Message, *, thread: str | None = None) -> Any:
        return {"plain": alert, "thread": thread}

    def usage(self, payload: Any) -> tuple[Usage, ...]:
        return (Usage("characters", len(str(payload)), 10_000),)

    def send(self, payload: Any) -> Receipt:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        self.accepted.append(payload)
        return Receipt(f"receipt-{len(self.accepted)}", thread="THREAD-1")


@dataclass
class ForgetfulNotifier:
    """Accepts everything after the scripted errors, and cannot be asked about a message."""

    errors: list[Exception] = field(default_factory=list)
    accepted: list[Any] = field(default_factory=list)
    interval: float = 0.0
    threaded: bool = False

    def render(self, alert: Message, *, thread: str | None = None) -> Any:
        return {"alert": alert, "thread": thread}

    def plain(self, alert: Message, *, thread: str | None = None) -> Any:
        return {"plain": alert, "thread": thread}

    def usage(self, payload: Any) -> tuple[Usage, ...]:
        return (Usage("characters", len(str(payload)), 10_000),)

    def send(self, payload: Any) -> Receipt:
        if self.errors:
            raise self.errors.pop(0)
        self.accepted.append(payload)
        return Receipt(f"receipt-{len(self.accepted)}")


@dataclass
class RotatedSecrets:
    """Secrets that were rotated, or were not, since they were read."""

    rotated: bool = False

    def read(self, reference: Mapping[str, str]) -> str:
        return next(iter(reference.values()))

    def renew(self) -> bool:
        return self.rotated
