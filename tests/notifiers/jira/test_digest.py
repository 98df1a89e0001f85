"""The issue of digests: a summary with links to the issues in which the work is."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from lib.errors import PermanentDeliveryError
from lib.models import Digest, HttpAnswer, Json, Severity
from lib.notifiers.jira import workflow
from lib.notifiers.jira.digest import text_of_digest
from lib.notifiers.jira.identity import Scope
from lib.notifiers.jira.notifier import JiraNotifier
from tests.support.digests import SHOP, TRAINER, a_digest_of, clear
from tests.support.receivers import (
    JIRA_CREATED,
    OPTIONS,
    THREADS,
    ScriptedHttp,
    jira_issue,
    jira_search,
    tools,
)

SITE = "https://example.atlassian.net"
THREAD = THREADS["jira"]
ROWS = a_digest_of().repositories
COMMENTED = HttpAnswer(201, "{}")
NOTHING_NEW = a_digest_of(new={})
LOCKED = PermanentDeliveryError("400", degradable=True, reason="http-400")
WAYS = HttpAnswer(
    200,
    json.dumps(
        {
            "transitions": [
                {"id": "11", "to": {"statusCategory": {"key": "new"}}},
                {"id": "31", "to": {"statusCategory": {"key": "done"}}},
            ]
        }
    ),
)


def jira(*answers: Any, **options: Any) -> tuple[JiraNotifier, ScriptedHttp]:
    """Return a notifier, and the calls that it makes."""
    http = ScriptedHttp([*answers])
    return JiraNotifier({**OPTIONS["jira"], **options}, tools(http=http)), http


def description(digest: Digest, **options: Any) -> str:
    """Return the JSON of a description."""
    payload = jira(**options)[0].render(digest)
    return json.dumps(payload["create"]["fields"]["description"])


def with_issues(*keys: str) -> Digest:
    """Return a digest of one image with these issues."""
    threads = tuple(f"{SITE}|SEC|{key}" for key in keys)
    return a_digest_of(repositories=(replace(ROWS[1], threads=threads),))


def test_an_image_links_to_its_issues() -> None:
    """Each stream has one; those of another receiver or project are none of them."""
    two = description(with_issues("SEC-10", "SEC-9"))

    assert two.index(f"{SITE}/browse/SEC-9") < two.index(f"{SITE}/browse/SEC-10")
    assert (
        "Summary only: the work is in SEC-9 and SEC-10 (SEC-10 is about the same image as SEC-9)."
        " Close this issue after reading;"
    ) in two
    assert [name in two for name in ('"SEC-9 (web/', '"SEC-10 (web/')] == [True, True]
    foreign = replace(ROWS[0], threads=(f"{SITE}|OPS|OPS-1", "C0PLATFORM|1795428000.000100"))
    nameless = replace(ROWS[1], image=None, threads=(f"{SITE}|SEC|SEC-4",))
    shown = description(a_digest_of(repositories=(foreign, nameless)))
    assert "OPS-1" not in shown
    assert "the work is in SEC-4. Close" in shown


def test_several_issues_of_a_repository_with_several_images_are_not_of_one() -> None:
    row = replace(with_issues("SEC-1", "SEC-2").repositories[0], images=2)

    assert "the same image" not in description(a_digest_of(repositories=(row,)))


def test_a_step_of_one_image_links_to_its_issues() -> None:
    """Those of several images with the name of each, where no list of images has them."""
    digest = with_issues("SEC-1", "SEC-2")
    row, package = digest.repositories[0], digest.packages[0]
    single = replace(package, images=(SHOP,))

    def links(digest: Digest) -> list[str]:
        text = text_of_digest(digest, Scope(SITE, "SEC"))
        return [link.label for link in text.lists[0].lines[0].links]

    cve, console = "worst: CVE-2026-5450", "ECR console"
    assert links(replace(digest, packages=(single,))) == ["SEC-1", "SEC-2", console, cve]
    assert links(replace(digest, packages=(package,))) == [
        f"{name} (web/storefront:3.2.1)" for name in ("SEC-1", "SEC-2", console)
    ] + [cve]
    listed = replace(
        digest,
        packages=(replace(package, images=(SHOP, TRAINER, replace(SHOP, repository="web/other"))),),
    )
    assert links(listed) == [cve]
    several = replace(row, images=2)
    assert links(replace(digest, packages=(single,), repositories=(several,))) == [cve]


def test_issues_of_one_image_are_said_to_be_alike() -> None:
    unscanned = [
        replace(
            a_digest_of().unscanned[0],
            threads=tuple([f"{SITE}|SEC|SEC-{10 * n + i}" for i in range(3)]),
        )
        for n in range(1, 6)
    ]

    shown = description(replace(with_issues("SEC-1"), unscanned=(unscanned[0],)))
    assert "SEC-12 (SEC-11 and SEC-12 are about the same image as SEC-10). Close" in shown
    shown = description(replace(with_issues("SEC-1"), unscanned=tuple(unscanned)))
    assert "as SEC-10; SEC-21 and SEC-22 are about the same image as SEC-20). Close" in shown


def test_an_image_without_a_scan_links_to_its_issue() -> None:
    """It is one to work in like the others."""
    unscanned = replace(a_digest_of().unscanned[0], threads=(f"{SITE}|SEC|SEC-5",))

    shown = description(replace(with_issues("SEC-3", "SEC-4"), unscanned=(unscanned,)))

    assert "the work is in SEC-3 to SEC-5 (SEC-4 is about the same image as SEC-3). Close" in shown
    assert shown.index("scanned, or delete it (") < shown.index(f"{SITE}/browse/SEC-5")


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([], "Summary only. Close"),
        ([1], "the work is in SEC-1. Close"),
        ([1, 2], "the work is in SEC-1 and SEC-2. Close"),
        (
            [1, 2, 3, 5, 9, 10, 11, 12],
            "the work is in SEC-1 to SEC-3, SEC-5 and SEC-9 to SEC-12. Close",
        ),
        (
            range(1, 17, 2),
            "the work is in SEC-1, SEC-3, SEC-5, SEC-7, SEC-9, SEC-11 and 2 more issues.",
        ),
        ([1, 3, 5, 7, 9, 11, 13, 15, 16, 17], "SEC-11 and 4 more issues. Close"),
    ],
)
def test_many_issues_are_counted(numbers: Sequence[int], words: str) -> None:
    """Those with consecutive numbers are named by the first and the last."""
    row = replace(with_issues(*[f"SEC-{n}" for n in numbers]).repositories[0], images=2)

    assert words in description(a_digest_of(repositories=(row,)))


def test_it_says_what_a_later_digest_does() -> None:
    """By the option."""
    words = "reading; the digest reopens it when something new appears."

    assert words in description(a_digest_of())
    assert words not in description(a_digest_of(), reopen=False)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"counts": {Severity.HIGH: 1}}, {"name": "High"}),
        ({"counts": {Severity.LOW: 1}}, None),
        ({"counts": {}}, {"name": "Medium"}),
        ({"counts": {}, "unscanned": ()}, None),
    ],
)
def test_a_digest_has_the_priority_of_its_worst_severity(
    fields: dict[str, Any], expected: Json
) -> None:
    """As other issues have; without a result it is that of an unknown one."""
    notifier, _ = jira(priority={"HIGH": "High", "UNKNOWN": "Medium"})

    payload = notifier.render(a_digest_of(**fields))

    assert payload["create"]["fields"].get("priority") == expected


def test_a_digest_is_a_task() -> None:
    """Whatever alerts are, unless the option says something else."""

    def kind(**options: Any) -> tuple[str, Json]:
        payload = jira(issue_type="Bug", **options)[0].render(a_digest_of())
        return payload["create"]["fields"]["issuetype"]["name"], payload.get("other_type")

    assert kind() == ("Task", "Bug")
    assert kind(digest_issue_type="Story") == ("Story", "Bug")
    assert kind(digest_issue_type="Bug") == ("Bug", None)


@pytest.mark.parametrize(
    ("fields", "types"), [(["issuetype"], ["Task", "Bug"]), (["project", "issuetype"], ["Task"])]
)
def test_a_project_without_tasks_takes_the_type_of_alerts(
    fields: list[str], types: list[str]
) -> None:
    """A project that is not there takes neither."""
    answer = json.dumps({"errors": dict.fromkeys(fields, "is not valid")})
    refused = PermanentDeliveryError("400", degradable=True, answer=answer, reason="http-400")
    notifier, http = jira(jira_search(), refused, JIRA_CREATED, issue_type="Bug")
    payload = notifier.render(a_digest_of())

    if len(types) > 1:
        assert notifier.send(payload).reference == "SEC-7"
    else:
        with pytest.raises(PermanentDeliveryError) as caught:
            notifier.send(payload)
        assert caught.value.broken
    assert [call.body["fields"]["issuetype"]["name"] for call in http.calls[1:]] == types


def test_a_type_that_is_missing_twice_is_refused() -> None:
    """The destination is broken then, as for alerts."""
    answer = json.dumps({"errors": {"issuetype": "is not valid"}})
    refused = PermanentDeliveryError("400", answer=answer, reason="http-400")
    notifier, http = jira(jira_search(), refused, issue_type="Bug")

    with pytest.raises(PermanentDeliveryError) as caught:
        notifier.send(notifier.render(a_digest_of()))

    assert caught.value.broken
    assert len(http.calls) == 3


@pytest.mark.parametrize(
    ("digest", "category", "options", "answers", "calls", "note"),
    [
        (a_digest_of(), "new", {}, [], "PUT POST", None),
        (a_digest_of(), "done", {}, [WAYS, COMMENTED], "GET POST PUT POST", workflow.REOPENED),
        (a_digest_of(), "done", {"reopen": False}, [], "PUT POST", workflow.CLOSED),
        (NOTHING_NEW, "done", {}, [], "PUT POST", None),
        (NOTHING_NEW, "done", {}, [LOCKED], "PUT POST", None),
        (clear(), "new", {}, [], "PUT POST", None),
        (clear(), "new", {"close": True}, [COMMENTED, WAYS], "PUT GET POST POST", workflow.DONE),
        (replace(clear(), warnings=("odd",)), "new", {"close": True}, [], "PUT POST", None),
        (replace(clear(), images=0), "new", {"close": True}, [], "PUT POST", None),
    ],
)
def test_a_later_digest_goes_into_the_same_issue(
    digest: Digest,
    category: str,
    options: dict[str, Any],
    answers: list[Any],
    calls: str,
    note: str | None,
) -> None:
    """One that people closed when they had read it is opened for something new alone."""
    notifier, http = jira(jira_issue(digest, category=category), *answers, COMMENTED, **options)

    receipt = notifier.send(notifier.render(digest, thread=THREAD))

    assert receipt.thread == THREAD
    assert " ".join(call.method for call in http.calls[1:]) == calls
    said = json.dumps(http.calls[-1].body)
    notes = (workflow.REOPENED, workflow.CLOSED, workflow.DONE)
    assert [words for words in notes if words in said] == ([note] if note else [])


def test_the_link_of_an_issue_is_one_of_its_image() -> None:
    """Before the console, in the list of images."""
    shown = description(with_issues("SEC-2"))

    assert shown.index(SHOP.name) < shown.rindex("browse/SEC-2") < shown.rindex("ECR console")
