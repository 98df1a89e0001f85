"""Issues and incidents that the deployed program brings up to date, and nobody is notified."""

from typing import Any

from lib.models.views import RowState
from local.demo.app import App, Row
from local.standins.wire import Kind
from tests.e2e.test_alerts import basic, messages_about, rows_about, wait_until

FINAL = (RowState.SENT, RowState.OBSOLETE, RowState.DEAD)


def test_an_issue_and_an_incident_are_closed_quietly(app: App, repository: Any) -> None:
    """What the scanner does not list any more for the same image ends without a message."""
    name = repository("kept")
    digest = app.aws.push(name, "1.4.1", basic("CVE-2026-0001"))
    app.wait_until_quiet()
    app.aws.rescan(name, digest, basic("CVE-2026-0001", "CVE-2026-0002"))
    app.wait_until_quiet()
    opened = [message.kind for message in messages_about(app, name, "pagerduty")]
    loud = rows_about(app, name)

    app.aws.rescan(name, digest, basic("CVE-2026-0003", severity="INFORMATIONAL"))
    wait_until(lambda: len(swept(app, name)) == len(loud) + 2)
    wait_until(lambda: all(row.state in FINAL for row in swept(app, name)))

    quiet = rows_about(app, name)[len(loud) :]
    assert [row.state for row in quiet] == [RowState.SENT] * 2, quiet
    assert opened == ["created"]
    assert {row.destination for row in quiet if row.quiet} == {"closing-jira", "on-call"}
    assert messages_about(app, name, "pagerduty")[-1].kind == "resolved"
    kinds = [message.kind for message in messages_about(app, name, "jira")]
    assert kinds == ["created", "updated", "commented", "updated"]
    (issue,) = {message.destination for message in messages_about(app, name, "jira")}
    moves = [each for each in app.receivers.messages("jira") if each.kind is Kind.MOVED]
    assert [each.payload["to"] for each in moves if each.destination == issue] == ["Done"]


def swept(app: App, name: str) -> list[Row]:
    """Let the sweep run, as it does every minute, and return the rows of a repository."""
    app.aws.client("lambda").invoke(FunctionName=f"{app.stack.name}-sweep")
    return rows_about(app, name)
