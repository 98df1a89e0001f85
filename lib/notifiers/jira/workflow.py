"""
The status of a Jira issue, and the transition that changes it. Pure.

Workflows are a project's own, so names say little; every status has one of a few categories:
https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-workflow-statuses
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lib.models import Digest, Json
from lib.models.views import Delta, Kind

REOPENED: Final = "This issue was closed. There is something new, so it is open again."
CLOSED: Final = "This issue is closed. There is something new."
STUCK: Final = (
    "This issue is closed, and there is something new. It could not be reopened: its workflow "
    "has no way back for this account."
)
DECIDED: Final = (
    "This issue was closed on purpose ({word}), so it stays closed. There is something new."
)
DONE: Final = "Nothing is left open here, so this issue is closed."
NOT_DONE: Final = (
    "Nothing is left open here. This issue could not be closed: its workflow has no way for this "
    "account."
)

WAYS: Final = (("reopen", True), ("close", False))
"""The options about the status of issues, and whether each is on where nobody sets it."""
CLOSE: Final = "close"
REOPEN: Final = "reopen"
SAY: Final = "say"
LEAVE: Final = "leave"
_DONE: Final = "done"
_ORDER: Final = ("new", "indeterminate")
"""Where a reopened issue goes, the best first; any other that is not done comes after."""
_ON_PURPOSE: Final = frozenset(
    {
        "wont do",
        "wont fix",
        "will not do",
        "will not fix",
        "declined",
        "rejected",
        "accepted risk",
        "risk accepted",
    }
)
_APOSTROPHES: Final = str.maketrans("", "", "'\N{RIGHT SINGLE QUOTATION MARK}")


@dataclass(frozen=True, slots=True)
class Status:
    """Whether an issue is closed, and the word for a decision not to do it."""

    done: bool
    on_purpose: str | None = None


def about_status(delta: Delta, *, reopen: bool, close: bool) -> dict[str, str]:
    """
    Return what a delta means for the status of an issue: "if_closed" or "if_open", or neither.

    News opens it again. It is done when nothing is shown any more, whatever the way it ended.
    """
    if any(
        item.worth and item.desired is not None and item.kind is not Kind.FIX_READY
        for item in delta.items
    ):
        return {"if_closed": REOPEN if reopen else SAY}
    return {"if_open": CLOSE} if close and not delta.after else {}


def about_digest(digest: Digest, *, reopen: bool, close: bool) -> dict[str, str]:
    """
    Return what a digest means for the status of its issue: "if_closed", and perhaps "if_open".

    People close the issue when they have read it. A later digest edits a closed issue, where its
    workflow allows that.
    """
    if digest.new:
        return {"if_closed": REOPEN if reopen else SAY}
    is_done = digest.images and not (digest.counts or digest.unscanned or digest.warnings)
    return {"if_closed": LEAVE} | ({"if_open": CLOSE} if close and is_done else {})


def status(answer: str) -> Status:
    """Read an issue with the fields status and resolution; an odd answer is no closed issue."""
    fields = _object(_parsed(answer).get("fields"))
    state = _object(fields.get("status"))
    # A project managed by its team has no resolutions, but may have a status of that name.
    names = (_name(fields.get("resolution")), _name(state))
    word = next((name for name in names if _on_purpose(name)), None)
    return Status(_category(state) == _DONE, word)


def transition(answer: str, *, done: bool) -> str | None:
    """Return the id of the transition to take out of those that are possible now."""
    listed = _parsed(answer).get("transitions")
    found = [way for way in map(_object, listed if isinstance(listed, list) else ()) if way]
    ways = [way for way in found if _suits(way, done=done)]
    return _id(min(ways, key=_preference)) if ways else None


def _suits(way: Mapping[str, Json], *, done: bool) -> bool:
    to = _object(way.get("to"))
    category = _category(to)
    if not category or _id(way) is None or way.get("isAvailable") is False:
        return False
    # Closing must not look like somebody's decision.
    return (category == _DONE) is done and not _on_purpose(_name(to))


def _preference(way: Mapping[str, Json]) -> int:
    category = _category(_object(way.get("to")))
    return _ORDER.index(category) if category in _ORDER else len(_ORDER)


def _on_purpose(name: str) -> bool:
    return " ".join(name.casefold().translate(_APOSTROPHES).split()) in _ON_PURPOSE


def _category(state: Mapping[str, Json]) -> str:
    key = _object(state.get("statusCategory")).get("key")
    return key if isinstance(key, str) else ""


def _name(value: Json) -> str:
    name = _object(value).get("name")
    return name if isinstance(name, str) else ""


def _id(way: Mapping[str, Json]) -> str | None:
    found = way.get("id")
    return found if isinstance(found, str) and found else None


def _object(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _parsed(text: str) -> Mapping[str, Json]:
    try:
        return _object(json.loads(text))
    except (ValueError, RecursionError):
        return {}
