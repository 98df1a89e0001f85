"""
The test of a Jira destination: what an alert would need, asked without writing anything.

Only with `create` an issue is made. It is marked as TEST, has no label of a stream, and is deleted
again, or closed where the account may not delete.
https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-permissions and
https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, urlencode

from lib.errors import DeliveryError, PermanentDeliveryError
from lib.models import LONG_ANSWER, Destination, Json
from lib.models.diagnostics import Check, CheckStatus, failed, has_failed, note, ok
from lib.notifiers import testing
from lib.notifiers.jira import adf, workflow
from lib.ports.notifiers import DestinationTest, HttpClient
from lib.text import one_line, truncate

LABEL: Final = "ecr-scan-alerts-test"
_NAMES: Final = 200
_PAGE: Final = 200
_REMEDIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "http-401": (
            "Make an API token at id.atlassian.com for the account of that e-mail address, and "
            "store both under the same secret"
        ),
        "http-403": "Give the account of the secret access to this site and project",
        "answered 3": "Correct `site`: the API of a site of Jira Cloud redirects nobody",
        "http-404": "Correct `site` or `project`, or let the account see the project",
    }
)
NEEDED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "BROWSE_PROJECTS": "see the project",
        "CREATE_ISSUES": "create issues",
        "EDIT_ISSUES": "edit issues",
        "ADD_COMMENTS": "add comments",
    }
)
"""Without one of these alerts are lost."""
USEFUL: Final[Mapping[str, str]] = MappingProxyType(
    {
        "TRANSITION_ISSUES": "issues can be neither reopened nor closed",
        "CREATE_ATTACHMENTS": "report pages cannot be attached",
        "DELETE_OWN_ATTACHMENTS": "old report pages cannot be removed",
    }
)
"""Without one of these alerts arrive, but something is missing."""
_DELETE: Final = "DELETE_ISSUES"
_BY_HAND: Final = "Delete it by hand"
_OURS: Final = ("project", "issuetype", "summary", "description", "labels", "priority")


@dataclass(frozen=True, slots=True)
class JiraDestination:
    """What a test has to know of a destination."""

    destination: Destination
    site: str
    project: str
    issue_type: str
    fields: Sequence[str]
    """Optional fields that alerts set: labels, priority."""
    http: HttpClient
    headers: Mapping[str, str] = field(repr=False)


def checks(jira: JiraDestination, test: DestinationTest) -> Iterator[Check]:
    """Yield what was found; the first refusal of the site or the project is the last check."""
    account = testing.attempt("credentials", lambda: _account(jira), _REMEDIES)
    yield account
    if account.status is CheckStatus.OK:
        yield from _project(jira, test)


def _account(jira: JiraDestination) -> str:
    who = _get(jira, "/myself")
    return one_line(f"{who.get('displayName')} at {jira.site}")


def _project(jira: JiraDestination, test: DestinationTest) -> Iterator[Check]:
    try:
        allowed = _allowed(jira)
        permissions = _needed(allowed)
        yield ok("project", f"{jira.project} is visible")
        yield permissions
        yield from _useful(allowed)
        fields = _fields(jira)
    except DeliveryError as error:
        yield testing.refusal("project", error, _REMEDIES)
        return
    if isinstance(fields, Check):
        yield fields
        return
    yield ok("issue type", f"{jira.issue_type} can be created in {jira.project}")
    refusals = [*_screen(jira, fields)]
    yield from refusals
    if not test.send or has_failed((permissions, *refusals)):
        return
    if test.create:
        yield from _created(jira, test)
    else:
        yield ok(
            testing.MESSAGE,
            f"nothing was written; an alert would create a {jira.issue_type} in {jira.project}. "
            "`--create` creates a TEST issue and deletes it again",
        )


def _get(jira: JiraDestination, path: str) -> Mapping[str, Json]:
    url = f"{jira.site}/rest/api/3{path}"
    answer = jira.http.get(url, headers=jira.headers, limit=LONG_ANSWER)
    try:
        document = json.loads(answer.text)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict):
        return document
    raise PermanentDeliveryError(
        f"{jira.site} answered {answer.status} with something that is not Jira's; check `site`",
        reason="not-jira",
    )


# --- permissions ------------------------------------------------------------------------------


def _allowed(jira: JiraDestination) -> Mapping[str, bool]:
    names = (*NEEDED, *USEFUL, _DELETE)
    query = urlencode({"projectKey": jira.project, "permissions": ",".join(names)})
    listed = _object(_get(jira, f"/mypermissions?{query}").get("permissions"))
    return {name: _object(listed.get(name)).get("havePermission") is True for name in names}


def _needed(allowed: Mapping[str, bool]) -> Check:
    missing = [words for name, words in NEEDED.items() if not allowed[name]]
    if missing:
        return failed(
            "permissions",
            f"the account may not {', '.join(missing)}",
            "Add the account to a role of the project that may (Project settings, People)",
        )
    return ok("permissions", f"the account may {', '.join(NEEDED.values())}")


def _useful(allowed: Mapping[str, bool]) -> Iterator[Check]:
    for name, words in USEFUL.items():
        if not allowed[name]:
            yield note("permissions", f"without {name}, {words}", f"Grant {name} to the account")


# --- the create screen ------------------------------------------------------------------------


def _fields(jira: JiraDestination) -> Mapping[str, Mapping[str, Json]] | Check:
    """Return the fields of the create screen; a failed check where the type cannot be created."""
    base = f"/issue/createmeta/{quote(jira.project, safe='')}/issuetypes"
    listed = _objects(_get(jira, f"{base}?maxResults={_PAGE}").get("issueTypes"))
    number = next((kind.get("id") for kind in listed if kind.get("name") == jira.issue_type), None)
    if number is None:
        names = ", ".join(str(kind.get("name")) for kind in listed) or "none"
        return failed(
            "issue type",
            f"{jira.issue_type} cannot be created in {jira.project}; the account can create: "
            f"{truncate(one_line(names), _NAMES)}",
            "Correct `issue_type` in alerts.yml, or add the type to the project",
        )
    page = _get(jira, f"{base}/{quote(str(number), safe='')}?maxResults={_PAGE}")
    return {str(shown.get("fieldId")): shown for shown in _objects(page.get("fields"))}


def _screen(jira: JiraDestination, fields: Mapping[str, Mapping[str, Json]]) -> Iterator[Check]:
    """Yield what a create would be refused for; see "not on the appropriate screen"."""
    absent = [name for name in jira.fields if name not in fields]
    if absent:
        yield failed(
            "create screen",
            f"the create screen of {jira.issue_type} lacks {', '.join(absent)}",
            "Add the field to the screen; or set `labels: false`, and leave `priority` out",
        )
    asked = [
        str(shown.get("name", name))
        for name, shown in fields.items()
        if shown.get("required") is True
        and shown.get("hasDefaultValue") is not True
        and name not in (*_OURS, "reporter")
    ]
    if asked:
        yield failed(
            "create screen",
            f"the create screen of {jira.issue_type} asks for "
            f"{truncate(one_line(', '.join(asked)), _NAMES)}, which alerts do not set",
            "Give the field a default value, or name another `issue_type`",
        )


# --- the issue of a test ----------------------------------------------------------------------


def _created(jira: JiraDestination, test: DestinationTest) -> Iterator[Check]:
    try:
        key = _create(jira, test)
    except DeliveryError as error:
        yield testing.refusal("issue", error, _REMEDIES)
        return
    yield ok("issue", f"{key} was created, marked TEST")
    yield _removed(jira, key)


def _create(jira: JiraDestination, test: DestinationTest) -> str:
    text = testing.sentence(jira.destination, test)
    issue = {
        "project": {"key": jira.project},
        "issuetype": {"name": jira.issue_type},
        "summary": testing.TITLE,
        "description": adf.document([adf.paragraph(adf.text(text))]),
    }
    labels = {"labels": [LABEL]} if "labels" in jira.fields else {}
    url = f"{jira.site}/rest/api/3/issue"
    answer = jira.http.post(url, {"fields": issue | labels}, headers=jira.headers)
    try:
        return str(json.loads(answer.text)["key"])
    except (ValueError, LookupError, TypeError, RecursionError):
        raise PermanentDeliveryError(
            f"Jira answered {answer.status} without an issue key", reason="no-issue-key"
        ) from None


def _removed(jira: JiraDestination, key: str) -> Check:
    url = f"{jira.site}/rest/api/3/issue/{quote(key, safe='')}"
    where = f"{jira.site}/browse/{quote(key, safe='')}"
    try:
        jira.http.delete(url, headers=jira.headers)
    except DeliveryError:
        # Most accounts for alerts may not, and need not.
        return _closed(jira, url, where)
    return ok("issue", f"{key} was deleted again")


def _closed(jira: JiraDestination, url: str, where: str) -> Check:
    try:
        answer = jira.http.get(f"{url}/transitions", headers=jira.headers)
        way = workflow.transition(answer.text, done=True)
        if way is not None:
            move = {"transition": {"id": way}}
            jira.http.post(f"{url}/transitions", move, headers=jira.headers)
            return note("issue", f"it could not be deleted, so it was closed: {where}")
    except DeliveryError as error:
        return note("issue", f"it could be neither deleted nor closed ({error}): {where}", _BY_HAND)
    return note("issue", f"it could be neither deleted nor closed: {where}", _BY_HAND)


def _object(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _objects(value: Json) -> list[Mapping[str, Json]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
