"""The quick check of events accepts nothing that jsonschema refuses."""

import json
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from lib.normalizer.conformance import conforms
from lib.normalizer.events import KINDS
from tests.normalizer.test_values import ANYTHING
from tests.support.every import every

ROOT = Path(__file__).parents[2]
EVENTS = [
    json.loads(path.read_text("utf-8")) for path in sorted(ROOT.glob("tests/events/*/*.json"))
]


def schema_of(event: Any) -> Any:
    """Return the schema of an event; None for one of a kind that is not used."""
    kind = KINDS.get((event["source"], event["detail-type"]))
    if kind is None or kind[1](event) is not None:
        return None
    return json.loads((ROOT / "schemas/events" / kind[0]).read_text("utf-8"))


USED = [(event, schema) for event in EVENTS if (schema := schema_of(event)) is not None]


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container of a value with each of its keys."""
    members = value.items() if isinstance(value, dict) else enumerate(value)
    for key, member in members:
        yield value, key
        if isinstance(member, dict | list):
            yield from places(member)


def is_valid(value: Any, schema: Any) -> bool:
    return Draft202012Validator(schema).is_valid(value)


@every(("event", "schema"), USED, ids=[event["id"] for event, _ in USED])
def test_every_captured_event_passes_the_quick_check(event: Any, schema: Any) -> None:
    """An event that has to be asked about imports jsonschema, and is as right as before."""
    assert conforms(event, schema) == is_valid(event, schema)


@settings(deadline=None)  # other work may share the machine
@given(st.data(), ANYTHING)
def test_what_the_quick_check_accepts_is_valid(data: st.DataObject, value: Any) -> None:
    """Whatever takes the place of a part of an event."""
    event, schema = data.draw(st.sampled_from(USED))
    changed = deepcopy(event)
    container, key = data.draw(st.sampled_from(list(places(changed))))
    if data.draw(st.booleans()):
        container[key] = value
    else:
        del container[key]

    assert is_valid(changed, schema) or not conforms(changed, schema)


@every(
    ("schema", "good", "bad"),
    [
        ({"type": "integer"}, 1, True),
        ({"type": ["string", "null"]}, None, 1),
        ({"const": "x"}, "x", "y"),
        ({"enum": ["x"]}, "x", "y"),
        ({"required": ["x"]}, {"x": 1}, {}),
        ({"properties": {"x": {"type": "string"}}}, {"x": "", "y": 1}, {"x": 1}),
        ({"additionalProperties": {"type": "string"}}, {"x": ""}, {"x": 1}),
        ({"items": {"type": "string"}}, [""], ["", 1]),
        ({"pattern": "^a(?![\\s\\S])"}, "a", "a\n"),
        ({"minLength": 1}, "a", ""),
        ({"minItems": 1}, [1], []),
        ({"minimum": 0}, 0, -1),
        ({"anyOf": [{"const": "x"}, {"const": "y"}]}, "y", "z"),
        ({"pattern": "^a", "title": "t", "description": "d"}, None, "b"),
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_a_keyword_accepts_and_refuses_as_jsonschema_does(schema: Any, good: Any, bad: Any) -> None:
    """Keywords for values of another kind hold."""
    assert (conforms(good, schema), is_valid(good, schema)) == (True, True)
    assert (conforms(bad, schema), is_valid(bad, schema)) == (False, False)


@pytest.mark.parametrize("schema", [{"maxLength": 3}, {"const": 1}, {"type": "number"}], ids=str)
def test_what_is_not_known_here_is_not_accepted(schema: Any) -> None:
    """Only jsonschema decides about all other keywords and values."""
    assert not conforms(1, schema)


def test_an_event_that_conforms_needs_no_jsonschema() -> None:
    """Importing jsonschema would be a seventh of the first event."""
    code = (
        "import json, sys\n"
        "from lib.normalizer.events import parse_event\n"
        "parse_event(json.load(sys.stdin))\n"
        "sys.exit('jsonschema' in sys.modules)"
    )
    event = json.dumps(USED[0][0])

    answer = subprocess.run([sys.executable, "-c", code], input=event, text=True, check=False)

    assert answer.returncode == 0
