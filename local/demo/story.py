"""
What happens in `make demo`: images pushed one after the other, and who must hear of each.

The findings are real ones; local/recordings/ names where each comes from.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lib.models import DeliveryState
from local.aws.process import ATTESTATION
from local.demo.app import App, Row

RECORDINGS: Final = Path(__file__).parents[1] / "recordings"


@dataclass(frozen=True, slots=True)
class Scene:
    """One push: what its scan finds, what there is to see, and which destinations are told."""

    repository: str
    tag: str | None
    recording: str
    shows: str
    told: frozenset[str]
    platforms: tuple[str, ...] = ()
    """Of an index: there is a recording for each, by its processor."""
    commit: str | None = None
    """What its labels say that it was made from; without one, it has none."""

    @property
    def recordings(self) -> tuple[str, ...]:
        """What its scan finds, or the scans of its platforms."""
        if not self.platforms:
            return (self.recording,)
        return tuple(f"{self.recording}-{each.rpartition('/')[2]}" for each in self.platforms)

    @property
    def labels(self) -> Mapping[str, str]:
        """Those that a build of its commit gives it."""
        if self.commit is None:
            return {}
        name = self.repository.replace("/", "-")
        return {
            "org.opencontainers.image.revision": self.commit,
            "org.opencontainers.image.source": f"https://github.com/example/{name}",
        }

    @property
    def image(self) -> str:
        """What people call the image."""
        return f"{self.repository}:{self.tag}" if self.tag else f"{self.repository} (no tag)"


_EVERYBODY: Final = frozenset({"security-mail", "audit-topic", "inventory-webhook"})
_PAYMENTS: Final = _EVERYBODY | {"payments-slack", "security-jira"}
_STOREFRONT: Final = _EVERYBODY | {"platform-slack/C0STOREFRONT", "security-jira", "on-call"}
_PLATFORM: Final = _EVERYBODY | {"platform-slack"}

STORY: Final = (
    Scene(
        "payments/api",
        "1.4.1",
        "payments-api-1.4.1",
        "basic scan, the first of its stream; one finding is suppressed",
        _PAYMENTS,
        commit="4d5e6f708192a3b4c5d6e7f8091a2b3c4d1a2b3c",
    ),
    Scene(
        "payments/api",
        "1.4.2",
        "payments-api-1.4.2",
        "compared with 1.4.1: what is new, what is resolved, and which commits are between them",
        _PAYMENTS,
        commit="1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d",
    ),
    Scene(
        "web/storefront",
        "3.2.0",
        "web-storefront-3.2.0",
        "enhanced scan: what to upgrade, from and to",
        _STOREFRONT,
    ),
    Scene(
        "web/storefront",
        "3.2.1",
        "web-storefront-3.2.1",
        "one upgrade done, one exploitable finding new: a reply in Slack, a comment in Jira",
        _STOREFRONT,
    ),
    Scene(
        "edge/gateway",
        "1.0.0",
        "edge-gateway-1.0.0",
        "two platforms and an attestation: one message, with a line for each platform",
        _PLATFORM,
        ("linux/amd64", "linux/arm64"),
    ),
    Scene(
        "ml/trainer",
        "2.6.0",
        "ml-trainer-2.6.0",
        "141 findings in two pages; Slack is told of the critical ones",
        _PLATFORM | {"on-call"},
    ),
    Scene(
        "legacy/batch",
        "2.0.0",
        "legacy-batch-2.0.0",
        "a failed scan is not an all-clear, but an incident of its own",
        _PLATFORM | {"on-call"},
    ),
    Scene(
        "tools/backup",
        None,
        "tools-backup-untagged",
        "an untagged image goes by its digest",
        _EVERYBODY,
    ),
)


def recording(name: str) -> Mapping[str, Any]:
    """Return a recorded scan: a DescribeImageScanFindings document, all pages."""
    document: Mapping[str, Any] = json.loads((RECORDINGS / f"{name}.json").read_text("utf-8"))
    return document


def create_repositories(app: App, scenes: Iterable[Scene] = STORY) -> None:
    """Create the repositories of a story, with scan on push and tags that stay."""
    for repository in dict.fromkeys(scene.repository for scene in scenes):
        app.aws.client("ecr").create_repository(
            repositoryName=repository,
            imageScanningConfiguration={"scanOnPush": True},
            imageTagMutability="IMMUTABLE",
        )


def play(app: App, scene: Scene) -> str:
    """Push the image of a scene, wait until everybody has heard of it, and return its digest."""
    if scene.platforms:
        digest = _push_platforms(app, scene)
    else:
        found = recording(scene.recording)
        digest = app.aws.push(scene.repository, scene.tag, found, labels=scene.labels)
    app.wait_until_quiet()
    return digest


def _push_platforms(app: App, scene: Scene) -> str:
    """Push the images of an index, what describes them, and the index, as builders do."""
    images = {
        app.aws.push(scene.repository, None, recording(name), content=name): platform
        for name, platform in zip(scene.recordings, scene.platforms, strict=True)
    }
    unsupported = {"imageScanStatus": {"status": "UNSUPPORTED_IMAGE"}}
    described = app.aws.push(scene.repository, None, unsupported, content="attestation")
    members = {**images, described: ATTESTATION}
    return app.aws.push_index(scene.repository, scene.tag, members)


def repeat(app: App, scene: Scene, digest: str) -> int:
    """Deliver the event of a scene once more; return how many messages that made (0)."""
    before = len(app.receivers.messages())
    app.aws.repeat_event(scene.repository, digest)
    app.wait_until_quiet()
    return len(app.receivers.messages()) - before


def told(rows: Iterable[Row], digest: str) -> frozenset[str]:
    """Return the destinations that took a message about an image."""
    return frozenset(
        row.destination
        for row in rows
        if row.image.endswith(digest) and row.state is DeliveryState.SENT
    )
