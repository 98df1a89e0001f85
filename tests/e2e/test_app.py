"""From a push to the receivers, through everything that is deployed."""

from local.app import App
from local.story import recording, told


def test_an_event_that_comes_twice_tells_nobody_twice(app: App, payments: str) -> None:
    """One message for each destination, however often EventBridge delivers."""
    digest = app.aws.push(payments, "1.4.1", recording("payments-api-1.4.1"))
    rows = app.wait_until_quiet()
    before = len(app.receivers.messages())

    app.aws.repeat_event(payments, digest)

    after = app.wait_until_quiet()
    assert len(app.receivers.messages()) == before
    assert len(after) == len(rows)
    assert told(after, digest) == {
        "payments-slack",
        "security-jira",
        "security-mail",
        "audit-topic",
    }
