"""
What Slack's errors mean for a delivery: both of its doors may answer 200 with an error in the body.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors and the
errors of https://docs.slack.dev/reference/methods/chat.postMessage, chat.update and
conversations.history
"""

import json
from collections.abc import Mapping
from math import isfinite
from typing import Final

from lib.errors import (
    AmbiguousDeliveryError,
    DeliveryError,
    PermanentDeliveryError,
    TemporaryDeliveryError,
    ThrottledError,
)
from lib.models import HttpAnswer, Json
from lib.text import one_line, truncate

GONE: Final = frozenset(
    {
        "cannot_reply_to_message",
        "message_not_found",
        "restricted_action_thread_locked",
        "thread_not_found",
    }
)
"""The first message of a thread was deleted, or takes no more replies."""
NOT_EDITABLE: Final = frozenset({"cant_update_message", "edit_window_closed"})
"""A message stays as it is: another app's, or too old for the workspace's rules."""
UNREADABLE: Final = GONE | {
    "access_denied",
    "channel_not_found",
    "method_not_supported_for_channel_type",
    "missing_scope",
    "no_permission",
    "not_allowed_token_type",
    "not_in_channel",
}
"""A history cannot be read, which says nothing about whether messages can be posted."""

_RATE_LIMITED: Final = frozenset({"rate_limited", "ratelimited"})
_TEMPORARY: Final = frozenset(
    {
        "accesslimited",
        "external_channel_migrating",
        "request_timeout",
        "rollup_error",
        "service_unavailable",
        "team_added_to_org",
        "update_failed",
    }
)
_AMBIGUOUS: Final = frozenset({"fatal_error", "internal_error"})
"""Some of it may have been done before the error was raised, Slack says."""
_DEGRADABLE: Final = frozenset(
    {
        "block_mismatch",
        "invalid_attachments",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_payload",
        "missing_text_or_fallback_or_attachments",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "too_many_attachments",
    }
)
_ABOUT_A_MESSAGE: Final = _DEGRADABLE | GONE | NOT_EDITABLE
_MAX_PAUSE: Final = 3600.0


def failure(answer: HttpAnswer) -> DeliveryError | None:
    """Return the error that a 2xx answer stands for; None when it was accepted."""
    if answer.text.strip() == "ok":
        return None
    body = parsed(answer)
    if body.get("ok") is True:
        return None
    error = body.get("error", answer.text)
    word = truncate(one_line(error), 100) if isinstance(error, str) else ""
    text = f"Slack answered {answer.status} with the error {word!r}"
    if word in _RATE_LIMITED:
        return ThrottledError(text, retry_after=_pause(body.get("retry_after")), reason=word)
    if word in _TEMPORARY:
        return TemporaryDeliveryError(text, reason=word)
    if word in _AMBIGUOUS:
        return AmbiguousDeliveryError(text, reason=word)
    return PermanentDeliveryError(
        text,
        degradable=word in _DEGRADABLE,
        # What is not about a message is about the webhook, the token or the channel.
        broken=word not in _ABOUT_A_MESSAGE,
        # A reason is a metric dimension: only words that are known here.
        reason=word if word in _ABOUT_A_MESSAGE | UNREADABLE else "slack-error",
    )


def parsed(answer: HttpAnswer) -> Mapping[str, Json]:
    """Return an answer as an object, empty when it is none."""
    try:
        body = json.loads(answer.text)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _pause(seconds: Json) -> float | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not isfinite(seconds):
        return None
    return min(max(float(seconds), 0.0), _MAX_PAUSE)
