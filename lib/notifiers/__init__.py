"""
Receivers, one file each.

A new one is a module here, a line below, a schema under `schemas/notifiers`, a test with its golden
payloads, and a row in the README.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from lib.interfaces import NotifierFactory
from lib.notifiers.jira import JiraNotifier
from lib.notifiers.slack import SlackNotifier
from lib.notifiers.sns import SnsNotifier

NOTIFIERS: Final[Mapping[str, NotifierFactory]] = MappingProxyType(
    {"jira": JiraNotifier, "slack": SlackNotifier, "sns": SnsNotifier}
)
