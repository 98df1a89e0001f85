"""
Slack: by an incoming webhook, or as a bot (`lib.notifiers.slack.bot`).

A webhook answers "ok" and nothing else, so a message cannot be updated or threaded; a lost answer
cannot be verified, either: then the message may appear twice.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import ClassVar, Final

from lib.messages.text import text_of
from lib.models import Digest, Json, Message, Receipt, Usage
from lib.models.diagnostics import Check
from lib.notifiers import testing
from lib.notifiers.slack import digest, limits, message
from lib.notifiers.slack.bot import SlackBotNotifier, metadata_of
from lib.notifiers.slack.errors import failure
from lib.ports.notifiers import DestinationTest, Notifier, NotifierTools

_NEW_WEBHOOK: Final = (
    "The webhook was revoked, or its channel or app is gone. Add one on the page Incoming Webhooks "
    "of the Slack app (api.slack.com/apps), and store its URL under the same secret"
)
_REMEDIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "action_prohibited": "An administrator of the workspace lets no app post there: ask one",
        "channel_is_archived": "Unarchive the channel, or add a webhook for another one",
        **dict.fromkeys(
            ("no_service", "no_team", "invalid_token", "channel_not_found"), _NEW_WEBHOOK
        ),
        **dict.fromkeys(("http-403", "http-404", "http-410"), _NEW_WEBHOOK),
    }
)
"""By Slack's word, which says more, then by status."""


class SlackNotifiers:
    """Makes what the options ask for: `webhook`, or a bot with `token` and `channel`."""

    hosts: tuple[str, ...] = (
        "hooks.slack.com",
        "hooks.slack-gov.com",
        "slack.com",
        "slack-gov.com",
    )

    def __call__(self, options: Mapping[str, Json], tools: NotifierTools) -> Notifier:
        """See `NotifierFactory`."""
        if "token" in options:
            return SlackBotNotifier(options, tools)
        return SlackWebhookNotifier(options, tools)


class SlackWebhookNotifier(Notifier):
    """
    Options: `webhook`, a reference to the secret that holds the webhook's URL.

    A webhook cannot be asked about a lost answer; the message says "may be a repeat".
    """

    interval: ClassVar[float] = message.INTERVAL

    def __init__(self, options: Mapping[str, Json], tools: NotifierTools) -> None:
        self._webhook = options["webhook"]
        self._tools = tools

    def render(self, alert: Message, **_thread: str | None) -> Json:
        """See `Notifier.render`."""
        if isinstance(alert, Digest):
            return self._named(alert, digest.digest_message(alert))
        return self._named(alert, message.alert_message(text_of(alert)))

    def plain(self, alert: Message, **_thread: str | None) -> Json:
        """See `Notifier.plain`: the text alone."""
        if isinstance(alert, Digest):
            return self._named(alert, digest.plain_digest_message(alert))
        return self._named(alert, message.plain_message(text_of(alert)))

    @staticmethod
    def _named(alert: Message, payload: Json) -> Json:
        """Return a payload with the id of its delivery, which programs can read in the channel."""
        return payload | {"metadata": metadata_of(alert.delivery_id, None)}

    def usage(self, payload: Json) -> tuple[Usage, ...]:
        """See `Notifier.usage`."""
        return limits.usage(payload)

    def send(self, payload: Json) -> Receipt:
        """See `Notifier.send`. Slack may answer 200 with an error in the body."""
        url = self._tools.secrets.read(self._webhook).strip()
        error = failure(self._tools.http.post(url, payload))
        if error is not None:
            raise error
        return Receipt("ok")

    def test(self, test: DestinationTest) -> Iterator[Check]:
        """See `Testable.test`. A webhook cannot delete its message again, so it stays."""
        url = self._tools.secrets.read(self._webhook).strip()
        yield testing.readable(self._webhook)
        if not test.send:
            yield testing.reachable(self._tools.http, url)
            return
        payload = message.test(testing.sentence(self._tools.destination, test))
        yield testing.attempt(testing.MESSAGE, lambda: self._sent(payload), _REMEDIES)

    def _sent(self, payload: Json) -> str:
        self.send(payload)
        return "Slack accepted it; a message marked TEST is in the channel of the webhook"
