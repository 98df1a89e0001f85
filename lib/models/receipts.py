"""Receipts: what a receiver answers when it has accepted a message."""

from lib.models.immutable import immutable


@immutable(frozen=True, slots=True)
class Receipt:
    """Proof that a receiver accepted a message, with the data for later updates."""

    reference: str
    """Slack "ok", SNS message id, Jira issue key."""
    url: str | None = None
    thread: str | None = None
    """The thread for the next message of the stream (a Jira issue key); None without threads."""
    remark: str | None = None
    """An addition to the message that failed, with the reason. It is logged and not stored."""
