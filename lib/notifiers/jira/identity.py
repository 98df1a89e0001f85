"""
Which Jira issue belongs to which stream: stored references, marks, and the search. Pure.

The ledger stores a reference: site, project and key. An issue carries a mark, which stands for the
stage, the destination and the stream. The search finds the mark as a label and as a line of the
description. A property of the issue holds the mark, too, and only the property proves that an issue
is ours: people can put any label on any issue, and cannot see a property.
https://developer.atlassian.com/cloud/jira/platform/jira-entity-properties/
"""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from lib.errors import TemporaryDeliveryError
from lib.models import Destination, Json, Message, Notice
from lib.notifiers.jira import adf

PROPERTY: Final = "ecr-scan-alerts"
MARK_LINE: Final = "ecr-scan-alerts finds this issue by this line:"
MARK_ROOM: Final = 300
"""Characters of JSON that the line takes in a description."""

_REFERENCE: Final = re.compile(
    r"(?P<site>[^|\s]+)\|(?P<project>[^|\s]+)\|(?P<key>[A-Z][A-Z0-9_]*-[0-9]+)", re.ASCII
)
_KEY: Final = re.compile(r"[A-Z][A-Z0-9_]*-[0-9]+", re.ASCII)
_MARK: Final = 20
"""Hexadecimal digits of a mark."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where an issue key is valid: in one project of one site."""

    site: str
    project: str

    def url(self, key: str) -> str:
        """Return the address of an issue."""
        return f"{self.site}/browse/{quote(key, safe='')}"

    def reference(self, key: str) -> str:
        """Return what the ledger stores of an issue."""
        return f"{self.site}|{self.project}|{key}"

    def key(self, reference: str | None) -> str | None:
        """
        Return the issue key in a stored reference; None when it is of another site or project.

        A bare key, as older versions stored it, is tried: its issue has to prove that it is ours.
        """
        if reference is None:
            return None
        if _KEY.fullmatch(reference):
            return reference
        found = _REFERENCE.fullmatch(reference)
        if found is None or (found["site"], found["project"]) != (self.site, self.project):
            return None
        return found["key"]


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose issue it is, as its property says: the mark, and the delivery that created it."""

    mark: str
    delivery: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page of search results, and the token of the next page."""

    keys: tuple[str, ...]
    next_token: str | None


def mark_of(stage: str, destination: Destination, stream: str) -> str:
    """Return the mark of a stream's issue: hexadecimal digits, and nothing from outside."""
    subject = f"{stage}\n{destination}\n{stream}".encode("utf-8", "replace")
    return hashlib.sha256(subject).hexdigest()[:_MARK]


def owner_of(message: Message, stage: str) -> Owner:
    """Return the owner of the issue that a message belongs to, were it created now."""
    group = message.group if isinstance(message, Notice) else message.stream
    return Owner(mark_of(stage, message.destination, group), message.delivery_id)


def label(owner: Owner) -> str:
    """Return the label by which people and the search find the issue of a stream."""
    return f"ecr-{owner.mark}"


def marked(description: Json, owner: Owner) -> Json:
    """Return a description that ends with the line by which the search finds it."""
    line = adf.paragraph(adf.text(f"{MARK_LINE} {owner.mark}", "em"))
    *nodes, last = description["content"]
    if last["type"] == "expand":
        ending = [{**last, "content": [*last["content"], line]}]
    else:
        ending = [last, line]
    return {**description, "content": [*nodes, *ending]}


def property_of(owner: Owner) -> Json:
    """Return the property to create an issue with."""
    return {"key": PROPERTY, "value": {"mark": owner.mark, "delivery": owner.delivery}}


def creator(create: Json) -> Owner:
    """Return the owner in a request that creates an issue, as `property_of` put it there."""
    value = create["properties"][0]["value"]
    return Owner(value["mark"], value["delivery"])


def owner_in(properties: Json) -> Owner | None:
    """Return the owner that the `properties` of an issue name; None when it is no issue of ours."""
    value = properties.get(PROPERTY) if isinstance(properties, dict) else None
    if not isinstance(value, dict):
        return None
    return Owner(str(value.get("mark")), str(value.get("delivery")))


def query(project: str, owner: Owner) -> str:
    """
    Return the JQL that finds the issues of a stream, the oldest first.

    Nothing in it comes from outside: a checked project key and hexadecimal digits. The line in the
    description counts, too: a project may have no labels, and people remove them.
    """
    return (
        f'project = "{project}" AND (labels = "{label(owner)}" OR text ~ "{owner.mark}")'
        " ORDER BY created ASC"
    )


def page(answer: str) -> Page:
    """Read a page of search results. Raises `TemporaryDeliveryError` for any other answer."""
    document = parsed(answer)
    issues = document.get("issues")
    if not isinstance(issues, list):
        raise _odd("a search")
    keys = [issue.get("key") for issue in issues if isinstance(issue, dict)]
    token = document.get("nextPageToken")
    return Page(
        tuple(key for key in keys if isinstance(key, str) and _KEY.fullmatch(key)),
        token if isinstance(token, str) and token else None,
    )


def parsed(answer: str) -> dict[str, Json]:
    """Return an answer's object. Raises `TemporaryDeliveryError` when it is none."""
    try:
        document = json.loads(answer)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise _odd("a question")
    return document


def mentioned(answer: str, delivery: str) -> bool:
    """
    Return whether one of the comments in an answer names a delivery, as every comment of ours does.

    Raises `TemporaryDeliveryError` when the answer is no list of comments.
    """
    comments = parsed(answer).get("comments")
    if not isinstance(comments, list):
        raise _odd("a question")
    return any(delivery in json.dumps(comment) for comment in comments)


def _odd(what: str) -> TemporaryDeliveryError:
    # Neither "there is no such issue" nor "it is not ours": a proxy, or maintenance.
    return TemporaryDeliveryError(f"Jira's answer to {what} is not understood", reason="odd-answer")
