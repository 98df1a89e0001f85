"""
The story of `make demo`: images pushed in order, and the destinations that have to be notified.

The findings are real; local/recordings/ names their origins.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from lib.models.views import RowState
from local.aws.ecr_scanning import ENHANCED
from local.aws.process import ATTESTATION
from local.demo.app import App, Row

RECORDINGS: Final = Path(__file__).parents[1] / "recordings"


@dataclass(frozen=True, slots=True)
class Scene:
    """A push: the result of its scan, what it demonstrates, and the destinations notified."""

    repository: str
    tag: str | None
    recording: str
    shows: str
    notified: frozenset[str]
    platforms: tuple[str, ...] = ()
    """Platforms of an index. Each has a recording, by its architecture."""
    commit: str | None = None
    """The commit in the image's labels; None for an image without labels."""
    base: str | None = None
    """The base image in the labels, beside the commit."""
    promotes: str = ""
    """The tag of an image that is there already: it gets `tag`, too, and nothing is pushed."""
    found_later: bool = False
    """Whether the scan after the push is clean, and Inspector finds the recording later."""
    settings: bool = False
    """Whether the repository itself is the scene: it is created as ECR's defaults have it."""

    @property
    def recordings(self) -> tuple[str, ...]:
        """The recordings of the scan, or of the scans of its platforms, where there is a push."""
        if self.promotes or self.settings:
            return ()
        if not self.platforms:
            return (self.recording,)
        return tuple(
            f"{self.recording}-{platform.rpartition('/')[2]}" for platform in self.platforms
        )

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels that a build of the commit sets."""
        if self.commit is None:
            return {}
        name = self.repository.replace("/", "-")
        base = {"org.opencontainers.image.base.name": self.base} if self.base else {}
        return {
            "org.opencontainers.image.revision": self.commit,
            "org.opencontainers.image.source": f"https://github.com/example/{name}",
            **base,
        }

    @property
    def image(self) -> str:
        """The name of the image, or of the repository."""
        if self.settings:
            return self.repository
        return f"{self.repository}:{self.tag}" if self.tag else f"{self.repository} (no tag)"

    @property
    def verb(self) -> str:
        """The act that begins the scene."""
        if self.settings:
            return "Create"
        return "Tag" if self.promotes else "Push"


_LONG_AGO: Final = timedelta(days=90)
_NEWEST: Final = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 20}
_LIFECYCLE: Final = json.dumps(
    {"rules": [{"rulePriority": 1, "selection": _NEWEST, "action": {"type": "expire"}}]}
)
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
        base="docker.io/library/ubuntu:20.04",
    ),
    Scene(
        "payments/api",
        "1.4.2",
        "payments-api-1.4.2",
        "compared with 1.4.1: what is new, what is resolved, and which commits are between them",
        _PAYMENTS,
        commit="1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d",
        base="docker.io/library/ubuntu:20.04",
    ),
    Scene(
        "web/storefront",
        "3.2.0",
        "web-storefront-3.2.0",
        "enhanced scan: what to upgrade, from and to",
        _STOREFRONT - {"on-call"},
    ),
    Scene(
        "web/storefront",
        "3.2.1",
        "web-storefront-3.2.1",
        "one upgrade done, one exploitable finding new: a reply in Slack, a comment in Jira",
        _STOREFRONT,
    ),
    Scene(
        "web/storefront",
        "production",
        "",
        "a promotion: the tag production points to 3.2.1 now, and begins a stream without an issue",
        _STOREFRONT - {"on-call", "security-jira"},
        promotes="3.2.1",
    ),
    Scene(
        "web/checkout",
        "5.4.0",
        "web-checkout-5.4.0",
        "clean when it was pushed 90 days ago; today Inspector finds a vulnerability in it",
        _STOREFRONT - {"on-call"},
        found_later=True,
        commit="5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f",
        base="docker.io/library/ubuntu:24.04",
    ),
    Scene(
        "edge/gateway",
        "1.0.0",
        "edge-gateway-1.0.0",
        "two platforms and an attestation: one message, with a line about platforms",
        _PLATFORM,
        ("linux/amd64", "linux/arm64"),
    ),
    Scene(
        "ml/trainer",
        "2.6.0",
        "ml-trainer-2.6.0",
        "141 findings in two pages; Slack shows the critical ones",
        _PLATFORM,
    ),
    Scene(
        "legacy/batch",
        "2.0.0",
        "legacy-batch-2.0.0",
        "a failed scan is not an all-clear: it becomes an issue, and wakes nobody",
        _PLATFORM | {"security-jira"},
    ),
    Scene(
        "ops/toolbox",
        None,
        "",
        "a repository with mutable tags, no scan on push, no lifecycle policy: what fixes it",
        frozenset({"platform-slack"}),
        settings=True,
    ),
    Scene(
        "tools/backup",
        None,
        "tools-backup-untagged",
        "an untagged image waits an hour for an index that it may be a part of",
        frozenset(),
    ),
)


def recording(name: str) -> Mapping[str, Any]:
    """Return a recorded scan: a DescribeImageScanFindings document, all pages."""
    document: Mapping[str, Any] = json.loads((RECORDINGS / f"{name}.json").read_text("utf-8"))
    return document


def create_repositories(app: App, scenes: Iterable[Scene] = STORY) -> None:
    """Create the repositories of a story, but for those that are scenes, as the checks ask for."""
    ecr = app.aws.client("ecr")
    for repository in dict.fromkeys(scene.repository for scene in scenes if not scene.settings):
        ecr.create_repository(
            repositoryName=repository,
            imageScanningConfiguration={"scanOnPush": True},
            imageTagMutability="IMMUTABLE",
        )
        ecr.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=_LIFECYCLE)


def play(app: App, scene: Scene) -> str:
    """
    Push the image of a scene, wait for all notifications, and return its digest.

    A scene about settings has no image, and so no digest.
    """
    if scene.settings:
        app.aws.client("ecr").create_repository(repositoryName=scene.repository)
        digest = ""
    elif scene.promotes:
        digest = _promote(app, scene)
    elif scene.platforms:
        digest = _push_platforms(app, scene)
    elif scene.found_later:
        digest = _find_later(app, scene)
    else:
        document = recording(scene.recording)
        digest = app.aws.push(scene.repository, scene.tag, document, labels=scene.labels)
    app.wait_until_quiet()
    return digest


def _promote(app: App, scene: Scene) -> str:
    """Put the manifest of an image under another tag, as a pipeline does, and return its digest."""
    ecr = app.aws.client("ecr")
    (image,) = ecr.batch_get_image(
        repositoryName=scene.repository, imageIds=[{"imageTag": scene.promotes}]
    )["images"]
    ecr.put_image(
        repositoryName=scene.repository,
        imageManifest=image["imageManifest"],
        imageManifestMediaType=image["imageManifestMediaType"],
        imageTag=scene.tag,
    )
    digest: str = image["imageId"]["imageDigest"]
    return digest


def _find_later(app: App, scene: Scene) -> str:
    """Push an image whose scan is clean, and report its findings when the push is long ago."""
    document = recording(scene.recording)
    clean = {**document, "imageScanFindings": {ENHANCED: []}}
    digest = app.aws.push(scene.repository, scene.tag, clean, labels=scene.labels)
    app.wait_until_quiet()
    app.aws.date(scene.repository, digest, datetime.now(UTC) - _LONG_AGO)
    for finding in document["imageScanFindings"][ENHANCED]:
        app.aws.find(scene.repository, digest, finding)
    return digest


def _push_platforms(app: App, scene: Scene) -> str:
    """Push the member images, an attestation, and the index, as builders do."""
    images = {
        app.aws.push(scene.repository, None, recording(name), content=name): platform
        for name, platform in zip(scene.recordings, scene.platforms, strict=True)
    }
    unsupported = {"imageScanStatus": {"status": "UNSUPPORTED_IMAGE"}}
    attestation = app.aws.push(scene.repository, None, unsupported, content="attestation")
    members = {**images, attestation: ATTESTATION}
    return app.aws.push_index(scene.repository, scene.tag, members)


def repeat(app: App, scene: Scene, digest: str) -> int:
    """Deliver the event of a scene again; return the number of new messages, which has to be 0."""
    before = len(app.receivers.messages())
    app.aws.repeat_event(scene.repository, digest)
    app.wait_until_quiet()
    return len(app.receivers.messages()) - before


def notified_destinations(rows: Iterable[Row], before: Collection[str]) -> frozenset[str]:
    """Return the destinations of the messages that were sent and are not among earlier ones."""
    return frozenset(
        row.destination for row in rows if row.id not in before and row.state is RowState.SENT
    )
