"""Images in the registry of a story, with what their scanner lists."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from cli.simulation.story import FindingForm, ImageName, PartAnswer

Json = Any
BASIC: Final = "basic"
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX: Final = "application/vnd.oci.image.index.v1+json"
CONFIG: Final = "application/vnd.oci.image.config.v1+json"
_USABLE: Final = {BASIC: "COMPLETE", "enhanced": "ACTIVE"}


@dataclass(frozen=True, slots=True)
class Place:
    """A repository of one account in one region."""

    account: str
    region: str
    repository: str

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:aws:ecr:{self.region}:{self.account}:repository/{self.repository}"


@dataclass(slots=True)
class StoredImage:
    """An image in the registry, and what its scanner lists."""

    place: Place
    digest: str
    pushed_at: datetime
    platform: str = ""
    members: tuple["StoredImage", ...] = ()
    tags: list[str] = field(default_factory=list)
    scanner: str = "enhanced"
    answer: PartAnswer | None = None
    """None: never scanned."""
    completed_at: datetime | None = None
    first_seen: dict[str, datetime] = field(default_factory=dict)
    in_use: int | None = None
    archived: bool = False

    @property
    def is_index(self) -> bool:
        """Whether it stands for its members."""
        return bool(self.members)

    @property
    def status(self) -> str:
        """The scanner's word for its last scan."""
        if self.answer is None:
            return "SCAN_NOT_FOUND"
        if self.archived:
            return "IMAGE_ARCHIVED"
        return self.answer.status or _USABLE[self.scanner]

    @property
    def media_type(self) -> str:
        """Of its manifest."""
        return INDEX if self.is_index else MANIFEST


def place_named(name: ImageName, home: Place) -> Place:
    """Return the repository that a step names, in the account and region of the story's `home`."""
    return Place(
        name.account or home.account, name.region or home.region, name.repository or home.repository
    )


def places_meant(name: ImageName, places: Iterable[Place], home: Place) -> list[Place]:
    """
    Return those of an image's repositories that a step means; several where it is not clear.

    Without a repository, that of the account and region which the step names, or else of `home`.
    """
    wanted = place_named(name, home)
    if name.repository is not None:
        return [place for place in places if place == wanted]
    named = [
        place
        for place in places
        if name.account in (None, place.account) and name.region in (None, place.region)
    ]
    own = [p for p in named if (p.account, p.region) == (wanted.account, wanted.region)]
    return own if len(own) == 1 else named


def digest_of(*words: str) -> str:
    """Return the digest that some words stand for."""
    return f"sha256:{hashlib.sha256('/'.join(words).encode()).hexdigest()}"


def changed(before: Iterable[FindingForm], after: Iterable[FindingForm]) -> list[FindingForm]:
    """Return what Inspector sends an event about: what came, differs, or is closed now."""
    old = {form.id: form for form in before}
    new = {form.id: form for form in after}
    came = [form for name, form in new.items() if old.get(name) != form]
    closed = [
        replace(form, status="CLOSED")
        for name, form in old.items()
        if name not in new and form.status == "ACTIVE"
    ]
    return [*came, *closed]
