"""Syncs and workers that write a row while another worker has it."""

from typing import Any

import pytest

from lib.errors import (
    ConflictError,
    TemporaryDeliveryError,
)
from lib.flows.attempt import NotificationResult
from lib.models import (
    Destination,
    Receipt,
)
from lib.models.views import RowState
from tests.support.sending import OLD, REVOKED, Sending

JIRA = Destination("team-jira")
Results = NotificationResult


class TestRaces:
    """A sync, or another worker, writes the row while a worker has it."""

    @pytest.mark.parametrize(("method", "times"), [("update", 1), ("update", 2), ("update", 3)])
    def test_a_sync_that_writes_the_row_first_is_no_trouble(self, method: str, times: int) -> None:
        """The claim and the pin are made again, by what is there now."""
        world = Sending()
        world.find(OLD)
        world.interrupt(method, *[world.see] * times)

        outcomes = world.deliver()

        assert outcomes[0].result is Results.SENT
        assert set(world.view.reported) == {"CVE-2024-0001"}

    @pytest.mark.parametrize("error", [TemporaryDeliveryError("down"), REVOKED, None])
    def test_the_outcome_is_recorded_over_what_a_sync_wrote(self, error: Any) -> None:
        """Whether it was sent, refused, or given up."""
        world = Sending()
        world.find(OLD)
        world.notifier.errors = [error] if error else []
        send = world.notifier.send

        def send_and_see(payload: Any) -> Receipt:
            world.see()
            receipt: Receipt = send(payload)
            return receipt

        world.notifier.send = send_and_see

        outcome = world.flow.deliver(world.waker.woken.pop())

        states = {None: RowState.SENT, REVOKED: RowState.DEAD}
        assert outcome.row.state is states.get(error, RowState.RETRY)

    @pytest.mark.parametrize("method", ["update", "put_pinned", "close"])
    def test_a_row_that_another_worker_has_is_left_to_it(self, method: str) -> None:
        """The lease ran out under a slow worker: it records nothing."""
        world = Sending()
        world.find(OLD)
        others = [lambda: None] if method == "update" else []
        world.interrupt(method, *others, world.steal)

        (outcome,) = world.deliver()

        assert outcome.result is Results.NOT_CLAIMED
        assert world.row.token == "thief"

    @pytest.mark.parametrize(
        ("method", "error"), [("update", None), ("close", None), ("close", REVOKED)]
    )
    def test_a_row_that_changes_all_the_time_comes_back(
        self, method: str, error: Exception | None
    ) -> None:
        """By the queue, or when its lease ends."""
        world = Sending()
        world.find(OLD)
        world.notifier.errors = [error] if error else []
        world.interrupt(method, *[world.see] * 100)
        wake_up = world.waker.woken.pop()

        if method == "update":
            with pytest.raises(ConflictError):
                world.flow.deliver(wake_up)
        else:
            assert world.flow.deliver(wake_up).result is Results.NOT_CLAIMED
        assert world.row.state in (RowState.PENDING, RowState.CLAIMED)

    def test_a_pin_that_never_succeeds_comes_back(self) -> None:
        """A sync is faster each time."""
        world = Sending()
        world.find(OLD)
        world.interrupt("put_pinned", *[world.see] * 100)

        (outcome,) = world.deliver()

        assert outcome.result is Results.NOT_CLAIMED
        assert world.notifier.calls == 0

    def test_a_refusal_that_cannot_be_recorded_comes_back(self) -> None:
        """When its lease ends."""
        world = Sending()
        world.find(OLD)
        world.notifier.errors = [TemporaryDeliveryError("down")]
        world.interrupt("update", *[lambda: None] * 2, *[world.see] * 100)

        (outcome,) = world.deliver()

        assert outcome.result is Results.NOT_CLAIMED
