"""
Jira Cloud REST v3, as far as alerts need it: issues, comments, attachments, transitions, search.

Also the calls of destination tests: account, permissions, issue types, create screen.
https://developer.atlassian.com/cloud/jira/platform/rest/v3/
Errors have Jira's format, {"errorMessages": [], "errors": {}}. Unsupported calls are answered
with 404. A description above the limit consumes an issue number, as in Jira (JRACLOUD-78553). The
search index lags behind the issues: `JiraStandIn.lag`.

Long because one class answers all calls of Jira over the same issues.
"""

import json
import re
import secrets
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from http import HTTPStatus
from threading import Lock
from types import MappingProxyType
from typing import Final

from local.standins import adf, jql
from local.standins.wire import NOT_FOUND, Answer, Call, Draft, Json, Kind, Note, Outcome, size

API: Final = "/rest/api/3"
SUMMARY: Final = 255
LABEL: Final = 255
PROPERTY_KEY: Final = 255
PROPERTY: Final = 32_768
"""Maximum characters of the JSON of an issue property."""
SEARCH_PAGE: Final = 50
"""Issues in a page of search results, unless the caller asks for fewer."""

_JSON: Final = MappingProxyType({"Content-Type": "application/json;charset=UTF-8"})
_ISSUE: Final = re.compile(rf"{API}/issue/(?P<key>[A-Z][A-Z0-9_]*-\d+|\d+)(?P<rest>/\w+)?")
_TYPES: Final = re.compile(rf"{API}/issue/createmeta/(?P<project>[A-Z][A-Z0-9_]*)/issuetypes")
_FIELDS: Final = re.compile(rf"{_TYPES.pattern}/(?P<type>\d+)")
_ISSUE_TYPES: Final = ("Task", "Bug", "Story")
_ATTACHMENT: Final = re.compile(rf"{API}/attachment/(?P<id>\d+)")
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
_GONE: Final = "Issue does not exist or you do not have permission to see it."


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of an issue."""

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
    properties: dict[str, Json] = field(default_factory=dict)
    comments: list[Json] = field(default_factory=list)
    attachments: list["Attachment"] = field(default_factory=list)

    @property
    def category(self) -> str:
        return next(category for _, name, category in _WORKFLOW if name == self.status)


@dataclass(frozen=True, slots=True)
class _IndexVersion:
    """A version of an issue in the index, from a time on; None for a deleted issue."""

    since: float
    issue: jql.IndexedIssue | None


class JiraStandIn:
    """A Jira site with all projects and issue types, and one account."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self.email = "alerts@example.com"
        self.token = secrets.token_hex(12)
        self.lag: Callable[[], float] = lambda: 0.0
        """Seconds until the search shows a change. Called at each change."""
        self._seconds = seconds
        self._index: dict[str, list[_IndexVersion]] = {}
        self._having: dict[jql.Clue, set[str]] = {}
        """All issues that ever had a label or a word, to narrow a search."""
        self._hidden: set[str] = set()
        self._issues: dict[str, _Issue] = {}
        self._numbers: dict[str, int] = {}
        self._files = 0
        self._lock = Lock()
        self._denied: set[str] = set()

    def deny(self, *permissions: str) -> None:
        """Revoke permissions, such as "DELETE_ISSUES"; without arguments restore all."""
        self._denied = set(permissions)

    def delete(self, key: str) -> None:
        """Delete an issue, as a person would: its key answers 404 afterwards."""
        with self._lock:
            del self._issues[key]
            self._show(key, None)

    def add(self, project: str, summary: str, **fields: Json) -> str:
        """Create an issue without properties, as a person would, and return its key."""
        with self._lock:
            issue_fields = {"project": {"key": project}, "issuetype": {"name": "Task"}, **fields}
            return self._kept({**issue_fields, "summary": summary}, {}).key

    def change(self, key: str, **fields: Json) -> None:
        """Edit an issue, as a person would."""
        with self._lock:
            issue = self._issues[key]
            issue.fields = issue.fields | fields
            self._show(key, issue)

    def keys(self) -> list[str]:
        """Return the keys of existing issues, oldest first."""
        with self._lock:
            return [*self._issues]

    def fields(self, key: str) -> Mapping[str, Json]:
        """Return the current fields of an issue."""
        with self._lock:
            return dict(self._issues[key].fields)

    def hide(self, project: str) -> None:
        """Revoke the permissions to browse a project and to create issues in it."""
        with self._lock:
            self._hidden.add(project)

    def attachment(self, number: str) -> Attachment | None:
        """Return a file by its id."""
        with self._lock:
            files = (file for issue in self._issues.values() for file in issue.attachments)
            return next((file for file in files if file.id == number), None)

    def destination(self, call: Call) -> str:
        """Return the issue key in a path, or ""."""
        match = _ISSUE.fullmatch(call.path)
        return match["key"] if match else ""

    def handle(self, call: Call) -> Outcome:
        """Answer as Jira does."""
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
            field_names = call.query.get("fields")
            query = (
                call.query
                if field_names is None
                else {**call.query, "fields": field_names.split(",")}
            )
            return self._search({**query, **body})
        if call.path == f"{API}/issue" and call.method == "POST":
            return self._create(body)
        match = _ISSUE.fullmatch(call.path)
        action = self._actions.get((call.method, (match["rest"] or "") if match else "?"))
        if match is None or action is None:
            return NOT_FOUND
        issue = next(
            (issue for issue in self._visible() if match["key"] in (issue.key, issue.id)), None
        )
        if issue is None:
            return _refuse(HTTPStatus.NOT_FOUND, _GONE)
        if action is JiraStandIn._read:
            return self._read(issue, dict(call.query))
        return action(self, issue, body)

    def _facts(self, call: Call) -> Json:
        """Return facts about the account or a project; None for other calls."""
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
        self._show(issue.key, None)
        return Outcome(Answer(HTTPStatus.NO_CONTENT))

    def _visible(self) -> Iterator[_Issue]:
        return (issue for issue in self._issues.values() if _project(issue.key) not in self._hidden)

    def _show(self, key: str, issue: _Issue | None) -> None:
        """Update the index for an issue, after the lag."""
        indexed_issue = None if issue is None else _indexed(issue)
        now = self._seconds()
        versions = self._index.setdefault(key, [])
        current = [number for number, version in enumerate(versions) if version.since <= now]
        del versions[: max(current, default=0)]
        versions.append(_IndexVersion(now + self.lag(), indexed_issue))
        for clue in indexed_issue.clues() if indexed_issue is not None else ():
            self._having.setdefault(clue, set()).add(key)

    def _file(self, call: Call) -> Outcome:
        """Add a file, or delete one."""
        deletion = _ATTACHMENT.fullmatch(call.path)
        if deletion is not None and call.method == "DELETE":
            for issue in self._issues.values():
                remaining = [file for file in issue.attachments if file.id != deletion["id"]]
                if len(remaining) < len(issue.attachments):
                    issue.attachments = remaining
                    return Outcome(Answer(HTTPStatus.NO_CONTENT))
            return _refuse(HTTPStatus.NOT_FOUND, "The attachment does not exist.")
        match = _ISSUE.fullmatch(call.path)
        if match is None or match["key"] not in self._issues:
            return _refuse(HTTPStatus.NOT_FOUND, _GONE)
        if call.headers.get("x-atlassian-token") != "no-check":
            return Outcome(Answer(HTTPStatus.FORBIDDEN, "XSRF check failed"), reason="XSRF check")
        return self._attached(self._issues[match["key"]], call)

    def _attached(self, issue: _Issue, call: Call) -> Outcome:
        file = _form_file(call)
        if file is None:
            return _refuse(HTTPStatus.BAD_REQUEST, 'The form has no file in its field "file".')
        self._files += 1
        name, media_type, content = file
        created = f"2026-01-01T00:00:{self._files % 60:02}.{self._files:03}+0000"
        attachment = Attachment(str(30_000 + self._files), name, media_type, content, created)
        issue.attachments.append(attachment)
        summary = {"id": attachment.id, "filename": name, "size": len(content)}
        return Outcome(
            _answer(HTTPStatus.OK, [summary]),
            Draft(issue.key, Kind.ATTACHED, summary, (Note(f"{len(content):,} bytes"),)),
        )

    def _create(self, body: dict[str, Json]) -> Outcome:
        if "CREATE_ISSUES" in self._denied:
            return _refuse(HTTPStatus.FORBIDDEN, "You cannot create issues in this project.")
        fields = body.get("fields") or {}
        errors = dict(_missing(fields)) | dict(_wrong(fields))
        if errors:
            return _refuse(HTTPStatus.BAD_REQUEST, **errors)
        problem = _wrong_properties(body.get("properties", []))
        if problem is not None:
            return _refuse(HTTPStatus.BAD_REQUEST, problem)
        if _project_of(fields) in self._hidden:
            problem = "You do not have permission to create issues in this project."
            return _refuse(HTTPStatus.BAD_REQUEST, project=problem)
        if _too_long(fields):
            self._number(_project_of(fields))
            return _refuse(HTTPStatus.BAD_REQUEST, "CONTENT_LIMIT_EXCEEDED")
        properties = {entry["key"]: entry["value"] for entry in body.get("properties", [])}
        issue = self._kept(fields, properties)
        draft = Draft(issue.key, Kind.CREATED, body, _notes(fields))
        return Outcome(_answer(HTTPStatus.CREATED, {"id": issue.id, "key": issue.key}), draft)

    def _kept(self, fields: dict[str, Json], properties: dict[str, Json]) -> _Issue:
        project = _project_of(fields)
        number = self._number(project)
        identifier = str(10_000 + sum(self._numbers.values()))
        issue = _Issue(identifier, f"{project}-{number}", fields, properties=properties)
        self._issues[issue.key] = issue
        self._show(issue.key, issue)
        return issue

    def _number(self, project: str) -> int:
        self._numbers[project] = self._numbers.get(project, 0) + 1
        return self._numbers[project]

    def _read(self, issue: _Issue, query: dict[str, Json]) -> Outcome:
        """Answer with the requested fields, or all, and with the requested properties."""
        field_names = query.get("fields")
        document = _document(issue, None if field_names is None else field_names.split(","))
        names = [name for name in str(query.get("properties", "")).split(",") if name]
        if names:
            document["properties"] = {
                name: value
                for name, value in issue.properties.items()
                if name in names or "*all" in names
            }
        return Outcome(_answer(HTTPStatus.OK, document))

    def _update(self, issue: _Issue, body: dict[str, Json]) -> Outcome:
        fields = body.get("fields") or {}
        errors = dict(_wrong(fields))
        if errors:
            return _refuse(HTTPStatus.BAD_REQUEST, **errors)
        if _too_long(fields):
            return _refuse(HTTPStatus.BAD_REQUEST, "CONTENT_LIMIT_EXCEEDED")
        issue.fields = issue.fields | fields
        self._show(issue.key, issue)
        draft = Draft(issue.key, Kind.UPDATED, body, _notes(fields))
        return Outcome(Answer(HTTPStatus.NO_CONTENT), draft)

    def _comment(self, issue: _Issue, body: dict[str, Json]) -> Outcome:
        for problem in adf.problems(body.get("body")):
            return _refuse(HTTPStatus.BAD_REQUEST, comment=f"Comment body is not valid! {problem}")
        count = adf.length(body["body"])
        if count > adf.LIMIT:
            return _refuse(HTTPStatus.BAD_REQUEST, "CONTENT_LIMIT_EXCEEDED")
        issue.comments.append(body["body"])
        self._show(issue.key, issue)
        comment = {"id": str(20_000 + len(issue.comments)), "body": body["body"]}
        draft = Draft(
            issue.key, Kind.COMMENTED, body, (size(count, adf.LIMIT, "characters of JSON"),)
        )
        return Outcome(_answer(HTTPStatus.CREATED, comment), draft)

    def _comments(self, issue: _Issue, _body: dict[str, Json]) -> Outcome:
        comments = [{"body": comment} for comment in reversed(issue.comments)]
        return Outcome(_answer(HTTPStatus.OK, {"comments": comments, "total": len(comments)}))

    def _transitions(self, _issue: _Issue, _body: dict[str, Json]) -> Outcome:
        transitions = [
            {"id": number, "name": name, "to": _status(name, category)}
            for number, name, category in _WORKFLOW
        ]
        return Outcome(_answer(HTTPStatus.OK, {"transitions": transitions}))

    def _move(self, issue: _Issue, body: dict[str, Json]) -> Outcome:
        transition_id = str((body.get("transition") or {}).get("id"))
        names = {number: name for number, name, _ in _WORKFLOW}
        if transition_id not in names:
            return _refuse(
                HTTPStatus.BAD_REQUEST,
                "It seems that you have tried to perform a workflow operation"
                f" ({transition_id}) that is not valid for the current state of this issue.",
            )
        issue.status = names[transition_id]
        self._show(issue.key, issue)
        draft = Draft(issue.key, Kind.MOVED, {**body, "to": issue.status})
        return Outcome(Answer(HTTPStatus.NO_CONTENT), draft)

    def _search(self, request: Mapping[str, Json]) -> Outcome:
        """Return a page of results from the index. Without `fields`, issues have only an id."""
        query = jql.parse(str(request.get("jql") or ""))
        if query is None:
            return _refuse(HTTPStatus.BAD_REQUEST, "Error in the JQL Query.")
        for project in query.projects() & self._hidden:
            problem = f"The value '{project}' does not exist for the field 'project'."
            return _refuse(HTTPStatus.BAD_REQUEST, problem)
        clues = query.condition.clues()
        keys = (
            None if clues is None else set().union(*(self._having.get(clue, ()) for clue in clues))
        )
        hits = [issue for issue in self._shown(keys) if query.condition.matches(issue)]
        if query.descending:
            hits.reverse()
        begin = int(request.get("nextPageToken") or 0)
        end = begin + min(int(request.get("maxResults") or SEARCH_PAGE), SEARCH_PAGE)
        field_names = request.get("fields")
        answer: dict[str, Json] = {
            "issues": [self._hit(hit, field_names) for hit in hits[begin:end]],
            "isLast": end >= len(hits),
        }
        if end < len(hits):
            answer["nextPageToken"] = str(end)
        return Outcome(_answer(HTTPStatus.OK, answer))

    def _shown(self, keys: set[str] | None) -> Iterator[jql.IndexedIssue]:
        """Yield the current index entries of some or all issues, oldest first."""
        now = self._seconds()
        ordered_keys = self._index if keys is None else sorted(keys, key=self._created)
        for key in ordered_keys:
            versions = [version for version in self._index[key] if version.since <= now]
            issue = versions[-1].issue if versions else None
            if issue is not None and _project(issue.key) not in self._hidden:
                yield issue

    def _created(self, key: str) -> int:
        """Return the position of an issue in the order of creation."""
        return next(
            (int(version.issue.id) for version in self._index[key] if version.issue is not None), 0
        )

    def _hit(self, entry: jql.IndexedIssue, field_names: Iterable[str] | None) -> Json:
        # A deleted issue stays in the index for a while, with only its key.
        issue = self._issues.get(entry.key)
        if issue is None or field_names is None:
            return {"id": entry.id} | ({"key": entry.key} if field_names else {})
        return _document(issue, [*field_names])

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
    notes = []
    if "summary" in fields:
        notes.append(size(len(fields["summary"]), SUMMARY, "characters of summary"))
    if fields.get("description") is not None:
        count = adf.length(fields["description"])
        notes.append(size(count, adf.LIMIT, "characters of JSON"))
    return tuple(notes)


def _status(name: str, category: str) -> Json:
    return {"name": name, "statusCategory": {"key": category}}


def _document(issue: _Issue, field_names: Iterable[str] | None = None) -> dict[str, Json]:
    # Closed issues have a resolution, as in Jira's workflows: here the name of their status.
    resolution = {"name": issue.status} if issue.category == "done" else None
    status = _status(issue.status, issue.category)
    files = [
        {"id": file.id, "filename": file.name, "size": len(file.content), "created": file.created}
        for file in issue.attachments
    ]
    fields = {**issue.fields, "status": status, "resolution": resolution, "attachment": files}
    if field_names is not None:
        fields = {name: value for name, value in fields.items() if name in [*field_names]}
    return {"id": issue.id, "key": issue.key, "fields": fields}


def _indexed(issue: _Issue) -> jql.IndexedIssue:
    texts = [issue.fields.get("summary"), issue.fields.get("description"), issue.comments]
    return jql.IndexedIssue(
        id=issue.id,
        key=issue.key,
        words=frozenset(word for text in texts for word in jql.words(text)),
        values={
            "labels": tuple(issue.fields.get("labels") or ()),
            "project": tuple(map(str, issue.fields["project"].values())),
            "status": (issue.status,),
            "statuscategory": (issue.category, issue.category.capitalize()),
            "key": (issue.key,),
            "issuekey": (issue.key,),
        },
    )


def _project_of(fields: Mapping[str, Json]) -> str:
    return str(fields["project"].get("key") or fields["project"].get("id"))


def _project(key: str) -> str:
    return key.rpartition("-")[0]


def _wrong_properties(properties: Json) -> str | None:
    """Return the error of a new issue's properties; None for valid ones."""
    if not isinstance(properties, list):
        return "The properties are not a list."
    for entry in properties:
        if not isinstance(entry, dict) or not isinstance(entry.get("key"), str) or not entry["key"]:
            return "A property has no key."
        if len(entry["key"]) > PROPERTY_KEY:
            return f"The key of a property is longer than {PROPERTY_KEY} characters."
        if len(json.dumps(entry.get("value"))) > PROPERTY:
            return f"The value of a property is longer than {PROPERTY} characters."
    return None


def _form_file(call: Call) -> tuple[str, str, bytes] | None:
    """Return name, type and content of the file in a form."""
    head = f"Content-Type: {call.headers.get('content-type', '')}\r\n\r\n".encode()
    form = message_from_bytes(head + call.body, policy=HTTP)
    for part in form.iter_parts() if form.is_multipart() else ():
        if part.get_param("name", header="content-disposition") == "file":
            content = part.get_payload(decode=True)
            return part.get_filename() or "", part.get_content_type(), bytes(content)
    return None
