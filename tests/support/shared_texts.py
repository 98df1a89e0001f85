"""The texts of notices, built once a process for all receivers that lay them out."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from lib.messages.parts import AlertText
from lib.messages.text import text_of
from lib.models import Notice
from lib.notifiers import webhook
from lib.notifiers.jira import notifier as jira
from lib.notifiers.pagerduty import notifier as pagerduty
from lib.notifiers.slack import bot as slack_bot
from lib.notifiers.slack import webhook as slack_webhook
from lib.notifiers.sns import notifier as sns
from lib.page import document as page
from tests.support.tracing import is_traced

READERS: Final = (jira, page, pagerduty, slack_bot, slack_webhook, sns, webhook)
"""The modules that lay texts out."""
MOST: Final = 600
"""Texts that are kept, the last ones asked for: more than those of every layout."""

_TEXTS: Final[dict[tuple[object, ...], tuple[Notice, AlertText]]] = {}


def shared_text(notice: Notice, **options: Any) -> AlertText:
    """
    Return the text of a notice, which is the same one each time: both are frozen.

    Half of the texts of a run were built before, for another test. A test that must build its own
    gives a copy of the notice. A traced test builds its own, too: its lines count.
    """
    key = (id(notice), *sorted(options.items()), is_traced())
    # With the notice, so that no other one gets its id.
    shared = _TEXTS.pop(key, None) or (notice, text_of(notice, **options))
    _TEXTS[key] = shared
    if len(_TEXTS) > MOST:
        del _TEXTS[next(iter(_TEXTS))]
    return shared[1]


@pytest.fixture(scope="session", autouse=True)
def shared_texts() -> Iterator[None]:
    """Let every receiver take the text that another one laid out. It takes half of their time."""
    with pytest.MonkeyPatch.context() as patch:
        for reader in READERS:
            patch.setattr(reader, "text_of", shared_text)
        yield
