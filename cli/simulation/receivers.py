"""Receivers of a story: each notification is kept as it arrived, unless the receiver is down."""

from dataclasses import dataclass, field
from datetime import datetime

from cli.simulation.story import Health
from lib.errors import AmbiguousDeliveryError, TemporaryDeliveryError
from lib.models import DeliveryId, Destination, Receipt, StreamId
from lib.models.views import Notification, PinnedMessage


@dataclass(frozen=True, slots=True)
class Arrival:
    """A notification as a receiver took it."""

    at: datetime
    row: Notification
    message: PinnedMessage


@dataclass(slots=True)
class Receivers:
    """All destinations of a story. A repeat of a known id changes nothing, as the docs ask."""

    health: dict[Destination, Health] = field(default_factory=dict)
    arrivals: dict[DeliveryId, Arrival] = field(default_factory=dict)
    _incidents: dict[tuple[Destination, StreamId], bool] = field(default_factory=dict)

    def incidents(self) -> dict[tuple[Destination, StreamId], str]:
        """Return "open" or "resolved" by destination and stream, for what was ever notified."""
        return {key: "open" if is_open else "resolved" for key, is_open in self._incidents.items()}

    def send(
        self, row: Notification, message: PinnedMessage, now: datetime, *, incidents: bool
    ) -> Receipt:
        """
        Take a notification. Raises a `DeliveryError` as the receiver's health says.

        `incidents`: the receiver shows incidents, which only news opens; else whatever is sent
        begins a thread.
        """
        match self._health_of(row.destination):
            case Health.DOWN:
                raise TemporaryDeliveryError(
                    f"{row.destination} answered 503", reason="server-error"
                )
            case Health.LOSES_ANSWERS:
                self._take(row, message, now)
                raise AmbiguousDeliveryError(
                    f"{row.destination} broke the connection", reason="no-answer"
                )
        self._take(row, message, now)
        begins = _is_news(message) or not incidents
        return Receipt(str(row.id), thread=f"{row.destination}/{row.stream}" if begins else None)

    def _health_of(self, destination: Destination) -> Health:
        """Return how a receiver answers; a channel of a route answers as its bot does."""
        bot = Destination(destination.partition("/")[0])
        return self.health.get(destination, self.health.get(bot, Health.UP))

    def _take(self, row: Notification, message: PinnedMessage, now: datetime) -> None:
        if row.id in self.arrivals:
            return
        self.arrivals[row.id] = Arrival(now, row, message)
        key = (row.destination, row.stream)
        reported = message.view.reported.values()
        vulnerable = any(item.condition is None for item in reported)
        opened = self._incidents.get(key, False) or _is_news(message)
        self._incidents[key] = vulnerable and opened


def _is_news(message: PinnedMessage) -> bool:
    """Whether a message is about something that is there, and worth it: that opens an incident."""
    items = message.delta.items
    return not message.quiet and any(item.worth and item.desired is not None for item in items)
