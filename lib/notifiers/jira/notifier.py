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
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain
from typing import ClassVar, Final

from lib.errors import (
    AmbiguousDeliveryError,
    DeliveryError,
    PermanentDeliveryError,
    StoreError,
)
from lib.messages.parts import AlertText
from lib.messages.text import text_of
from lib.models import (
    LONG_ANSWER,
    AskAgain,
    DeliveryCheck,
    Digest,
    Json,
    Message,
    Notice,
    NotReceived,
    Receipt,
    Severity,
    Upload,
    Usage,
)
from lib.models.diagnostics import Check
from lib.notifiers import testing
from lib.notifiers.jira import answers, checks, identity, workflow
from lib.notifiers.jira import digest as jira_digest
from lib.notifiers.jira import text as layout
from lib.notifiers.jira.issue import FILE, GONE, Issue, reading
from lib.ports.notifiers import DestinationTest, Notifier, NotifierTools
from lib.text import one_line, truncate

MAX_LABEL: Final = 255

# https://support.atlassian.com/jira-cloud-administration/docs/configure-file-attachments: the least
# that sites allow.
MAX_ATTACHMENT: Final = 10_000_000

LABEL: Final = "ecr-scan-alerts"
_TAG: Final = 60
_UNFIT: Final = re.compile(r"[^A-Za-z0-9._-]")
_DEFAULT_TYPE: Final = "Task"
_DECISION: Final = 60
_INDEX_LAG: Final = timedelta(minutes=5)
_INDEX_STEP: Final = 60.0
_NOTHING: Final = "nothing to change"
_FOUND: Final = 50
"""Issues in one page of search results."""
_PAGES: Final = 10
"""Pages of search results that are read: ours is the oldest issue, unless people label others."""


class JiraNotifier(Notifier):
    """
    Its options are those of `schemas/notifiers/jira.json`.

    Labels and priority are set when an issue is created and left to people afterwards.
    """

    hosts: ClassVar[tuple[str, ...]] = (".atlassian.net",)
    threaded: ClassVar[bool] = True

    def __init__(self, options: Mapping[str, Json], tools: NotifierTools) -> None:
        self._options = options
        self._tools = tools
        self._site = str(options["site"]).rstrip("/")
        self._ways = {name: options.get(name, is_on) is True for name, is_on in workflow.WAYS}
        self._scope = identity.Scope(self._site, str(options["project"]))

    def render(self, alert: Message, *, thread: str | None = None) -> Json:
        """
        Return {"create": issue, "update": {"key", "fields", "comment"}}.

        `send` decides which of both it is: a stored issue may be deleted or not be ours, and one
        that nobody stored may be there. "key" is missing without a stored reference. What to do
        about the issue's status stands in "if_closed" ("reopen", "say" or "leave") and "if_open"
        ("close"), the page to attach in {"attach": {"page": key, "name"}}. Digests are one issue.

        A quiet update is {"edit": {"key", "fields", "if_open"}} of the stored issue; empty where
        none is stored.
        """
        if isinstance(alert, Digest):
            priority = self._priority(jira_digest.worst(alert))
            return self._digest(alert, thread, self._labels(alert) | priority)
        text = text_of(alert, rows=layout.ROWS)
        text = replace(text, thread=self._scope.key(text.thread or None) or "")
        summary = layout.summary(text)
        # A comment says what changed, and otherwise the description.
        whole, standing = (
            self._texts(alert, summary, layout.description(text, **self._ways, changes=changes))
            for changes in (True, False)
        )
        if alert.quiet:
            return self._quiet(alert, thread, whole)
        update = {"fields": standing, "comment": {"body": layout.comment(text)}}
        return {
            "create": self._new(alert, whole | self._extras(alert, text)),
            "update": self._keyed(alert, thread) | update | self._about_status(alert),
            **self._file(alert, text),
        }

    def plain(self, alert: Message, *, thread: str | None = None) -> Json:
        """See `Notifier.plain`: no table, no label, no priority, which not every screen has."""
        if isinstance(alert, Digest):
            return self._digest(alert, thread, {})
        text = text_of(alert)
        body = layout.plain(text)
        texts = self._texts(alert, layout.summary(text), body)
        if alert.quiet:
            return self._quiet(alert, thread, texts)
        return {
            "create": self._new(alert, texts),
            "update": self._keyed(alert, thread) | {"fields": {}, "comment": {"body": body}},
        }

    def usage(self, payload: Json) -> tuple[Usage, ...]:
        """See `Notifier.usage`."""
        if not payload:
            return ()
        fields = payload.get("create", payload.get("edit"))["fields"]
        description = layout.length(fields["description"])
        usage = (
            Usage("characters of the summary", len(fields["summary"]), layout.MAX_SUMMARY),
            Usage("characters of the description", description, layout.MAX_TEXT),
        )
        if "edit" in payload:
            return usage
        comment = layout.length(payload["update"]["comment"]["body"])
        return (*usage, Usage("characters of the comment", comment, layout.MAX_TEXT))

    def send(self, payload: Json) -> Receipt:
        """
        See `Notifier.send`. An update that is repeated changes nothing but its comment.

        An issue that the search finds may hold this delivery already, from an attempt whose answer
        was lost: then nothing is sent. A stored issue that was not used is named in the remark.
        """
        if not payload:
            return Receipt(_NOTHING)
        if "edit" in payload:
            return self._edited(payload["edit"], self._headers())
        stored = payload["update"].get("key")
        receipt = self._sent(payload, stored, self._headers())
        if stored in (None, receipt.reference):
            return receipt
        remarks = (f"the stored issue {stored} is gone or not ours", receipt.remark)
        return replace(receipt, remark="; ".join(filter(None, remarks)))

    def _edited(self, edit: Json, headers: Mapping[str, str]) -> Receipt:
        """Bring an issue that people did not close up to date. Its watchers get no comment."""
        key = edit["key"]
        issue = self._issue(key, headers)
        if issue is None or not issue.belongs_to(identity.creator(edit)):
            return Receipt(key, remark=f"the stored issue {key} is gone or not ours")
        if not issue.status().done:
            issue.edit(edit["fields"], locked=False)
            if edit.get("if_open") == workflow.CLOSE:
                issue.move(done=True)
        return self._receipt(key)

    def _sent(self, payload: Json, key: str | None, headers: Mapping[str, str]) -> Receipt:
        owner = identity.creator(payload["create"])
        for issue in self._own(key, owner, headers):
            if issue.key != key and issue.holds(owner.delivery):
                return self._receipt(issue.key)
            try:
                return self._update(issue, payload["update"], payload.get("attach"))
            except PermanentDeliveryError as error:
                if error.reason != GONE:
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
    ) -> DeliveryCheck:
        """
        See `Verifiable.verify`. Only an issue that holds this very delivery is a receipt.

        An issue of the stream without it is where the delivery goes next. While there is none, the
        search is repeated for five minutes: Jira's index lags by seconds to minutes.
        https://developer.atlassian.com/cloud/jira/platform/search-and-reconcile

        A quiet update leaves no id; it is made again.
        """
        if isinstance(alert, Notice) and alert.quiet:
            return NotReceived()
        owner = identity.owner_of(alert, self._tools.stage)
        issues = self._own(self._scope.key(thread), owner, self._headers())
        place: Issue | None = None
        for place in issues:
            if place.holds(owner.delivery):
                return self._receipt(place.key)
        lags = place is None and now - (tried_at or since) < _INDEX_LAG
        return AskAgain(_INDEX_STEP) if lags else NotReceived()

    def _own(
        self, stored: str | None, owner: identity.Owner, headers: Mapping[str, str]
    ) -> Iterator[Issue]:
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
            with reading():
                url = f"{self._site}/rest/api/3/search/jql"
                return self._tools.http.post(url, body, headers=headers, limit=LONG_ANSWER).text
        except PermanentDeliveryError as error:
            raise PermanentDeliveryError(str(error), broken=True, reason=error.reason) from None

    def _issue(self, key: str, headers: Mapping[str, str]) -> Issue | None:
        """Return an issue as it is now; None when it does not exist (any more)."""
        issue = Issue(self._tools.http, f"{self._site}/rest/api/3", key, headers)
        try:
            return issue.read()
        except PermanentDeliveryError as error:
            if error.reason != GONE:
                raise
            return None

    def _update(self, issue: Issue, update: Json, page: Json) -> Receipt:
        """Move, edit, attach, then comment: whatever is repeated, there is only one comment."""
        asked = "if_closed" in update or "if_open" in update
        status = issue.status() if asked else workflow.Status(done=False)
        note = self._reopened(issue, status, update.get("if_closed"))
        if update["fields"]:
            issue.edit(update["fields"], locked=status.done)
        if update.get("if_open") == workflow.CLOSE and not status.done:
            note = workflow.DONE if issue.move(done=True) else workflow.NOT_DONE
        remark = None if page is None else self._attach(issue, page)
        issue.comment(update["comment"]["body"], note)
        return replace(self._receipt(issue.key), remark=remark)

    def _attach(self, issue: Issue, page: Json) -> str | None:
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

    def _reopened(self, issue: Issue, status: workflow.Status, wanted: str | None) -> str | None:
        """Return what to say about a closed issue, after reopening it where that is right."""
        if wanted in (None, workflow.LEAVE) or not status.done:
            return None
        if status.on_purpose is not None:
            word = truncate(one_line(status.on_purpose), _DECISION)
            return workflow.DECIDED.format(word=word)
        if wanted != workflow.REOPEN:
            return workflow.CLOSED
        return workflow.REOPENED if issue.move(done=False) else workflow.STUCK

    def _quiet(self, notice: Notice, thread: str | None, texts: Json) -> Json:
        keyed = self._keyed(notice, thread)
        if not keyed:
            return {}
        owned = {"fields": texts, "properties": [identity.property_of(self._owner(notice))]}
        return {"edit": keyed | owned | self._about_status(notice)}

    def _about_status(self, notice: Notice) -> dict[str, str]:
        return workflow.about_status(notice.message.delta, **self._ways)

    def _created(self, payload: Json, headers: Mapping[str, str]) -> Receipt:
        receipt = self._create(payload["create"], headers, payload.get("other_type"))
        page = payload.get("attach")
        if page is None:
            return receipt
        issue = Issue(self._tools.http, f"{self._site}/rest/api/3", receipt.reference, headers)
        return replace(receipt, remark=self._attach(issue, page))

    def _create(self, issue: Json, headers: Mapping[str, str], other: str | None = None) -> Receipt:
        """Create an issue. `other`: the type to take where the project lacks the first one."""
        try:
            answer = self._tools.http.post(f"{self._site}/rest/api/3/issue", issue, headers=headers)
        except PermanentDeliveryError as error:
            if other is not None and answers.is_of_the_type(error):
                fields = issue["fields"] | {"issuetype": {"name": other}}
                return self._create(issue | {"fields": fields}, headers)
            if not answers.is_of_the_project(error):
                raise
            raise PermanentDeliveryError(str(error), broken=True, reason=error.reason) from None
        key = answers.key_in(answer.text)
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
        jira = checks.JiraDestination(
            destination=self._tools.destination,
            site=self._site,
            project=str(self._options["project"]),
            issue_type=str(self._options.get("issue_type", _DEFAULT_TYPE)),
            fields=[name for name, is_set in wanted.items() if is_set],
            http=self._tools.http,
            headers=headers,
        )
        yield from checks.checks(jira, test)

    def _receipt(self, key: str) -> Receipt:
        return Receipt(key, url=self._scope.url(key), thread=self._scope.reference(key))

    def _headers(self) -> Mapping[str, str]:
        user, token = answers.credentials(self._tools.secrets.read(self._options["credentials"]))
        encoded = base64.b64encode(f"{user}:{token}".encode()).decode("ascii")
        return {"Authorization": f"Basic {encoded}", "Accept": "application/json"}

    def _new(self, message: Message, fields: Json) -> Json:
        """Return what creates an issue, with the property that proves whose it is."""
        base = {
            "project": {"key": self._options["project"]},
            "issuetype": {"name": self._type(message)},
        }
        return {
            "fields": base | fields,
            "properties": [identity.property_of(self._owner(message))],
        }

    def _type(self, message: Message) -> str:
        """Return the type of an issue: that of a digest has no work of its own."""
        option = "digest_issue_type" if isinstance(message, Digest) else "issue_type"
        return str(self._options.get(option, _DEFAULT_TYPE))

    def _texts(self, message: Message, summary: str, description: Json) -> dict[str, Json]:
        """Return the fields that are ours for as long as the issue lives."""
        marked = identity.marked(description, self._owner(message))
        return {"summary": summary, "description": marked}

    def _owner(self, message: Message) -> identity.Owner:
        return identity.owner_of(message, self._tools.stage)

    def _keyed(self, message: Message, thread: str | None) -> dict[str, Json]:
        """Return the stored issue. What is sent in place of another destination has its own."""
        is_own = not isinstance(message, Notice) or message.note is None
        key = self._scope.key(thread) if is_own else None
        return {} if key is None else {"key": key}

    def _file(self, alert: Notice, text: AlertText) -> dict[str, Json]:
        if alert.page_key is None or not self._options.get("attach", True):
            return {}
        image = text.image
        tag = image.tags[0] if image.tags else image.digest[:19] or text.subject
        name = f"{FILE}-{_UNFIT.sub('-', tag)[:_TAG]}-{alert.delivery_id[:8]}.html"
        return {"attach": {"page": alert.page_key, "name": name}}

    def _digest(self, digest: Digest, thread: str | None, fields: dict[str, Json]) -> Json:
        text = jira_digest.text_of_digest(digest, self._scope)
        description = jira_digest.description(text, reopens=self._ways["reopen"])
        texts = self._texts(digest, jira_digest.summary(text), description)
        update = {"fields": texts, "comment": {"body": jira_digest.comment(text)}}
        payload = {
            "create": self._new(digest, texts | fields),
            "update": self._keyed(digest, thread)
            | update
            | workflow.about_digest(digest, **self._ways),
        }
        other = self._options.get("issue_type", _DEFAULT_TYPE)
        return payload if other == self._type(digest) else payload | {"other_type": other}

    def _labels(self, message: Message) -> dict[str, Json]:
        if self._options.get("labels") is False:
            return {}
        own = (LABEL, identity.label(self._owner(message)))
        given = (
            "-".join(str(label).split())[:MAX_LABEL] for label in self._options.get("labels") or ()
        )
        return {"labels": [*dict.fromkeys((*own, *given))]}

    def _extras(self, alert: Notice, text: AlertText) -> dict[str, Json]:
        # Without a result, the severity is as unknown as one that nobody gave.
        is_unknown = text.worst is None and text.problem is not None
        worst = Severity.UNKNOWN if is_unknown else text.worst
        return self._labels(alert) | self._priority(worst)

    def _priority(self, worst: Severity | None) -> dict[str, Json]:
        priority = self._options.get("priority", {}).get(worst.name) if worst is not None else None
        return {"priority": {"name": priority}} if priority else {}
