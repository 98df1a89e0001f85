"""The journal of the receivers: all requests and accepted messages, in order."""

from collections.abc import Callable
from datetime import datetime
from threading import Condition

from local.standins.wire import Call, Message, Outcome, Receiver, Request


class Journal:
    """Messages and requests of all receivers. Thread-safe."""

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
        """Record a request and, atomically, its accepted message."""
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
                    # A create call has no key before it is accepted.
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
        """Return the accepted messages, of all receivers or of one."""
        with self._changed:
            return [message for message in self._messages if receiver in (None, message.receiver)]

    def requests(self, receiver: str | None = None) -> list[Request]:
        """Return all requests, including refused ones."""
        with self._changed:
            return [request for request in self._requests if receiver in (None, request.receiver)]

    def wait_for(self, count: int, timeout: float, receiver: str | None = None) -> list[Message]:
        """Wait until `count` messages are accepted, and return them. Raises `TimeoutError`."""
        with self._changed:
            enough = self._changed.wait_for(lambda: len(self.messages(receiver)) >= count, timeout)
        messages = self.messages(receiver)
        if not enough:
            raise TimeoutError(
                f"{len(messages)} of {count} messages after {timeout:g} s"
                f" ({len(self.requests(receiver))} requests)"
            )
        return messages

    def wait_for_more(self, requests: int, timeout: float) -> None:
        """Wait for more than `requests` requests, at most for `timeout` or until `close`."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._requests) > requests, timeout)

    def close(self) -> None:
        """Wake all waiting threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
