"""What was asked and what was accepted, in order: the proof of "nothing lost, nothing twice"."""

from collections.abc import Callable
from datetime import datetime
from threading import Condition

from local.standins.wire import Call, Message, Outcome, Receiver, Request


class Journal:
    """Messages and requests of all receivers. Safe to use from several threads."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._changed = Condition()
        self._messages: list[Message] = []
        self._requests: list[Request] = []
        self._closed = False

    def record(
        self,
        receiver: Receiver,
        destination: str,
        call: Call,
        outcome: Outcome,
        *,
        status: int | None,
    ) -> None:
        """Write down one request and, in the same breath, the message that came with it."""
        with self._changed:
            at = self._now()
            number = None
            draft = outcome.accepted
            if draft is not None:
                number = len(self._messages) + 1
                self._messages.append(
                    Message(
                        id=number,
                        receiver=receiver,
                        destination=draft.destination,
                        kind=draft.kind,
                        received_at=at,
                        payload=draft.payload,
                        raw=call.body.decode("utf-8", "replace"),
                        notes=draft.notes,
                    )
                )
            self._requests.append(
                Request(
                    receiver=receiver,
                    # A create does not know its key before it was accepted.
                    destination=draft.destination if draft else destination,
                    method=call.method,
                    path=call.path,
                    at=at,
                    status=status,
                    message=number,
                    reason=outcome.reason,
                )
            )
            self._changed.notify_all()

    def messages(self, receiver: str | None = None) -> list[Message]:
        """Return what was accepted, by everybody or by one receiver."""
        with self._changed:
            return [each for each in self._messages if receiver in (None, each.receiver)]

    def requests(self, receiver: str | None = None) -> list[Request]:
        """Return every request, refused ones too."""
        with self._changed:
            return [each for each in self._requests if receiver in (None, each.receiver)]

    def wait_for(self, count: int, timeout: float, receiver: str | None = None) -> list[Message]:
        """Return as soon as `count` messages were accepted. Raises `TimeoutError`."""
        with self._changed:
            enough = self._changed.wait_for(lambda: len(self.messages(receiver)) >= count, timeout)
        found = self.messages(receiver)
        if not enough:
            raise TimeoutError(
                f"{len(found)} of {count} messages after {timeout:g} s"
                f" ({len(self.requests(receiver))} requests)"
            )
        return found

    def wait_for_more(self, requests: int, timeout: float) -> None:
        """Return when there are more than `requests` requests, at the end, or after `timeout`."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._requests) > requests, timeout)

    def close(self) -> None:
        """Let everybody go who waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
