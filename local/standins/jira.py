"""
Jira Cloud REST v3, the part that alerts need: issues, comments, attachments, transitions, search.

And what a test of a destination asks: account, permissions, issue types, create screen.
https://developer.atlassian.com/cloud/jira/platform/rest/v3/
Errors come in Jira's shape, {"errorMessages": [], "errors": {}}; an answer to a call that it does
not know is 404. A description above the limit costs an issue number, as at Jira (JRACLOUD-78553).
"""

import json
import re
import secrets
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from http import HTTPStatus
from threading import Lock
from types import MappingProxyType
from typing import Final

from local.standins import adf
from local.standins.wire import NOT_FOUND, Answer, Call, Draft, Json, Kind, Note, Outcome, size

API: Final = "/rest/api/3"
SUMMARY: Final = 255
LABEL: Final = 255

_JSON: Final = MappingProxyType({"Content-Type": "application/json;charset=UTF-8"})
_ISSUE: Final = re.compile(rf"{API}/issue/(?P<key>[A-Z][A-Z0-9_]*-\d+|\d+)(?P<rest>/\w+)?")
_TYPES: Final = re.compile(rf"{API}/issue/createmeta/(?P<project>[A-Z][A-Z0-9_]*)/issuetypes")
_FIELDS: Final = re.compile(rf"{_TYPES.pattern}/(?P<type>\d+)")
_ISSUE_TYPES: Final = ("Task", "Bug", "Story")
_ATTACHMENT: Final = re.compile(rf"{API}/attachment/(?P<id>\d+)")
_TERM: Final = re.compile(
    r"""\s*(\w+(?=\s*!?=)|text(?=\s*~))\s*(=|!=|~)\s*(?:"((?:[^"\\]|\\.)*)"|([\w.-]+))\s*"""
)
_SCREEN: Final = (
    "project",
    "issuetype",
    "summary",
    "description",
    "labels",
    "priority",
    "components",
    "assignee",
    "reporter",
    "parent",
    "duedate",
    "environment",
)
_WORKFLOW: Final = (
    ("11", "To Do", "new"),
    ("21", "In Progress", "indeterminate"),
    ("31", "Done", "done"),
    ("41", "Won't Do", "done"),
)
_ORDER: Final = re.compile(r"\s+order\s+by\s+created(?:\s+(asc|desc))?\s*$", re.IGNORECASE)
_GONE: Final = "Issue does not exist or you do not have permission to see it."


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file at an issue."""

    id: str
    name: str
    media_type: str
    content: bytes
    created: str


@dataclass(slots=True)
class _Issue:
    id: str
    key: str
    fields: dict[str, Json]
    status: str = "To Do"
    comments: list[Json] = field(default_factory=list)
    attachments: list["Attachment"] = field(default_factory=list)

    @property
    def category(self) -> str:
        return next(category for _, name, category in _WORKFLOW if name == self.status)


class JiraStandIn:
    """One site: every project exists, every issue type too, and one account may write."""

    def __init__(self) -> None:
        self.email = "alerts@example.com"
        self.token = secrets.token_hex(12)
        self._issues: dict[str, _Issue] = {}
        self._numbers: dict[str, int] = {}
        self._files = 0
        self._lock = Lock()
        self._denied: set[str] = set()

    def deny(self, *permissions: str) -> None:
        """Take permissions, such as "DELETE_ISSUES", from the account; without any: give all."""
        self._denied = set(permissions)

    def delete(self, key: str) -> None:
        """Remove an issue, as a person would: its key answers 404 from now on."""
        with self._lock:
            del self._issues[key]

    def attachment(self, number: str) -> Attachment | None:
        """Return a file by its id."""
        with self._lock:
            files = (each for issue in self._issues.values() for each in issue.attachments)
            return next((each for each in files if each.id == number), None)

    def destination(self, call: Call) -> str:
        """Return the issue key in a path, or ""."""
        found = _ISSUE.fullmatch(call.path)
        return found["key"] if found else ""

    def handle(self, call: Call) -> Outcome:
        """Answer as Jira would."""
        expected = b64encode(f"{self.email}:{self.token}".encode()).decode()
        if call.headers.get("authorization") != f"Basic {expected}":
            return _refuse(
                HTTPStatus.UNAUTHORIZED, "Client must be authenticated to access this resource."
            )
        if call.path.endswith("/attachments") or _ATTACHMENT.fullmatch(call.path):
            with self._lock:
                return self._file(call)
        try:
            body = json.loads(call.body) if call.body else {}
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return _refuse(HTTPStatus.BAD_REQUEST, "The request body is not a JSON object.")
        facts = self._facts(call)
        if facts is not None:
            return Outcome(_answer(HTTPStatus.OK, facts))
        with self._lock:
            return self._route(call, body)

    def _route(self, call: Call, body: dict[str, Json]) -> Outcome:
        if call.path == f"{API}/search/jql":
            return self._search({**call.query, **body})
        if call.path == f"{API}/issue" and call.method == "POST":
            return self._create(body)
        found = _ISSUE.fullmatch(call.path)
        action = self._actions.get((call.method, (found["rest"] or "") if found else "?"))
        if found is None or action is None:
            return NOT_FOUND
        issue = next(
            (each for each in self._issues.values() if found["key"] in (each.key, each.id)), None
        )
        if issue is None:
            return _refuse(HTTPStatus.NOT_FOUND, _GONE)
        return action(self, issue, body)

    def _facts(self, call: Call) -> Json:
        """Return what is asked about the account or a project; None for any other question."""
        if call.method != "GET":
            return None
        if call.path == f"{API}/myself":
            return {"displayName": "Alerts", "emailAddress": self.email, "active": True}
        if call.path == f"{API}/mypermissions":
            names = call.query.get("permissions", "").split(",")
            granted = {name: {"havePermission": name not in self._denied} for name in names}
            return {"permissions": granted}
        if _TYPES.fullmatch(call.path):
            kinds = [{"id": str(n), "name": name} for n, name in enumerate(_ISSUE_TYPES, 10_000)]
            return {"issueTypes": kinds, "total": len(kinds)}
        if _FIELDS.fullmatch(call.path):
            fields = [
                {"fieldId": name, "name": name.capitalize(), "required": name in _SCREEN[:3]}
                for name in _SCREEN
            ]
            return {"fields": fields, "total": len(fields)}
        return None

    def _delete(self, issue: _Issue, _body: dict[str, Json]) -> Outcome:
        if "DELETE_ISSUES" in self._denied:
            return _refuse(HTTPStatus.FORBIDDEN, "You do not have permission to delete issues.")
        del self._issues[issue.key]
        return Outcome(Answer(HTTPStatus.NO_CONTENT))

    def _file(self, call: Call) -> Outcome:
        """Take a file, or remove one."""
        removed = _ATTACHMENT.fullmatch(call.path)
        if removed is not None and call.method == "DELETE":
            for issue in self._issues.values():
                kept = [each for each in issue.attachments if each.id != removed["id"]]
                if len(kept) < len(issue.attachments):
                    issue.attachments = kept
                    return Outcome(Answer(HTTPStatus.NO_CONTENT))
            return _refuse(HTTPStatus.NOT_FOUND, "The attachment does not exist.")
        found = _ISSUE.fullmatch(call.path)
        if found is None or found["key"] not in self._issues:
            return _refuse(HTTPStatus.NOT_FOUND, _GONE)
        if call.headers.get("x-atlassian-token") != "no-check":
            return Outcome(Answer(HTTPStatus.FORBIDDEN, "XSRF check failed"), reason="XSRF check")
        return self._attached(self._issues[found["key"]], call)

    def _attached(self, issue: _Issue, call: Call) -> Outcome:
        file = _form_file(call)
        if file is None:
            return _refuse(HTTPStatus.BAD_REQUEST, 'The form has no file in its field "file".')
        self._files += 1
        name, media_type, content = file
        created = f"2026-01-01T00:00:{self._files % 60:02}.{self._files:03}+0000"
        kept = Attachment(str(30_000 + self._files), name, media_type, content, created)
        issue.attachments.append(kept)
        told = {"id": kept.id, "filename": name, "size": len(content)}
        return Outcome(
            _answer(HTTPStatus.OK, [told]),
            Draft(issue.key, Kind.ATTACHED, told, (Note(f"{len(content):,} bytes"),)),
        )

    def _create(self, body: dict[str, Json]) -> Outcome:
        if "CREATE_ISSUES" in self._denied:
            return _refuse(HTTPStatus.FORBIDDEN, "You cannot create issues in this project.")
        fields = body.get("fields") or {}
        errors = dict(_missing(fields)) | dict(_wrong(fields))
        if errors:
            return _refuse(HTTPStatus.BAD_REQUEST, **errors)
        project = str(fields["project"].get("key") or fields["project"].get("id"))
        number = self._numbers[project] = self._numbers.get(project, 0) + 1
        if _too_long(fields):
            return _refuse(HTTPStatus.BAD_REQUEST, "CONTENT_LIMIT_EXCEEDED")
        issue = _Issue(str(10_000 + sum(self._numbers.values())), f"{project}-{number}", fields)
        self._issues[issue.key] = issue
        draft = Draft(issue.key, Kind.CREATED, body, _notes(fields))
        return Outcome(_answer(HTTPStatus.CREATED, {"id": issue.id, "key": issue.key}), draft)

    def _read(self, issue: _Issue, _body: dict[str, Json]) -> Outcome:
        return Outcome(_answer(HTTPStatus.OK, _document(issue)))

    def _update(self, issue: _Issue, body: dict[str, Json]) -> Outcome:
        fields = body.get("fields") or {}
        errors = dict(_wrong(fields))
        if errors:
            return _refuse(HTTPStatus.BAD_REQUEST, **errors)
        if _too_long(fields):
            return _refuse(HTTPStatus.BAD_REQUEST, "CONTENT_LIMIT_EXCEEDED")
        issue.fields = issue.fields | fields
        draft = Draft(issue.key, Kind.UPDATED, body, _notes(fields))
        return Outcome(Answer(HTTPStatus.NO_CONTENT), draft)

    def _comment(self, issue: _Issue, body: dict[str, Json]) -> Outcome:
        for problem in adf.problems(body.get("body")):
            return _refuse(HTTPStatus.BAD_REQUEST, comment=f"Comment body is not valid! {problem}")
        count = adf.length(body["body"])
        if count > adf.LIMIT:
            return _refuse(HTTPStatus.BAD_REQUEST, "CONTENT_LIMIT_EXCEEDED")
        issue.comments.append(body["body"])
        comment = {"id": str(20_000 + len(issue.comments)), "body": body["body"]}
        draft = Draft(
            issue.key, Kind.COMMENTED, body, (size(count, adf.LIMIT, "characters of JSON"),)
        )
        return Outcome(_answer(HTTPStatus.CREATED, comment), draft)

    def _comments(self, issue: _Issue, _body: dict[str, Json]) -> Outcome:
        listed = [{"body": each} for each in issue.comments]
        return Outcome(_answer(HTTPStatus.OK, {"comments": listed, "total": len(listed)}))

    def _transitions(self, _issue: _Issue, _body: dict[str, Json]) -> Outcome:
        listed = [
            {"id": each, "name": name, "to": _status(name, category)}
            for each, name, category in _WORKFLOW
        ]
        return Outcome(_answer(HTTPStatus.OK, {"transitions": listed}))

    def _move(self, issue: _Issue, body: dict[str, Json]) -> Outcome:
        wanted = str((body.get("transition") or {}).get("id"))
        names = {each: name for each, name, _ in _WORKFLOW}
        if wanted not in names:
            return _refuse(
                HTTPStatus.BAD_REQUEST,
                f"It seems that you have tried to perform a workflow operation ({wanted}) that is"
                " not valid for the current state of this issue.",
            )
        issue.status = names[wanted]
        draft = Draft(issue.key, Kind.MOVED, {**body, "to": issue.status})
        return Outcome(Answer(HTTPStatus.NO_CONTENT), draft)

    def _search(self, asked: Mapping[str, Json]) -> Outcome:
        """Understand `field = value` and `!=`, joined by AND, then ORDER BY created, or refuse."""
        jql = str(asked.get("jql") or "")
        order = _ORDER.search(jql)
        clauses = re.split(r"\s+and\s+", _ORDER.sub("", jql), flags=re.IGNORECASE)
        terms = [_TERM.fullmatch(clause) for clause in clauses]
        if not all(terms):
            return _refuse(HTTPStatus.BAD_REQUEST, "Error in the JQL Query.")
        wanted = [(one[1], one[2], one[3] or one[4]) for one in terms if one]
        hits = [
            issue
            for issue in self._issues.values()
            if all(_matches(issue, *each) for each in wanted)
        ]
        if order and (order[1] or "").lower() == "desc":
            hits.reverse()
        return Outcome(
            _answer(HTTPStatus.OK, {"issues": [_document(each) for each in hits], "isLast": True})
        )

    _actions: Final[
        Mapping[tuple[str, str], Callable[["JiraStandIn", _Issue, dict[str, Json]], Outcome]]
    ] = MappingProxyType(
        {
            ("GET", ""): _read,
            ("PUT", ""): _update,
            ("DELETE", ""): _delete,
            ("GET", "/comment"): _comments,
            ("POST", "/comment"): _comment,
            ("GET", "/transitions"): _transitions,
            ("POST", "/transitions"): _move,
        }
    )


def _answer(status: HTTPStatus, document: Json) -> Answer:
    return Answer(status, json.dumps(document), _JSON)


def _refuse(status: HTTPStatus, *messages: str, **errors: str) -> Outcome:
    document = {"errorMessages": list(messages), "errors": errors}
    reason = "; ".join([*messages, *(f"{name}: {text}" for name, text in errors.items())])
    return Outcome(_answer(status, document), reason=reason)


def _missing(fields: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    if not _named(fields.get("project"), "key"):
        yield "project", "valid project is required"
    if not _named(fields.get("issuetype"), "name"):
        yield "issuetype", "Specify an issue type"
    if "summary" not in fields:
        yield "summary", "You must specify a summary of the issue."


def _named(value: Json, name: str) -> bool:
    return isinstance(value, dict) and bool(value.get(name) or value.get("id"))


def _wrong(fields: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    for name in fields:
        if name not in _SCREEN and not name.startswith("customfield_"):
            yield (
                name,
                (f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."),
            )
    yield from _wrong_summary(fields)
    for label in fields.get("labels") or ():
        if not isinstance(label, str) or any(character.isspace() for character in label):
            yield "labels", f"The label '{label}' contains spaces which is invalid."
        elif len(label) > LABEL:
            yield "labels", f"The label '{label}' exceeds the maximum length of {LABEL}."
    if fields.get("description") is not None:
        for problem in adf.problems(fields["description"]):
            yield (
                "description",
                (
                    "Operation value must be an Atlassian Document"
                    f" (see the Atlassian Document Format): {problem}"
                ),
            )
            return


def _wrong_summary(fields: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    if "summary" not in fields:
        return
    summary = fields["summary"]
    if not isinstance(summary, str) or not summary.strip():
        yield "summary", "You must specify a summary of the issue."
    elif len(summary) > SUMMARY:
        yield "summary", f"Summary must be less than {SUMMARY} characters."
    elif "\n" in summary or "\r" in summary:
        yield "summary", "The summary is invalid because it contains newline characters."


def _too_long(fields: Mapping[str, Json]) -> bool:
    return adf.length(fields.get("description")) > adf.LIMIT


def _notes(fields: Mapping[str, Json]) -> tuple[Note, ...]:
    found = []
    if "summary" in fields:
        found.append(size(len(fields["summary"]), SUMMARY, "characters of summary"))
    if fields.get("description") is not None:
        count = adf.length(fields["description"])
        found.append(size(count, adf.LIMIT, "characters of JSON"))
    return tuple(found)


def _status(name: str, category: str) -> Json:
    return {"name": name, "statusCategory": {"key": category}}


def _document(issue: _Issue) -> Json:
    # Closed issues have a resolution, as in Jira's own workflows: here the name of their status.
    resolution = {"name": issue.status} if issue.category == "done" else None
    status = _status(issue.status, issue.category)
    files = [
        {"id": each.id, "filename": each.name, "size": len(each.content), "created": each.created}
        for each in issue.attachments
    ]
    fields = {**issue.fields, "status": status, "resolution": resolution, "attachment": files}
    return {"id": issue.id, "key": issue.key, "fields": fields}


def _matches(issue: _Issue, name: str, operator: str, value: str) -> bool:
    if operator == "~":
        words = json.dumps([issue.fields, issue.comments])
        return value in words
    return (value in _values(issue, name)) is (operator == "=")


def _form_file(call: Call) -> tuple[str, str, bytes] | None:
    """Return name, type and content of the file in a form."""
    head = f"Content-Type: {call.headers.get('content-type', '')}\r\n\r\n".encode()
    form = message_from_bytes(head + call.body, policy=HTTP)
    for part in form.iter_parts() if form.is_multipart() else ():
        if part.get_param("name", header="content-disposition") == "file":
            content = part.get_payload(decode=True)
            return part.get_filename() or "", part.get_content_type(), bytes(content)
    return None


def _values(issue: _Issue, name: str) -> tuple[str, ...]:
    """Return what a JQL field means for an issue; a field nobody knows has no value."""
    match name.lower():
        case "labels":
            return tuple(issue.fields.get("labels") or ())
        case "project":
            return tuple(map(str, issue.fields["project"].values()))
        case "status":
            return (issue.status,)
        case "statuscategory":
            return (issue.category, issue.category.capitalize())
        case "key" | "issuekey":
            return (issue.key,)
        case _:
            return ()
