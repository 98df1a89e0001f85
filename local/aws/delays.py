"""
Delays of SQS with an upper limit, for tests that would only wait.

Used by `local.aws.cloud` only, with private names of ministack as there. What a call asks for is
cut: `DelaySeconds` of a message, `VisibilityTimeout` of a change, `WaitTimeSeconds` of a long poll.
The visibility timeout of a queue stays as it is: it has to be longer than its function runs, and
functions run at their own speed. Short delays stay as they are, too: a scale would make many of
one, because what comes back too early is sent on its way again, and Lambda counts the calls.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from threading import Timer
from types import ModuleType
from typing import Any, Final

Json = Any
Action = Callable[[Json, str], Json]
Receive = Callable[[Json, str], Awaitable[Json]]

LONG_POLL: Final = 0.1
"""Seconds. A queue here hides no message, so the answer that there is none may come early."""
POLL_SECONDS: Final = 0.02
"""Between two looks of a long poll into its queue."""


class Delays:
    """Cuts the delays of one SQS, ministack's module, to so many seconds."""

    def __init__(self, sqs: ModuleType, longest: float) -> None:
        self._sqs: Json = sqs
        self._longest = longest

    def install(self) -> None:
        """Put the limit behind the actions that take a delay."""
        sqs, handlers = self._sqs, self._sqs._HANDLERS  # noqa: SLF001  # no public name
        # Batches and EventBridge send by the name in the module.
        sqs._act_send_message = self._sending(sqs._act_send_message)  # noqa: SLF001  # same
        handlers["SendMessage"] = sqs._act_send_message  # noqa: SLF001  # same
        handlers["ReceiveMessage"] = self._receiving(handlers["ReceiveMessage"])
        for action in ("ChangeMessageVisibility", "ChangeMessageVisibilityBatch"):
            handlers[action] = self._changing(handlers[action])

    def _sending(self, send: Action) -> Action:
        def sent(request: Json, url: str) -> Json:
            answer = send(request, url)
            self._cut(request, url, "DelaySeconds", "id", answer["MessageId"])
            return answer

        return sent

    def _changing(self, change: Action) -> Action:
        def changed(request: Json, url: str) -> Json:
            answer = change(request, url)
            for entry in request.get("Entries", (request,)):
                handle = entry.get("ReceiptHandle")
                self._cut({**request, **entry}, url, "VisibilityTimeout", "receipt_handle", handle)
            return answer

        return changed

    def _receiving(self, receive: Receive) -> Receive:
        async def received(request: Json, url: str) -> Json:
            seconds = int(request.get("WaitTimeSeconds") or 0)
            deadline = time.monotonic() + min(seconds, LONG_POLL)
            while True:
                answer = await receive(
                    {**request, "WaitTimeSeconds": 0} if seconds else request, url
                )
                if answer or time.monotonic() >= deadline:
                    return answer
                await asyncio.sleep(POLL_SECONDS)

        return received

    def _cut(
        self, request: Mapping[str, Json], url: str, name: str, field: str, value: Json
    ) -> None:
        """Bring a message forward that a request has delayed, and wake what polls for it."""
        seconds = int(request.get(name) or 0)
        queue = self._sqs._queues.get(request.get("QueueUrl", url))  # noqa: SLF001  # no public name
        if not seconds or queue is None:
            return
        delay = min(seconds, self._longest)
        for message in queue["messages"]:
            if message[field] == value:
                message["visible_at"] -= seconds - delay
        timer = Timer(delay, self._sqs.esm_wake.set)
        timer.daemon = True
        timer.start()
