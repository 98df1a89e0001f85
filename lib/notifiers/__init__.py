"""
Receivers, a folder each, or a file where one is enough.

How to add one stands in CONTRIBUTING.md; tests/test_registry.py names the steps that are missing.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from lib.notifiers.jira.notifier import JiraNotifier
from lib.notifiers.pagerduty.notifier import PagerDutyNotifier
from lib.notifiers.slack.webhook import SlackNotifiers
from lib.notifiers.sns.notifier import SnsNotifier
from lib.notifiers.webhook import WebhookNotifier
from lib.ports.notifiers import NotifierFactory

NOTIFIERS: Final[Mapping[str, NotifierFactory]] = MappingProxyType(
    {
        "jira": JiraNotifier,
        "pagerduty": PagerDutyNotifier,
        "slack": SlackNotifiers(),
        "sns": SnsNotifier,
        "webhook": WebhookNotifier,
    }
)
