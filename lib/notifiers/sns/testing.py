"""
The body of a test message in each format of a topic. Pure.

Topics for machines get test-1.0.0 in both formats: an OCSF event would be counted as a finding.
"""

import json
import textwrap
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from lib.models import Destination
from lib.notifiers import testing
from lib.notifiers.document import dump
from lib.notifiers.slack.mrkdwn import slack_flat, slack_text
from lib.ports.notifiers import DestinationTest

_COLUMNS: Final = 76
_DESCRIPTION: Final = 600

Body = Callable[[Destination, DestinationTest], str]


def _text(destination: Destination, test: DestinationTest) -> str:
    lines = textwrap.wrap(testing.sentence(destination, test), _COLUMNS)
    return "\n".join((testing.TITLE, "", *lines)) + "\n"


def _document(destination: Destination, test: DestinationTest) -> str:
    return dump(testing.document(destination, test))


def _amazon_q(destination: Destination, test: DestinationTest) -> str:
    sentence = testing.sentence(destination, test)
    return json.dumps(
        {
            "version": "1.0",
            "source": "custom",
            "id": test.id,
            "content": {
                "textType": "client-markdown",
                "title": f"\N{TEST TUBE} {testing.TITLE}",
                "description": slack_text(slack_flat(sentence), _DESCRIPTION),
            },
            "metadata": {"eventType": "test"},
        }
    )


BODIES: Final[Mapping[str, Body]] = MappingProxyType(
    {"text": _text, "json": _document, "ocsf": _document, "amazon-q": _amazon_q}
)
"""By the option `format`."""
