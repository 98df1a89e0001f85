"""Answers of Jira to a test of a destination, in order."""

import json
from typing import Final

from lib.models import HttpAnswer
from lib.notifiers.jira.checks import NEEDED, USEFUL


def _answer(document: object) -> HttpAnswer:
    return HttpAnswer(200, json.dumps(document))


TEST_ANSWERS: Final = (
    _answer({"displayName": "Alerts"}),
    _answer({"permissions": {name: {"havePermission": True} for name in (*NEEDED, *USEFUL)}}),
    _answer({"issueTypes": [{"id": "1", "name": "Task"}]}),
    _answer({"fields": [{"fieldId": "labels"}, {"fieldId": "priority"}]}),
    HttpAnswer(201, '{"id": "10000", "key": "SEC-7"}'),
    HttpAnswer(204, ""),
)
