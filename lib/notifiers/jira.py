"""
Jira Cloud, REST v3: one issue per destination and image stream, kept current.

Created once; then its summary and description say how things stand, and each alert is a comment
about what changed. A closed issue is reopened for something new, unless people decided against it.
Its key comes from the ledger; only after an answer was lost it is searched for, by a label of ours.
The report page is attached; an alert is not held up by it.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
)
from lib.interfaces import DestinationTest, HttpClient, Json, NotifierTools
from lib.models import (
    Alert,
    AskLater,
    Change,
    ChangeKind,
    DeliveryId,
    Destination,
    Digest,
    Message,
    NotThere,
    Receipt,
    ScanProblem,
    StreamId,
    Upgrade,
    Upload,
    Usage,
    Verdict,
)
from lib.notifiers import adf, jira_checks, jira_digest, testing, wording
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

    def render(self, alert: Message, *, thread: str | None = None) -> Json:
        """
        Return {"create": issue}, or with a key also {"update": {"key", "fields", "comment"}}.

        "create" stays beside "update" for the case that the issue was deleted. A scan without a
        result, or one that comes late, only comments: the description keeps what was known. What
        to do about the issue's status stands in "if_closed" ("reopen" or "say") or "if_open"
        ("close"), and the page to attach in {"attach": {"page": key, "name"}}. All digests are one
        issue.
        """
        if isinstance(alert, Digest):
            return self._digest(alert, thread, self._labels(alert))
        told = {"summary": _summary(alert), "description": _description(alert)}
        create = {"fields": {**self._base(), **told, **self._extras(alert)}}
        whole = {"create": create} | self._file(alert)
        if thread is None:
            return whole
        fields = {} if alert.problem or alert.outdated else told
        update = {"key": thread, "fields": fields, "comment": {"body": _comment(alert)}}
        return {"update": update | self._about_status(alert)} | whole

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
        told = {"summary": _summary(alert), "description": body}
        create = {"fields": {**self._base(), **told}}
        if thread is None:
            return {"create": create}
        return {
            "update": {"key": thread, "fields": {}, "comment": {"body": body}},
            "create": create,
        }

    def usage(self, payload: Json) -> tuple[Usage, ...]:
        """See `Notifier.usage`."""
        fields = payload["create"]["fields"]
        used = [
            Usage("characters of the summary", len(fields["summary"]), MAX_SUMMARY),
            Usage("characters of the description", _length(fields["description"]), MAX_TEXT),
        ]
        if "update" in payload:
            body = payload["update"]["comment"]["body"]
            used.append(Usage("characters of the comment", _length(body), MAX_TEXT))
        return tuple(used)

    def send(self, payload: Json) -> Receipt:
        """See `Notifier.send`. An update that is repeated changes nothing but its comment."""
        headers = self._headers()
        page = payload.get("attach")
        if "update" in payload:
            try:
                return self._update(payload["update"], page, headers)
            except PermanentDeliveryError as error:
                if error.reason != _GONE:
                    raise
        receipt = self._create(payload["create"], headers)
        if page is None:
            return receipt
        issue = self._issue(receipt.reference, headers)
        return replace(receipt, remark=self._attach(issue, page))

    def verify(
        self, alert: Message, *, since: datetime, now: datetime, thread: str | None = None
    ) -> Verdict:
        """
        See `Notifier.verify`. Every text of ours carries the id of its delivery.

        A new issue is searched for by the label of its stream (without labels, by that id), for
        five minutes: Jira's index lags by seconds to minutes.
        https://developer.atlassian.com/cloud/jira/platform/search-and-reconcile
        """
        headers = self._headers()
        if thread is not None:
            return self._commented(thread, alert.delivery_id, headers)
        # Both are ours, letters and digits: nothing from outside is part of the query.
        label = f'labels = "{stream_label(alert.destination, alert.stream)}"'
        words = f'text ~ "{alert.delivery_id}"'
        asked = label if self._labelled else words
        query = {"jql": f"{asked} ORDER BY created ASC", "fields": ["key"]}
        answer = self._tools.http.post(
            f"{self._site}/rest/api/3/search/jql", query, headers=headers
        )
        keys = [each.get("key") for each in _list(answer.text, "issues")]
        if keys and isinstance(keys[0], str):
            return self._receipt(keys[0])
        return AskLater(_INDEX_STEP) if now - since < _INDEX_LAG else NotThere()

    def _commented(self, key: str, delivery: DeliveryId, headers: Mapping[str, str]) -> Verdict:
        url = f"{self._site}/rest/api/3/issue/{quote(key, safe='')}/comment"
        try:
            answer = self._tools.http.get(
                f"{url}?orderBy=-created&maxResults={_COMMENTS}", headers=headers
            )
        except PermanentDeliveryError as error:
            if error.reason != _GONE:
                raise
            return NotThere()
        found = any(delivery in json.dumps(each) for each in _list(answer.text, "comments"))
        return self._receipt(key) if found else NotThere()

    def _update(self, update: Json, page: Json, headers: Mapping[str, str]) -> Receipt:
        """Move, edit, attach, then comment: whatever is repeated, there is only one comment."""
        issue = self._issue(update["key"], headers)
        asked = "if_closed" in update or "if_open" in update
        status = issue.status() if asked else workflow.Status(done=False)
        note = self._reopened(issue, status, update.get("if_closed"))
        if update["fields"]:
            issue.edit(update["fields"], locked=note is not None)
        if update.get("if_open") == "close" and not status.done:
            note = workflow.DONE if issue.move(done=True) else workflow.NOT_DONE
        remark = None if page is None else self._attach(issue, page)
        issue.comment(update["comment"]["body"], note)
        return replace(self._receipt(update["key"]), remark=remark)

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
            issue.attach(Upload(page["name"], content, "text/html"))
        except (DeliveryError, StoreError) as error:
            return f"not attached: {error}"
        return None

    def _issue(self, key: str, headers: Mapping[str, str]) -> "_Issue":
        site = f"{self._site}/rest/api/3"
        return _Issue(self._tools.http, site, f"{site}/issue/{quote(key, safe='')}", headers)

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
        wanted = {"labels": self._labelled, "priority": bool(self._options.get("priority"))}
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
        return Receipt(key, url=f"{self._site}/browse/{quote(key, safe='')}", thread=key)

    def _headers(self) -> Mapping[str, str]:
        user, token = _credentials(self._tools.secrets.read(self._options["credentials"]))
        encoded = base64.b64encode(f"{user}:{token}".encode()).decode("ascii")
        return {"Authorization": f"Basic {encoded}", "Accept": "application/json"}

    def _base(self) -> dict[str, Json]:
        return {
            "project": {"key": self._options["project"]},
            "issuetype": {"name": self._options.get("issue_type", _DEFAULT_TYPE)},
        }

    @property
    def _labelled(self) -> bool:
        return self._options.get("labels") is not False

    def _file(self, alert: Alert) -> dict[str, Json]:
        if alert.page_key is None or not self._options.get("attach", True):
            return {}
        image = alert.image
        tag = image.tags[0] if image.tags else image.digest[:19] or wording.subject(alert)
        name = f"{FILE}-{_UNFIT.sub('-', tag)[:_TAG]}-{alert.delivery_id[:8]}.html"
        return {"attach": {"page": alert.page_key, "name": name}}

    def _digest(self, digest: Digest, thread: str | None, labels: dict[str, Json]) -> Json:
        body = jira_digest.description(digest)
        told = {"summary": jira_digest.summary(digest), "description": body}
        create = {"fields": {**self._base(), **told, **labels}}
        if thread is None:
            return {"create": create}
        comment = {"body": jira_digest.comment(digest)}
        return {"update": {"key": thread, "fields": told, "comment": comment}, "create": create}

    def _labels(self, message: Message) -> dict[str, Json]:
        if not self._labelled:
            return {}
        own = (LABEL, stream_label(message.destination, message.stream))
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
    """The calls about one issue."""

    http: HttpClient
    api: str
    url: str
    headers: Mapping[str, str] = field(repr=False)

    def status(self) -> workflow.Status:
        answer = self.http.get(f"{self.url}?fields=status,resolution", headers=self.headers)
        return workflow.status(answer.text)

    def move(self, *, done: bool) -> bool:
        """Take a transition; False when there is none, or Jira refuses it for good."""
        url = f"{self.url}/transitions"
        try:
            way = workflow.transition(self.http.get(url, headers=self.headers).text, done=done)
            if way is None:
                return False
            self.http.post(url, {"transition": {"id": way}}, headers=self.headers)
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
        answer = self.http.get(f"{self.url}?fields=attachment", headers=self.headers)
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
        self.http.post(f"{self.url}/comment", {"body": noted}, headers=self.headers)


def stream_label(destination: Destination, stream: StreamId) -> str:
    """Return the label by which people find the issue of a stream, whatever its summary says."""
    subject = f"{destination}\n{stream}".encode("utf-8", "replace")
    return f"ecr-{hashlib.sha256(subject).hexdigest()[:20]}"


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


def _list(text: str, name: str) -> list[dict[str, Json]]:
    """Return a list of objects out of an answer, empty when it is none."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return []
    found = answer.get(name) if isinstance(answer, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


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
    return _fitting(lambda rows: _nodes(alert, rows), _ROWS)


def _comment(alert: Alert) -> Json:
    return _fitting(lambda items: _told(alert, items), _ITEMS, MAX_TEXT - _NOTE)


def _fitting(
    build: Callable[[int], Iterable[Json]], sizes: Sequence[int], limit: int = MAX_TEXT
) -> Json:
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
