"""Publishing alerts.yml: what a stage has, what a new file needs, and the write itself."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from lib.config.parsing import config_hash
from lib.config.publication import (
    Publication,
    Revision,
    archived,
    following,
    read_publication,
    revision_of,
    to_text,
)
from lib.config.warnings import foreign_hosts
from lib.errors import ConfigError
from lib.models import Json
from lib.ports.publications import Absence, StoredText
from lib.store.publications import S3PublicationWriter


@dataclass(frozen=True, slots=True)
class PublishedConfig:
    """The published configuration, and the version of its object."""

    publication: Publication
    version: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Scope:
    """The topics and hosts that the deployment of a stage allows a configuration to use."""

    topics: tuple[str, ...]
    """The ARNs of topics, or patterns of them, that `deliver` may publish to."""
    hosts: tuple[str, ...]
    """The hosts that receivers may have beside their vendors' own."""


class Publisher:
    """Reads and writes the published configuration of a stage."""

    def __init__(
        self, store: S3PublicationWriter, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._now = now

    @property
    def address(self) -> str:
        """The address of the published configuration."""
        return self._store.address

    def published(self) -> PublishedConfig | None:
        """Return what is published; None for nothing. Raises `ConfigError`, `StoreError`."""
        stored = self._stored()
        if stored is None:
            return None
        return PublishedConfig(read_publication(stored.text), stored.version, stored.at)

    def repairable(self) -> tuple[PublishedConfig | None, str]:
        """
        Return what is published, and the version to write over.

        A broken object is reported as nothing: the next push replaces it. Raises `StoreError`.
        """
        stored = self._stored()
        if stored is None:
            return None, ""
        try:
            publication = read_publication(stored.text)
        except ConfigError:
            return None, stored.version
        return PublishedConfig(publication, stored.version, stored.at), stored.version

    def publish(
        self, document: Json, over: PublishedConfig | None, version: str, *, by: str, note: str
    ) -> Revision:
        """
        Publish a checked document after another one, and return its revision.

        `version` is that of the object that was read; empty where there was none. Raises
        `ConflictError` where somebody else has published meanwhile, and `StoreError`.
        """
        before = over.publication if over is not None else None
        publication = following(before, document, by=by, at=self._now(), note=note)
        if before is not None and not before.revisions:
            # What another tool wrote is kept, too.
            self._store.keep(config_hash(before.document), to_text(before))
        revision = publication.revisions[0]
        self._store.keep(revision.hash, to_text(archived(publication)))
        self._store.put(to_text(publication), over=version)
        return revision

    def document(self, published: PublishedConfig, number: int) -> Json:
        """Return the document of a revision. Raises `ScanAlertError` where it is not kept."""
        revision = revision_of(published.publication, number)
        if number == published.publication.number:
            return published.publication.document
        return read_publication(self._store.kept(revision.hash)).document

    def _stored(self) -> StoredText | None:
        answer = self._store.read()
        return None if isinstance(answer, Absence) else answer


def scope_of(outputs: Mapping[str, str]) -> Scope:
    """Return the scope of a stage by the outputs of its stack. Raises `DocumentError`."""
    return Scope(_listed(outputs["TopicArns"]), _listed(outputs["ReceiverHosts"]))


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def needs_deployment(document: Json, scope: Scope) -> Iterator[str]:
    """Yield what a configuration needs that only a deployment can give."""
    for name, entry in document["destinations"].items():
        if entry["type"] == "sns" and not _is_allowed(entry["topic_arn"], scope.topics):
            yield f"{name}: the stage may not publish to {entry['topic_arn']} (topicArns)"
    for problem in foreign_hosts(document, scope.hosts):
        name, option = problem.path[1:3]
        yield f"{name}: the stage may not call the host of {option} (receiverHosts)"


def _is_allowed(arn: str, topics: tuple[str, ...]) -> bool:
    return any(fnmatchcase(arn, topic) for topic in topics)
