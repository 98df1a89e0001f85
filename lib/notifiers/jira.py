"""
Jira Cloud, REST v3: one issue per destination and image stream, kept current.

Created once; then its summary and description say how things stand, and each alert is a comment
about what changed. A closed issue is reopened for something new, unless people decided against it.
The ledger stores the key of the issue. A key is used only in its own site and project, and only
after the issue has proved that it is ours (`jira_identity`). Before an issue is created, a search
looks for the one that may be there already. The report page is attached; an alert does not wait for
the page.
"""

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import ClassVar, Final
from urllib.parse import quote

from lib.checks import Check
from lib.errors import (
    AmbiguousDeliveryError,
    ConfigError,
    DeliveryError,
    PermanentDeliveryError,
    StoreError,
    TemporaryDeliveryError,
)
from lib.interfaces import DestinationTest, HttpClient, Json, NotifierTools
from lib.models import (
    LONG_ANSWER,
    Alert,
    AskLater,
    Change,
    ChangeKind,
    Digest,
    Message,
    NotThere,
    Receipt,
    ScanProblem,
    Upgrade,
    Upload,
    Usage,
    Verdict,
)
from lib.notifiers import adf, jira_checks, jira_digest, testing, wording
from lib.notifiers import jira_identity as identity
from lib.notifiers import jira_workflow as workflow
from lib.report import vulnerability_url
from lib.text import one_line, truncate

# https://support.atlassian.com/jira-cloud-administration/docs/jira-cloud-field-limits and
# https://jira.atlassian.com/browse/JRACLOUD-78553: a refused create still uses up an issue number.
MAX_SUMMARY: Final = 255
MAX_TEXT: Final = 32_767
"""Characters of a description or comment; counted over its JSON, which is the safe reading."""
MAX_LABEL: Final = 255

# https://support.atlassian.com/jira-cloud-administration/docs/configure-file-attachments: the least
# that sites allow.
MAX_ATTACHMENT: Final = 10_000_000

LABEL: Final = "ecr-scan-alerts"
FILE: Final = "scan-report"
"""How the names of attached pages begin."""
_KEPT: Final = 3
_TAG: Final = 60
_UNFIT: Final = re.compile(r"[^A-Za-z0-9._-]")
_DEFAULT_TYPE: Final = "Task"
_ROWS: Final = (20, 10, 5, 2)
"""Rows per table of the description, when the one before is too long."""
_ITEMS: Final = (20, 10, 5, 2)
"""Findings in a comment, likewise."""
_REASONS: Final = 12
_PLATFORMS: Final = 30
_PROBLEM: Final = 1000
_COMMAND: Final = 4000
_STEPS: Final = 10_000
_VERDICT: Final = 800
_NOTE: Final = 600
"""Characters kept free in a comment for what `send` says about the issue's status."""
_DECISION: Final = 60
_MAX_URL: Final = 2000
_GONE: Final = "http-404"
_INDEX_LAG: Final = timedelta(minutes=5)
_INDEX_STEP: Final = 60.0
_COMMENTS: Final = 50
_FOUND: Final = 50
"""Issues in one page of search results."""
_PAGES: Final = 10
"""Pages of search results that are read: ours is the oldest issue, unless people label others."""


class JiraNotifier:
    """
    Its options are those of `schemas/notifiers/jira.json`.

    Labels and priority are set when an issue is created and left to people afterwards.
    """

    hosts: ClassVar[tuple[str, ...]] = (".atlassian.net",)
    threaded: ClassVar[bool] = True
    interval: ClassVar[float] = 0.0

    def __init__(self, options: Mapping[str, Json], tools: NotifierTools) -> None:
        self._options = options
        self._tools = tools
        self._site = str(options["site"]).rstrip("/")
        self._scope = identity.Scope(self._site, str(options["project"]))

    def render(self, alert: Message, *, thread: str | None = None) -> Json:
        """
        Return {"create": issue, "update": {"key", "fields", "comment"}}.

        `send` decides which of both it is: a stored issue may be deleted or not be ours, and one
        that nobody stored may be there. "key" is missing without a stored reference. A scan
        without a result, or one that comes late, only comments: the description keeps what was
        known. What to do about the issue's status stands in "if_closed" ("reopen" or "say") or
        "if_open" ("close"), and the page to attach in {"attach": {"page": key, "name"}}. All
        digests are one issue.
        """
        if isinstance(alert, Digest):
            return self._digest(alert, thread, self._labels(alert))
        texts = self._texts(alert, _summary(alert), _description(alert))
        fields = {} if alert.problem or alert.outdated else texts
        update = {"fields": fields, "comment": {"body": _comment(alert)}}
        return {
            "create": self._new(alert, texts | self._extras(alert)),
            "update": self._keyed(thread) | update | self._about_status(alert),
            **self._file(alert),
        }

    def plain(self, alert: Message, *, thread: str | None = None) -> Json:
        """See `Notifier.plain`: no table, no label, no priority, which not every screen has."""
        if isinstance(alert, Digest):
            return self._digest(alert, thread, {})
        body = adf.document(
            [
                *_verdict(alert, alert.verdict),
                _links(alert),
                adf.paragraph(adf.text(wording.footer(alert))),
            ]
        )
        return {
            "create": self._new(alert, self._texts(alert, _summary(alert), body)),
            "update": self._keyed(thread) | {"fields": {}, "comment": {"body": body}},
        }

    def usage(self, payload: Json) -> tuple[Usage, ...]:
        """See `Notifier.usage`."""
        fields, comment = payload["create"]["fields"], payload["update"]["comment"]["body"]
        return (
            Usage("characters of the summary", len(fields["summary"]), MAX_SUMMARY),
            Usage("characters of the description", _length(fields["description"]), MAX_TEXT),
            Usage("characters of the comment", _length(comment), MAX_TEXT),
        )

    def send(self, payload: Json) -> Receipt:
        """
        See `Notifier.send`. An update that is repeated changes nothing but its comment.

        An issue that the search finds may hold this delivery already, from an attempt whose answer
        was lost: then nothing is sent.
        """
        headers = self._headers()
        owner = identity.creator(payload["create"])
        key = payload["update"].get("key")
        for issue in self._own(key, owner, headers):
            if issue.key != key and issue.holds(owner.delivery):
                return self._receipt(issue.key)
            try:
                return self._update(issue, payload["update"], payload.get("attach"))
            except PermanentDeliveryError as error:
                if error.reason != _GONE:
                    raise
        return self._created(payload, headers)

    def verify(
        self,
        alert: Message,
        *,
        since: datetime,
        now: datetime,
        thread: str | None = None,
        tried_at: datetime | None = None,
    ) -> Verdict:
        """
        See `Notifier.verify`. Only an issue that holds this very delivery is a receipt.

        An issue of the stream without it is where the delivery goes next. While there is none, the
        search is repeated for five minutes: Jira's index lags by seconds to minutes.
        https://developer.atlassian.com/cloud/jira/platform/search-and-reconcile
        """
        owner = identity.owner_of(alert, self._tools.stage)
        issues = self._own(self._scope.key(thread), owner, self._headers())
        place: _Issue | None = None
        for place in issues:
            if place.holds(owner.delivery):
                return self._receipt(place.key)
        lags = place is None and now - (tried_at or since) < _INDEX_LAG
        return AskLater(_INDEX_STEP) if lags else NotThere()

    def _own(
        self, stored: str | None, owner: identity.Owner, headers: Mapping[str, str]
    ) -> Iterator["_Issue"]:
        """
        Yield the issues of a stream: the stored one, then those that the search finds.

        The search runs only when the caller goes on past the stored one.
        """
        tried = set()
        for key in chain((stored,) if stored else (), self._search(owner, headers)):
            issue = None if key in tried else self._issue(key, headers)
            tried.add(key)
            if issue is not None and issue.belongs_to(owner):
                yield issue

    def _search(self, owner: identity.Owner, headers: Mapping[str, str]) -> Iterator[str]:
        """Yield the keys of the issues that carry a mark, the oldest first."""
        body = {
            "jql": identity.query(self._scope.project, owner),
            "fields": ["key"],
            "maxResults": _FOUND,
        }
        for _ in range(_PAGES):
            page = identity.page(self._asked(body, headers))
            yield from page.keys
            if page.next_token is None:
                return
            body["nextPageToken"] = page.next_token

    def _asked(self, body: Json, headers: Mapping[str, str]) -> str:
        """
        Return the answer to a search.

        The only part of the query that can be wrong is the project, so a refusal is about every
        alert of this destination.
        """
        try:
            with _reading():
                url = f"{self._site}/rest/api/3/search/jql"
                return self._tools.http.post(url, body, headers=headers, limit=LONG_ANSWER).text
        except PermanentDeliveryError as error:
            raise PermanentDeliveryError(str(error), broken=True, reason=error.reason) from None

    def _issue(self, key: str, headers: Mapping[str, str]) -> "_Issue | None":
        """Return an issue as it is now; None when it does not exist (any more)."""
        issue = _Issue(self._tools.http, f"{self._site}/rest/api/3", key, headers)
        try:
            return issue.read()
        except PermanentDeliveryError as error:
            if error.reason != _GONE:
                raise
            return None

    def _update(self, issue: "_Issue", update: Json, page: Json) -> Receipt:
        """Move, edit, attach, then comment: whatever is repeated, there is only one comment."""
        asked = "if_closed" in update or "if_open" in update
        status = issue.status() if asked else workflow.Status(done=False)
        note = self._reopened(issue, status, update.get("if_closed"))
        if update["fields"]:
            issue.edit(update["fields"], locked=note is not None)
        if update.get("if_open") == "close" and not status.done:
            note = workflow.DONE if issue.move(done=True) else workflow.NOT_DONE
        remark = None if page is None else self._attach(issue, page)
        issue.comment(update["comment"]["body"], note)
        return replace(self._receipt(issue.key), remark=remark)

    def _attach(self, issue: "_Issue", page: Json) -> str | None:
        """
        Attach the report page in place of the oldest ones; return why that was not possible.

        Whatever goes wrong, the alert counts more: attachments can be off, or not permitted.
        """
        try:
            content = self._tools.pages.read(page["page"]) if self._tools.pages else None
            if content is None:
                return "not attached: the report page is not stored"
            if len(content) > MAX_ATTACHMENT:
                return f"not attached: the report page has {len(content):,} bytes"
            # The comment comes after it, and is the message.
            with self._tools.http.reserve_call():
                issue.attach(Upload(page["name"], content, "text/html"))
        except (DeliveryError, StoreError) as error:
            return f"not attached: {error}"
        return None

    def _reopened(self, issue: "_Issue", status: workflow.Status, wanted: str | None) -> str | None:
        """Return what to say about a closed issue, after reopening it where that is right."""
        if wanted is None or not status.done:
            return None
        if status.on_purpose is not None:
            word = truncate(one_line(status.on_purpose), _DECISION)
            return workflow.DECIDED.format(word=word)
        if wanted != "reopen":
            return workflow.CLOSED
        return workflow.REOPENED if issue.move(done=False) else workflow.STUCK

    def _about_status(self, alert: Alert) -> dict[str, str]:
        if alert.outdated:
            return {}
        quiet = (ChangeKind.RESOLVED, ChangeKind.UNCHANGED)
        if any(each.kind not in quiet for each in alert.changes):
            return {"if_closed": "reopen" if self._options.get("reopen", True) else "say"}
        known = alert.problem is None and alert.scan.complete
        if self._options.get("close", False) and known and not alert.standing:
            return {"if_open": "close"}
        return {}

    def _created(self, payload: Json, headers: Mapping[str, str]) -> Receipt:
        receipt = self._create(payload["create"], headers)
        page = payload.get("attach")
        if page is None:
            return receipt
        issue = _Issue(self._tools.http, f"{self._site}/rest/api/3", receipt.reference, headers)
        return replace(receipt, remark=self._attach(issue, page))

    def _create(self, issue: Json, headers: Mapping[str, str]) -> Receipt:
        try:
            answer = self._tools.http.post(f"{self._site}/rest/api/3/issue", issue, headers=headers)
        except PermanentDeliveryError as error:
            if not _of_the_project(error):
                raise
            raise PermanentDeliveryError(str(error), broken=True, reason=error.reason) from None
        key = _key(answer.text)
        if key is None:
            raise AmbiguousDeliveryError(
                f"Jira answered {answer.status} without an issue key", reason="no-issue-key"
            )
        return self._receipt(key)

    def test(self, test: DestinationTest) -> Iterator[Check]:
        """See `Testable.test`. Writes nothing unless `create`: an issue is not a message."""
        headers = self._headers()
        yield testing.readable(self._options["credentials"])
        wanted = {
            "labels": self._options.get("labels") is not False,
            "priority": bool(self._options.get("priority")),
        }
        jira = jira_checks.JiraDestination(
            destination=self._tools.destination,
            site=self._site,
            project=str(self._options["project"]),
            issue_type=str(self._options.get("issue_type", _DEFAULT_TYPE)),
            fields=[name for name, is_set in wanted.items() if is_set],
            http=self._tools.http,
            headers=headers,
        )
        yield from jira_checks.checks(jira, test)

    def _receipt(self, key: str) -> Receipt:
        url = f"{self._site}/browse/{quote(key, safe='')}"
        return Receipt(key, url=url, thread=self._scope.reference(key))

    def _headers(self) -> Mapping[str, str]:
        user, token = _credentials(self._tools.secrets.read(self._options["credentials"]))
        encoded = base64.b64encode(f"{user}:{token}".encode()).decode("ascii")
        return {"Authorization": f"Basic {encoded}", "Accept": "application/json"}

    def _new(self, message: Message, fields: Json) -> Json:
        """Return what creates an issue, with the property that proves whose it is."""
        base = {
            "project": {"key": self._options["project"]},
            "issuetype": {"name": self._options.get("issue_type", _DEFAULT_TYPE)},
        }
        return {
            "fields": base | fields,
            "properties": [identity.property_of(self._owner(message))],
        }

    def _texts(self, message: Message, summary: str, description: Json) -> dict[str, Json]:
        """Return the fields that are ours for as long as the issue lives."""
        marked = identity.marked(description, self._owner(message))
        return {"summary": summary, "description": marked}

    def _owner(self, message: Message) -> identity.Owner:
        return identity.owner_of(message, self._tools.stage)

    def _keyed(self, thread: str | None) -> dict[str, Json]:
        key = self._scope.key(thread)
        return {} if key is None else {"key": key}

    def _file(self, alert: Alert) -> dict[str, Json]:
        if alert.page_key is None or not self._options.get("attach", True):
            return {}
        image = alert.image
        tag = image.tags[0] if image.tags else image.digest[:19] or wording.subject(alert)
        name = f"{FILE}-{_UNFIT.sub('-', tag)[:_TAG]}-{alert.delivery_id[:8]}.html"
        return {"attach": {"page": alert.page_key, "name": name}}

    def _digest(self, digest: Digest, thread: str | None, labels: dict[str, Json]) -> Json:
        texts = self._texts(digest, jira_digest.summary(digest), jira_digest.description(digest))
        comment = {"body": jira_digest.comment(digest)}
        return {
            "create": self._new(digest, texts | labels),
            "update": self._keyed(thread) | {"fields": texts, "comment": comment},
        }

    def _labels(self, message: Message) -> dict[str, Json]:
        if self._options.get("labels") is False:
            return {}
        own = (LABEL, identity.label(self._owner(message)))
        given = (
            "-".join(str(each).split())[:MAX_LABEL] for each in self._options.get("labels") or ()
        )
        return {"labels": [*dict.fromkeys((*own, *given))]}

    def _extras(self, alert: Alert) -> dict[str, Json]:
        extras = self._labels(alert)
        worst = alert.standing[0].finding.severity.name if alert.standing else None
        priority = self._options.get("priority", {}).get(worst)
        return extras | {"priority": {"name": priority}} if priority else extras


@dataclass(frozen=True, slots=True)
class _Issue:
    """One issue as it was read, and the calls about it."""

    http: HttpClient
    api: str
    key: str
    headers: Mapping[str, str] = field(repr=False)
    answer: str = field(default="{}", repr=False)
    """What Jira answered about the issue: status, resolution and properties."""

    @property
    def url(self) -> str:
        """The address of the issue in the API."""
        return f"{self.api}/issue/{quote(self.key, safe='')}"

    def read(self) -> "_Issue":
        """Return the issue as it is now."""
        # All properties, because the client takes longer parts of an address out of the answer.
        query = "fields=status,resolution&properties=*all"
        with _reading():
            answer = self.http.get(f"{self.url}?{query}", headers=self.headers, limit=LONG_ANSWER)
        return replace(self, answer=answer.text)

    def belongs_to(self, owner: identity.Owner) -> bool:
        """Say whether the issue was created for this stream, by this stage."""
        own = self._owner()
        return own is not None and own.mark == owner.mark

    def holds(self, delivery: str) -> bool:
        """Say whether the issue was created by a delivery, or has a comment that names it."""
        own = self._owner()
        return (own is not None and own.delivery == delivery) or self._mentions(delivery)

    def _owner(self) -> identity.Owner | None:
        return identity.owner_in(identity.parsed(self.answer).get("properties"))

    def _mentions(self, delivery: str) -> bool:
        query = f"orderBy=-created&maxResults={_COMMENTS}"
        with _reading():
            url = f"{self.url}/comment?{query}"
            answer = self.http.get(url, headers=self.headers, limit=LONG_ANSWER)
        return identity.mentioned(answer.text, delivery)

    def status(self) -> workflow.Status:
        return workflow.status(self.answer)

    def move(self, *, done: bool) -> bool:
        """Take a transition; False when there is none, or Jira refuses it for good."""
        url = f"{self.url}/transitions"
        try:
            with _reading():
                answer = self.http.get(url, headers=self.headers, limit=LONG_ANSWER)
            way = workflow.transition(answer.text, done=done)
            if way is None:
                return False
            chosen = {"transition": {"id": way}}
            self.http.post(url, chosen, headers=self.headers, any_answer=True)
        except PermanentDeliveryError:
            # The comment says so. Most often a permission, or a field that the screen asks for.
            return False
        return True

    def edit(self, fields: Json, *, locked: bool) -> None:
        """Set fields. `locked`: many workflows refuse that for a closed issue; then leave it."""
        try:
            self.http.put(self.url, {"fields": fields}, headers=self.headers)
        except PermanentDeliveryError as error:
            if not locked or error.reason == _GONE:
                raise

    def attach(self, file: Upload) -> None:
        """
        Add a page unless it is there, and take away the oldest ones of ours beyond three.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-attachments
        """
        url = f"{self.url}?fields=attachment"
        answer = self.http.get(url, headers=self.headers, limit=LONG_ANSWER)
        pages = _pages(answer.text)
        if file.name in (each["filename"] for each in pages):
            return
        allowed = {**self.headers, "X-Atlassian-Token": "no-check"}
        self.http.upload(f"{self.url}/attachments", file, headers=allowed)
        for each in pages[: max(len(pages) + 1 - _KEPT, 0)]:
            number = quote(str(each.get("id")), safe="")
            self.http.delete(f"{self.api}/attachment/{number}", headers=self.headers)

    def comment(self, body: Json, note: str | None) -> None:
        content = [adf.panel("note", adf.paragraph(adf.text(note)))] if note else []
        noted = {**body, "content": [*content, *body["content"]]}
        url = f"{self.url}/comment"
        self.http.post(url, {"body": noted}, headers=self.headers, any_answer=True)


@contextmanager
def _reading() -> Iterator[None]:
    """Nothing is in doubt after a question: whatever became of it, nothing was sent."""
    try:
        yield
    except AmbiguousDeliveryError as error:
        raise TemporaryDeliveryError(str(error), reason=error.reason) from None


def _credentials(secret: str) -> tuple[str, str]:
    """Return user and token. Raises `ConfigError`, outside of any handler that holds the secret."""
    try:
        document = json.loads(secret)
    except ValueError:
        document = None
    if isinstance(document, dict):
        user, token = document.get("email", document.get("user")), document.get("token")
        if isinstance(user, str) and isinstance(token, str) and user and token:
            return user, token
    raise ConfigError('The credentials of Jira must be JSON: {"email": "…", "token": "…"}')


def _pages(text: str) -> list[dict[str, Json]]:
    """Return the attachments of ours in an answer, oldest first."""
    try:
        found = json.loads(text)["fields"]["attachment"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return []
    listed = found if isinstance(found, list) else []
    ours = [
        each
        for each in listed
        if isinstance(each, dict) and str(each.get("filename", "")).startswith(f"{FILE}-")
    ]
    return sorted(ours, key=lambda each: str(each.get("created", "")))


def _of_the_project(error: PermanentDeliveryError) -> bool:
    """Say whether Jira refuses every issue: there is no such project, or no such type in it."""
    try:
        errors = json.loads(error.answer)["errors"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return False
    return isinstance(errors, dict) and not errors.keys().isdisjoint(("project", "issuetype"))


def _key(text: str) -> str | None:
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return None
    key = answer.get("key") if isinstance(answer, dict) else None
    return key if isinstance(key, str) and key else None


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]


# --- the issue --------------------------------------------------------------------------------


def _summary(alert: Alert) -> str:
    name = wording.short(alert.image.name, MAX_SUMMARY // 2)
    worst = f"[{alert.standing[0].finding.severity.name}] " if alert.standing else ""
    said = alert.verdict if alert.problem else wording.how_it_stands(alert)
    return truncate(one_line(f"{worst}{name}: {said}"), MAX_SUMMARY)


def _description(alert: Alert) -> Json:
    return _fitting(lambda rows: _nodes(alert, rows), _ROWS, MAX_TEXT - identity.MARK_ROOM)


def _comment(alert: Alert) -> Json:
    return _fitting(lambda items: _told(alert, items), _ITEMS, MAX_TEXT - _NOTE)


def _fitting(build: Callable[[int], Iterable[Json]], sizes: Sequence[int], limit: int) -> Json:
    """Return the document with as many rows as fit; every row left out is counted in it."""
    for size in sizes[:-1]:
        body = adf.document(build(size))
        if _length(body) <= limit:
            return body
    return adf.document(build(sizes[-1]))


def _length(body: Json) -> int:
    """Count as Java does, in UTF-16: an emoji is two characters."""
    return len(json.dumps(body, ensure_ascii=False).encode("utf-16-le", "replace")) // 2


def _nodes(alert: Alert, rows: int) -> Iterable[Json]:
    facts = (
        adf.paragraph(adf.text(f"{label}: ", "strong"), adf.text(value, "code"))
        for label, value in wording.facts(alert)
    )
    yield from _verdict(alert, wording.how_it_stands(alert))
    yield adf.bullets(facts)
    yield from _platforms(alert)
    yield from _to_do(alert, rows)
    yield from _open(alert, rows)
    yield from _changed_last(alert, rows)
    yield from _left_out(alert)
    for each in wording.warnings(alert):
        yield adf.panel("warning", adf.paragraph(adf.text(each)))
    yield _links(alert)
    yield adf.paragraph(adf.text(wording.footer(alert), "em"))


def _verdict(alert: Alert, said: str) -> Iterable[Json]:
    if alert.problem is not None:
        return _problem(alert, alert.problem)
    verdict = adf.text(_first_upper(truncate(said, _VERDICT)), "strong")
    why = wording.why(alert)
    return [
        adf.paragraph(verdict),
        adf.paragraph(adf.text(wording.all_findings(alert))),
        *([adf.paragraph(adf.text(why, "strong"))] if why else ()),
    ]


def _problem(alert: Alert, problem: ScanProblem) -> list[Json]:
    what = alert.verdict.split(":", 1)[0]
    return [
        adf.panel(
            "error",
            adf.paragraph(
                adf.text(f"{what}: ", "strong"),
                adf.text(truncate(one_line(problem.reason), _PROBLEM)),
            ),
            adf.paragraph(adf.text(wording.not_clear(alert))),
        ),
        adf.heading("What to do"),
        adf.prose(truncate(one_line(problem.remedy), _PROBLEM)),
    ]


def _platforms(alert: Alert) -> Iterable[Json]:
    lines = wording.platforms(alert.parts, _PLATFORMS)
    if lines:
        yield adf.heading(wording.PLATFORMS)
        yield adf.bullets(adf.paragraph(adf.text(each)) for each in lines)


def _to_do(alert: Alert, rows: int) -> Iterable[Json]:
    ready = wording.upgradable(alert)
    unfixed, deploy = wording.without_version(alert), wording.deploy(alert)
    yield from _steps(alert)
    if not ready and not unfixed and not deploy:
        return
    yield adf.heading("What to do")
    for title, group in wording.by_origin(ready[:rows]).items():
        yield adf.paragraph(adf.text(title, "strong"))
        yield adf.table(("Package", "From", "To", "Removes"), map(_upgrade, group))
    if ready[rows:]:
        yield adf.paragraph(adf.text(wording.more_upgrades(ready[rows:])))
    for said in filter(None, (deploy, wording.without_fix(alert), unfixed)):
        yield adf.paragraph(adf.text(said))


def _steps(alert: Alert) -> Iterable[Json]:
    steps, hidden = wording.steps(alert, command=_COMMAND, limit=_STEPS, templates=True)
    if steps:
        yield adf.heading("What to do")
    for each in steps:
        yield adf.paragraph(adf.text(each.title, "strong"))
        for said in filter(None, (each.risk, each.remark)):
            yield adf.paragraph(adf.text(said))
        if each.commands:
            yield adf.code_block(each.commands)
        yield adf.paragraph(adf.text(f"CloudFormation, {each.resource}:"))
        yield adf.code_block(each.template)
    if hidden:
        yield adf.paragraph(adf.text(hidden))


def _upgrade(upgrade: Upgrade) -> Iterable[Json]:
    return (
        adf.text(wording.short(upgrade.package), "code"),
        adf.text(wording.upgrade_from(upgrade)),
        adf.text(wording.upgrade_to(upgrade), "code"),
        adf.text(wording.counts(upgrade.fixes)),
    )


def _open(alert: Alert, rows: int) -> Iterable[Json]:
    if not alert.standing:
        return
    section = wording.standing(alert)
    shown, hidden = section.changes[:rows], section.changes[rows:]
    yield adf.heading(f"{section.title} ({len(section.changes):,})")
    yield adf.table(
        ("Severity", *wording.columns(alert), "Remarks"),
        (_row(section, each) for each in shown),
    )
    if hidden:
        yield adf.paragraph(adf.text(wording.more(hidden)))


def _changed_last(alert: Alert, rows: int) -> Iterable[Json]:
    """Yield the last change. What is found or still there is all in the table of what is open."""
    if alert.problem is not None:
        return
    yield adf.heading("What changed last")
    yield adf.paragraph(adf.text(truncate(alert.verdict, _VERDICT)))
    for section in wording.sections(alert):
        if section.title in (wording.NEW, wording.RESOLVED):
            yield from _listing(section, rows)


def _listing(section: wording.Section, items: int) -> Iterable[Json]:
    shown, hidden = section.changes[:items], section.changes[items:]
    yield adf.heading(f"{section.title} ({len(section.changes):,})", level=4)
    yield adf.bullets(_item(section, each) for each in shown)
    if hidden:
        yield adf.paragraph(adf.text(wording.more(hidden)))


def _row(section: wording.Section, change: Change) -> Iterable[Json]:
    return (
        adf.text(wording.severity(change.finding), "strong"),
        _vulnerability(change),
        adf.text(wording.installed(change.finding), "code"),
        adf.text(", ".join(filter(None, _remarks(section, change)))),
    )


def _remarks(section: wording.Section, change: Change) -> Iterable[str]:
    return chain((wording.fix(change.finding),), section.remarks(change))


def _vulnerability(change: Change) -> Json:
    name = wording.short(change.finding.vulnerability_id)
    return adf.text(name, link=vulnerability_url(change.finding))


def _left_out(alert: Alert) -> Iterable[Json]:
    reasons = wording.not_standing(alert, _REASONS)
    if not reasons:
        return
    yield adf.heading("Not listed here")
    yield adf.bullets(adf.paragraph(adf.text(each)) for each in reasons)
    yield adf.paragraph(adf.text(wording.arithmetic_of_standing(alert)))


def _links(alert: Alert) -> Json:
    links = (
        ("Open the full report", alert.report_url),
        (f"Open the {wording.page_of(alert)} in the ECR console", alert.console_url),
        *wording.source_links(alert),
    )
    nodes: list[Json] = []
    for text, url in links:
        if url and len(url) <= _MAX_URL:
            nodes += [adf.text(" \N{MIDDLE DOT} ")] if nodes else []
            nodes.append(adf.text(text, link=url))
    if command := wording.report_command(alert):
        nodes += [adf.text(" \N{MIDDLE DOT} ")] if nodes else []
        nodes += [adf.text("Full report: "), adf.text(command, "code")]
    return adf.paragraph(*nodes) if nodes else None


# --- the comment ------------------------------------------------------------------------------


def _told(alert: Alert, items: int) -> Iterable[Json]:
    """Yield what this alert says; the description says how things stand."""
    yield from _verdict(alert, alert.verdict)
    yield adf.paragraph(
        adf.text(f"{wording.subject(alert).capitalize()}: ", "strong"),
        adf.text(wording.short(alert.image.name), "code"),
    )
    yield from _platforms(alert)
    for section in wording.sections(alert):
        yield from _listing(section, items)
    yield _links(alert)
    yield adf.paragraph(adf.text(wording.footer(alert), "em"))


def _item(section: wording.Section, change: Change) -> Json:
    about = (wording.installed(change.finding), *filter(None, _remarks(section, change)))
    return adf.paragraph(
        adf.text(wording.severity(change.finding), "strong"),
        adf.text(" "),
        _vulnerability(change),
        adf.text(f" {', '.join(about)}"),
    )
