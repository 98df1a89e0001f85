"""
A message on its way to one destination: laid out, sent, asked about.

A courier has the time of one attempt. What goes wrong with the link to a report page does not hold
a message up; a message that is refused for its form is sent once more and plainer; a receiver that
refuses everything may refuse an old credential.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from lib.errors import ConfigError, PermanentDeliveryError
from lib.models import (
    CannotTell,
    Content,
    DeliveryCheck,
    Digest,
    Message,
    Notice,
    Receipt,
    dispatch_of,
    notice_of,
)
from lib.models.views import Dispatch, Notification, PinnedMessage
from lib.ports.notifiers import Notifier, Verifiable
from lib.ports.store import PageLinks, SecretReader


class Courier(Protocol):
    """Brings messages to one destination, for the time of one attempt."""

    interval: float
    """Seconds between two messages that the receiver asks for."""
    without_page: Exception | None
    """Why the last message was sent without its link, or without what runs its images."""

    def dispatched(self, row: Notification, message: PinnedMessage) -> PinnedMessage:
        """Return a message with what is asked only at its first attempt. Never fails."""

    def send(self, row: Notification, message: Content, thread: str | None) -> Receipt:
        """Send a message. Raises `DeliveryError`, `ConfigError` or `StoreError`."""

    def ask(self, row: Notification, message: Content, thread: str | None) -> DeliveryCheck:
        """Ask whether a message arrived whose answer was lost. Raises as `send` does."""


class NotifierCourier:
    """A courier that uses the notifier of a destination."""

    def __init__(
        self,
        notifier: Notifier,
        *,
        secrets: SecretReader,
        now: Callable[[], datetime],
        pages: PageLinks | None = None,
        completions: Sequence[Callable[[Notice], Notice]] = (),
        digest_completions: Sequence[Callable[[Digest], Digest]] = (),
    ) -> None:
        """
        Take the ports.

        `completions` add to a notice what is not known before, as what runs;
        `digest_completions` add to a digest its owners, and the links to its report pages.
        """
        self.interval = notifier.interval
        self.without_page: Exception | None = None
        self._notifier = notifier
        self._secrets = secrets
        self._now = now
        self._pages = pages
        self._completions = completions
        self._digest_completions = digest_completions

    def dispatched(self, row: Notification, message: PinnedMessage) -> PinnedMessage:
        """See `Courier.dispatched`. Whatever is wrong with it, the message goes out."""
        notice = Notice(row.id, message, note=row.note)
        for complete in self._completions:
            try:
                notice = complete(notice)
            except Exception as error:  # noqa: BLE001  # whatever it is
                self.without_page = error
        return replace(message, dispatch=dispatch_of(notice))

    def send(self, row: Notification, message: Content, thread: str | None) -> Receipt:
        """See `Courier.send`."""
        letter = self._letter(row, message)
        try:
            return send(self._notifier, letter, thread=thread)
        except PermanentDeliveryError as error:
            if not (error.broken and self._secrets.renew()):
                raise
        return send(self._notifier, letter, thread=thread)

    def ask(self, row: Notification, message: Content, thread: str | None) -> DeliveryCheck:
        """See `Courier.ask`."""
        if not isinstance(self._notifier, Verifiable):
            return CannotTell()
        return self._notifier.verify(
            letter_of(row, message),
            since=row.created_at,
            now=self._now(),
            thread=thread,
            tried_at=row.unsure_at,
        )

    def _letter(self, row: Notification, message: Content) -> Message:
        """Return a message with the link to its page; whatever is wrong with that, without."""
        letter = letter_of(row, message)
        if isinstance(letter, Digest):
            return self._completed(letter)
        if self._pages is None or row.pin is None:
            return letter
        try:
            page = self._pages.page(row.pin.key)
        except Exception as error:  # noqa: BLE001  # whatever it is
            self.without_page = error
            return letter
        return replace(letter, report_url=page.url, page_key=page.key)

    def _completed(self, digest: Digest) -> Digest:
        """Return a digest with owners and links; whatever is wrong with some of them, without."""
        for complete in self._digest_completions:
            try:
                digest = complete(digest)
            except Exception as error:  # noqa: BLE001  # whatever it is
                self.without_page = error
        return digest


class Unreachable:
    """A courier to a destination that is not in alerts.yml any more, or is not set up well."""

    interval = 0.0

    def __init__(self, error: ConfigError) -> None:
        self.without_page: Exception | None = None
        self._error = error

    def dispatched(self, row: Notification, message: PinnedMessage) -> PinnedMessage:  # noqa: ARG002  # the port's
        """Return the message as it is: it is not sent."""
        return message

    def send(self, *_: object) -> Receipt:
        """Raise the reason."""
        raise self._error

    def ask(self, *_: object) -> DeliveryCheck:
        """Raise the reason."""
        raise self._error


def letter_of(row: Notification, message: Content) -> Notice | Digest:
    """Return a message as notifiers take it, with what this attempt knows."""
    attempt = max(row.attempts, 1)
    if isinstance(message, Digest):
        return replace(message, attempt=attempt, possible_repeat=row.unsure)
    notice = notice_of(message, Dispatch(row.id, row.note))
    return replace(notice, attempt=attempt, possible_repeat=row.unsure)


def send(notifier: Notifier, message: Message, *, thread: str | None = None) -> Receipt:
    """Send a message; once more and plainer when its size or form was refused."""
    try:
        return notifier.send(notifier.render(message, thread=thread))
    except PermanentDeliveryError as error:
        if not error.degradable:
            raise
    return notifier.send(notifier.plain(message, thread=thread))
