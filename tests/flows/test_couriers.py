"""A message on its way: what is not pinned is added, and nothing of it holds it up."""

from dataclasses import replace
from typing import Any, cast

from lib.errors import SourceError
from lib.flows.couriers import NotifierCourier
from lib.models import Notice, Provenance, Receipt
from tests.support.builders import NOW, a_finding
from tests.support.fakes import ScriptedNotifier
from tests.support.notices import a_notice
from tests.support.rows import a_row
from tests.support.streams import a_state, a_watched

STATED = Provenance(commit="1a2b3c4")


def traced(notice: Notice) -> Notice:
    return replace(notice, provenance=STATED)


def unanswered(_: Notice) -> Notice:
    raise SourceError("ECS is away")


def test_one_question_without_an_answer_leaves_out_nothing_else() -> None:
    """The message has what the others add, and the reason is kept for the log."""
    notifier = ScriptedNotifier()
    notice = a_notice(a_state(a_watched(a_finding())))
    courier = NotifierCourier(
        notifier, secrets=cast("Any", None), now=lambda: NOW, completions=(unanswered, traced)
    )

    message = courier.dispatched(a_row(), notice.message)

    assert message.dispatch is not None
    assert message.dispatch.provenance == STATED
    assert str(courier.without_page) == "ECS is away"
    assert isinstance(courier.send(a_row(), message, None), Receipt)
    (payload,) = notifier.accepted
    assert payload["alert"].provenance == STATED
