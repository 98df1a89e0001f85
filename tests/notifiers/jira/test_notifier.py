"""Jira: valid ADF within its limits, one issue per stream, and no text that is a query."""

import base64
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft4Validator

from lib.errors import (
    AmbiguousDeliveryError,
    ConfigError,
    PermanentDeliveryError,
    TemporaryDeliveryError,
)
from lib.messages.text import text_of
from lib.models import (
    Destination,
    Finding,
    HttpAnswer,
    Notice,
    Receipt,
    ScanSource,
    Severity,
    StreamId,
)
from lib.models.views import Kind
from lib.notifiers.jira import adf, identity
from lib.notifiers.jira.notifier import LABEL, JiraNotifier
from lib.notifiers.jira.text import MAX_SUMMARY, MAX_TEXT
from tests.support import golden
from tests.support.builders import NOW, a_filter, a_finding, a_report, an_image
from tests.support.every import every
from tests.support.notices import (
    a_notice,
    injected,
    injected_problem,
    noticed,
    notices,
    thousands,
)
from tests.support.receivers import (
    CREDENTIALS,
    JIRA_CREATED,
    JIRA_TOKEN,
    OPTIONS,
    THREADS,
    NamedSecrets,
    ScriptedHttp,
    jira_issue,
    jira_search,
    tools,
)
from tests.support.scenes import INJECTIONS, Scene, scenes
from tests.support.streams import a_state, a_view, a_watched, an_unscanned_part

STORIES = notices()
NO_CONTENT = HttpAnswer(204, "")
SITE = "https://example.atlassian.net"
THREAD = THREADS["jira"]

# Which nodes may stand in which:
# https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
CHILDREN = {
    "doc": {
        "codeBlock",
        "paragraph",
        "heading",
        "bulletList",
        "orderedList",
        "table",
        "panel",
        "expand",
    },
    "expand": {"paragraph", "codeBlock"},
    "panel": {"paragraph", "heading", "bulletList"},
    "bulletList": {"listItem"},
    "orderedList": {"listItem"},
    "listItem": {"paragraph"},
    "table": {"tableRow"},
    "tableRow": {"tableHeader", "tableCell"},
    "tableHeader": {"paragraph"},
    "tableCell": {"paragraph"},
    "paragraph": {"text"},
    "heading": {"text"},
    "codeBlock": {"text"},
}
ADF = Draft4Validator(
    json.loads((Path(__file__).parents[2] / "schemas/adf-1.json").read_text("utf-8"))
)
"""Atlassian's own schema."""
MARKS = {"strong", "em", "code", "link"}


def jira(*answers: HttpAnswer | Exception, **given_tools: Any) -> JiraNotifier:
    return JiraNotifier(OPTIONS["jira"], tools(*answers, **given_tools))


def assert_adf(node: Any) -> None:
    """Walk a document and check structure, text nodes and links."""
    if node["type"] == "text":
        assert node["text"]
        marks = {each["type"] for each in node.get("marks", ())}
        assert marks <= MARKS
        for mark in node.get("marks", ()):
            if mark["type"] == "link":
                assert mark["attrs"]["href"].startswith(("https://", "http://"))
        return
    assert node["content"] or node["type"] == "paragraph"
    if node["type"] == "doc":
        assert ADF.is_valid(node)
    for child in node["content"]:
        assert child["type"] in CHILDREN[node["type"]]
        assert_adf(child)


def documents(payload: Any) -> list[Any]:
    comment = payload["update"]["comment"]["body"]
    return [payload["create"]["fields"]["description"], comment]


def said(node: Any) -> str:
    """Return all text of a document, one line per block."""
    if node["type"] == "text":
        return str(node["text"])
    glue = "" if node["type"] in ("paragraph", "heading") else "\n"
    return glue.join(map(said, node["content"]))


def assert_valid(payload: Any) -> None:
    fields = payload["create"]["fields"]
    assert len(fields["summary"]) <= MAX_SUMMARY
    assert "\n" not in fields["summary"]
    for label in fields.get("labels", ()):
        assert not set(label) & set(" \t\n")
        assert len(label) <= 255
    for body in documents(payload):
        assert body["version"] == 1
        assert len(json.dumps(body, ensure_ascii=False)) <= MAX_TEXT
        assert_adf(body)
    json.dumps(payload, ensure_ascii=False).encode("utf-8")


@every("story", STORIES)
def test_every_issue_is_valid(story: str) -> None:
    """Each story has a kept issue and a kept comment, both valid and within Jira's limits."""
    created = jira().render(STORIES[story])
    updated = jira().render(STORIES[story], thread=THREAD)

    assert_valid(created)
    key = {"key": "SEC-7"} if STORIES[story].note is None else {}
    assert updated == created | {"update": created["update"] | key}


@pytest.mark.parametrize("story", sorted(set(golden.LAYOUTS) - {"thirty-platforms"}))
def test_issue_looks_as_kept(story: str) -> None:
    """Findings with tables that are cut, a check with commands, and no result."""
    payload = jira().render(STORIES[story])

    golden.check("jira", story, {name: payload[name] for name in payload if name != "update"})


def test_comment_looks_as_kept() -> None:
    """Each update of an issue has one."""
    payload = jira().render(STORIES["new-and-resolved"], thread=THREAD)

    golden.check("jira", "new-and-resolved.comment", payload["update"]["comment"])


@every("text", INJECTIONS)
def test_text_from_outside_stays_text(text: str) -> None:
    """Wiki markup, JQL and HTML are text nodes; links go only where a URL says."""
    for alert in (injected(text), injected_problem(text)):
        for payload in (jira().render(alert, thread=THREAD), jira().plain(alert, thread=THREAD)):
            assert_valid(payload)


@settings(deadline=None)
@given(listed=st.integers(0, 90), resolved=st.integers(0, 90))
def test_rows_and_the_rest_add_up(listed: int, resolved: int) -> None:
    """Each table has as many rows as its heading says, or says how many are missing."""
    new = [a_finding(f"CVE-2026-{1000 + n}", package=f"p{n}") for n in range(listed)]
    gone = [a_finding(f"CVE-2025-{1000 + n}", package=f"q{n}") for n in range(resolved)]
    before = a_report(*gone, image=an_image(1))
    after = a_report(a_finding("CVE-2024-1", severity="LOW"), *new, image=an_image(2))
    assume(new or gone)
    alert = noticed(Scene(after, before=before))

    payload = jira().render(alert, thread=THREAD)

    # What ended is listed where nothing is news.
    ended = 0 if listed else resolved
    changes = [("New", listed, "CVE-2026-"), ("Fixed", ended, "CVE-2025-")]
    description, comment = documents(payload)
    for body, groups in ((comment, changes), (description, [("Open now", listed, "CVE-2026-")])):
        for title, number, prefix in groups:
            texts = _section(body, title)
            rows = [each for each in texts if each.startswith(prefix)]
            missing = [each for each in texts if each.startswith("and ")]
            more = int(missing[0].split()[1]) if missing else 0
            assert len(rows) + more == number


def test_description_and_comment_name_their_delivery() -> None:
    """A repeated comment is looked for by it, and people need it to ask about an issue."""
    payload = jira().render(STORIES["new-and-resolved"], thread=THREAD)
    description, comment = (
        json.dumps(body)
        for body in (
            payload["create"]["fields"]["description"],
            payload["update"]["comment"]["body"],
        )
    )

    assert STORIES["new-and-resolved"].delivery_id in comment
    assert STORIES["new-and-resolved"].delivery_id in description


def test_what_few_people_need_is_collapsed_at_the_end() -> None:
    """The command to accept a risk is whole and in a block of its own; the mark comes last."""
    payload = jira().render(STORIES["new-and-resolved"])["create"]
    *nodes, last = payload["fields"]["description"]["content"]
    mark = payload["properties"][0]["value"]["mark"]
    command = "ecr-scan-alerts suppressions add CVE-2026-2001 "
    hidden = (command, "account 000474600478", "Delivery 0000", mark)

    assert (last["type"], last["attrs"]) == (
        "expand",
        {"title": "How to accept a risk, and technical details"},
    )
    (block,) = (node for node in last["content"] if node["type"] == "codeBlock")
    assert said(block).strip().startswith(command)
    assert said(last["content"][-1]) == f"ecr-scan-alerts finds this issue by this line: {mark}"
    assert all(text in said(last) for text in hidden)
    assert not [text for text in hidden for node in nodes if text in said(node)]


def test_a_comment_repeats_nothing_of_the_description() -> None:
    """Links, steps, account and routes stand there; the delivery is collapsed."""
    story = STORIES["new-and-resolved"]
    (description, comment) = documents(jira().render(story, thread=THREAD))
    *nodes, last = comment["content"]

    delivery = adf.paragraph(adf.text(f"Delivery {story.delivery_id}", "em"))
    assert last == adf.expand("Technical details", delivery)
    assert not [
        words
        for words in ("Open the full report", "account 000474600478", "What to do")
        for node in nodes
        if words in said(node) or words not in said(description)
    ]


def test_an_issue_sent_after_a_refusal_has_nothing_collapsed() -> None:
    """The fallback has simple nodes alone; the mark stays the last line."""
    description, comment = documents(jira().plain(STORIES["new-and-resolved"], thread=THREAD))

    kinds = {node["type"] for body in (description, comment) for node in body["content"]}
    assert kinds == {"paragraph"}
    assert said(description["content"][-1]).startswith("ecr-scan-alerts finds this issue by")


def test_what_changed_stands_where_it_is_read_once() -> None:
    """In the comment of an issue that is there; in the description of one that is created."""
    payload = jira().render(STORIES["new-and-resolved"], thread=THREAD)

    update = payload["update"]
    bodies = (
        payload["create"]["fields"]["description"],
        update["fields"]["description"],
        update["comment"]["body"],
    )

    assert ["Since 1.4.1: 2 new" in said(body) for body in bodies] == [True, False, True]


KERNEL = a_finding(package="linux")
UNSCANNED = STORIES["scan-failed"]
BY_HAND = "Then close the issue by hand."
UNSEEN = "Then close the issue by hand: a scan of the image cannot see the hosts."


@pytest.mark.parametrize(
    ("notice", "options", "end"),
    [
        (noticed(Scene(a_report(a_finding()))), {}, BY_HAND),
        (
            noticed(Scene(a_report(a_finding()))),
            {"close": True},
            "its risk is accepted. Then this issue closes by itself.",
        ),
        (UNSCANNED, {}, BY_HAND),
        (
            UNSCANNED,
            {"close": True},
            "Then this issue closes by itself, unless there is something to report.",
        ),
        (
            noticed(Scene(a_report(KERNEL))),
            {"close": True},
            f"{UNSEEN} It stays closed until there is something new.",
        ),
        (noticed(Scene(a_report(KERNEL))), {"reopen": False}, UNSEEN),
    ],
)
def test_an_issue_says_who_closes_it(notice: Notice, options: Any, end: str) -> None:
    """The program only with the option, and never for hosts, which it cannot see."""
    payload = JiraNotifier({**OPTIONS["jira"], **options}, tools()).render(notice)

    lines = said(payload["create"]["fields"]["description"]).splitlines()

    (done,) = (line for line in lines if line.startswith("Done when"))
    assert done.endswith(end)


def test_a_page_that_a_step_links_is_linked_once() -> None:
    """The row of links has what no step has."""
    story = STORIES["not-scanned"]
    (description, *_) = documents(jira().render(story))
    problem = text_of(story).problem

    assert problem is not None
    assert problem.pages
    for page in problem.pages:
        assert json.dumps(description).count(page.url) == 1


def test_a_single_package_has_the_table_of_several() -> None:
    """An issue is read as the one before; without notes there is no column of them."""
    rows = [a_finding(f"CVE-2026-{n}", package="zlib", version="1") for n in (1, 2)]

    assert _table(*rows) == [
        ["Package", "Vulnerabilities"],
        ["zlib 1", "2 HIGH: CVE-2026-1, CVE-2026-2"],
    ]


def test_a_package_without_a_note_has_an_empty_cell() -> None:
    """A dash would be read as something that is missing."""
    special = a_finding("CVE-2026-1", package="zlib", version="1", exploit_available="YES")

    _, first, last = _table(special, a_finding("CVE-2026-2", package="curl", version="2"))

    assert first[:2] == ["zlib 1", "1 HIGH: CVE-2026-1"]
    assert first[2].startswith("Public exploit")
    assert last == ["curl 2", "1 HIGH: CVE-2026-2", ""]


def _table(*rows: Finding) -> list[list[str]]:
    """Return the words of the last table of an issue."""
    (description, *_) = documents(jira().render(noticed(Scene(a_report(*rows)))))
    *_, table = (node for node in description["content"] if node["type"] == "table")
    return [[*map(_words, row["content"])] for row in table["content"]]


def test_versions_of_an_upgrade_are_code() -> None:
    """They are copied and compared."""
    rows = (a_finding("CVE-2026-1", package="zlib", fixed_version="2"),)
    (description, *_) = documents(jira().render(noticed(Scene(a_report(*rows)))))
    table = next(node for node in description["content"] if node["type"] == "table")

    _package, installed, target, _removes = table["content"][1]["content"]

    assert [cell["content"][0]["content"][0]["marks"] for cell in (installed, target)] == [
        [{"type": "code"}],
        [{"type": "code"}],
    ]


def test_the_table_leaves_room_for_notes() -> None:
    """A row is a package, with from and to: an issue is narrow next to its details."""
    rows = [a_finding(f"CVE-2026-{n}", fixed_version="3.0.14") for n in (1, 2)]

    head, *listed = _table(
        *rows,
        a_finding("CVE-2026-3", package="zlib", version="1", description="It crashes."),
    )

    assert head == ["Package", "Vulnerabilities", "Notes"]
    assert [row[:2] for row in listed] == [
        ["openssl 3.0.11-1 \N{RIGHTWARDS ARROW} 3.0.14", "2 HIGH: CVE-2026-1, CVE-2026-2"],
        ["zlib 1", "1 HIGH: CVE-2026-3"],
    ]


def _words(cell: Any) -> str:
    return "".join(node["text"] for node in cell["content"][0]["content"])


def test_rows_become_fewer_until_everything_fits() -> None:
    """Texts of quotes and emoji take twice their length; numbers still add up."""
    absurd = ['\N{PILE OF POO}"' * 90 + str(n) for n in range(60)]
    findings = [
        a_finding(
            name,
            package=name,
            version=name,
            path=name,
            fixed_version=name,
            links=("https://example.com/" + "x" * 270,),
        )
        for name in absurd
    ]
    image = an_image(2, tags=tuple(absurd), repository=absurd[0])
    absurdly_long = noticed(
        Scene(a_report(*findings[:40], image=image), a_report(*findings[40:], image=an_image(1)))
    )

    payload = jira().render(absurdly_long, thread=THREAD)

    assert_valid(payload)
    assert all(each.used <= each.limit for each in jira().usage(payload))
    description, comment = documents(payload)
    for body, title, missing in (
        (description, "Open now", 30),
        (comment, "New", 20),
    ):
        section = _section(body, title)
        assert any(each.startswith(f"and {missing} more") for each in section), (title, section)


def _texts(node: Any) -> list[str]:
    if node["type"] == "text":
        return [node["text"]]
    return [text for child in node["content"] for text in _texts(child)]


def _section(body: Any, title: str) -> list[str]:
    """Return the texts between a heading and the next one."""
    found: list[str] = []
    inside = False
    for node in body["content"]:
        if node["type"] == "heading":
            inside = said(node).startswith(title)
        elif inside:
            found += _texts(node)
    return found


def test_fields_come_from_the_options() -> None:
    """Project, type, labels without blanks, and the priority of the worst severity."""
    fields = jira().render(STORIES["new-and-resolved"])["create"]["fields"]

    alert = STORIES["new-and-resolved"]
    assert fields["project"] == {"key": "SEC"}
    assert fields["issuetype"] == {"name": "Task"}
    assert fields["priority"] == {"name": "Highest"}
    assert fields["labels"] == [
        LABEL,
        identity.label(identity.owner_of(alert, "")),
        "containers",
        "two-words",
    ]


def test_labels_can_be_left_out() -> None:
    """A project whose screens have no labels: the line in the description is found instead."""
    alert = STORIES["new-and-resolved"]
    http = ScriptedHttp(
        [jira_search("SEC-7"), jira_issue(alert, delivery=alert.delivery_id)],
    )
    notifier = JiraNotifier({**OPTIONS["jira"], "labels": False}, tools(http=http))

    fields = notifier.render(alert)["create"]["fields"]
    verdict = notifier.verify(alert, since=NOW, now=NOW)

    mark = identity.owner_of(alert, "").mark
    assert "labels" not in fields
    assert said(fields["description"]).splitlines()[-1].endswith(mark)
    assert isinstance(verdict, Receipt)
    assert f'text ~ "{mark}"' in http.calls[0].body["jql"]


def test_an_image_without_a_result_has_urgency_priority_and_an_end() -> None:
    """As every other issue; its severity is unknown."""
    options = {**OPTIONS["jira"], "priority": {"UNKNOWN": "Normal"}}
    fields = JiraNotifier(options, tools()).render(STORIES["scan-failed"])["create"]["fields"]

    text = said(fields["description"])
    assert fields["priority"] == {"name": "Normal"}
    assert text.startswith("Urgency: medium, in working hours (")
    assert (
        "Done when a scan of payments/api succeeds, the image is deleted, or somebody accepts "
        "that it stays unscanned. Then close the issue by hand."
    ) in text


def test_vulnerabilities_that_nobody_rated_have_a_priority() -> None:
    """Of severity UNKNOWN."""
    scene = Scene(
        a_report(a_finding(severity="UNKNOWN")), filters=(a_filter(severity=Severity.UNKNOWN),)
    )
    options = {**OPTIONS["jira"], "priority": {"UNKNOWN": "Normal"}}

    fields = JiraNotifier(options, tools()).render(noticed(scene))["create"]["fields"]

    assert fields["priority"] == {"name": "Normal"}


def test_a_repository_that_was_not_checked_has_an_end() -> None:
    """It is no image."""
    part = an_unscanned_part("ACCESS_DENIED", part="", source=ScanSource.REPOSITORY)
    watched = a_watched(image=an_image(digest="", tags=()), parts=(part,))
    alert = a_notice(a_state(watched), a_view())

    text = said(jira().render(alert)["create"]["fields"]["description"])

    assert "Done when a check of payments/api has a result, or the repository is deleted." in text


def test_priority_is_only_set_where_configured() -> None:
    """A severity without an entry keeps the project's default priority."""
    fields = jira().render(STORIES["only-resolved"])["create"]["fields"]

    assert "priority" not in fields


def of_view(notice: Notice, destination: Destination, stream: StreamId) -> Notice:
    """Return a notice to another destination about another stream."""
    view = replace(notice.message.view, destination=destination, stream=stream)
    return replace(notice, message=replace(notice.message, view=view))


def test_label_differs_by_stage_destination_and_stream() -> None:
    """The label finds the one issue of a stream and stage, also when names contain blanks."""
    alert = STORIES["baseline"]
    labels = {
        identity.label(
            identity.owner_of(of_view(alert, Destination(destination), StreamId(stream)), stage)
        )
        for stage in ("", "dev", "prod")
        for destination in ("a", "b b", "\ud800")
        for stream in ("x", "y y")
    }

    assert len(labels) == 18
    assert all(label.startswith("ecr-") and " " not in label for label in labels)


def test_update_leaves_labels_and_priority_to_people() -> None:
    """An update changes what we own: summary and description."""
    update = jira().render(STORIES["new-and-resolved"], thread=THREAD)["update"]

    assert update["key"] == "SEC-7"
    assert set(update["fields"]) == {"summary", "description"}


def test_failed_scan_keeps_what_is_known() -> None:
    """The description still lists it, with the remedy; the failure is in both."""
    scene = scenes()["new-and-resolved"]
    failed = noticed(replace(scenes()["scan-failed"], before=scene.report))

    update = jira().render(failed, thread=THREAD)["update"]

    shown = [update["fields"]["description"], update["comment"]["body"]]
    assert all("Nothing is known" not in said(body) for body in shown)
    assert all(
        "What 1.4.2 had stays open" in said(body) or "stays open" in said(body) for body in shown
    )
    assert ["aws ecr start-image-scan" in said(body) for body in shown] == [True, False]
    assert update["fields"]["summary"].startswith("payments/api:1.4.2: 3 CRITICAL")


def test_plain_issue_has_neither_table_nor_optional_fields() -> None:
    """What is sent after a 400 has only what every project takes."""
    created = jira().plain(STORIES["new-and-resolved"])
    updated = jira().plain(STORIES["new-and-resolved"], thread=THREAD)

    assert set(created["create"]["fields"]) == {"project", "issuetype", "summary", "description"}
    assert "key" not in created["update"]
    assert updated["update"]["fields"] == {}
    assert_valid(updated)


def test_issue_is_created_with_basic_authentication() -> None:
    """The credentials are read when sending; the key is receipt and link, with scope the thread."""
    http = ScriptedHttp([JIRA_CREATED])
    payload = jira().render(STORIES["baseline"])
    del payload["attach"]

    receipt = jira(http=http).send(payload)

    assert receipt == Receipt("SEC-7", url=f"{SITE}/browse/SEC-7", thread=THREAD)
    search, create = http.calls
    assert (search.method, search.url) == ("POST", f"{SITE}/rest/api/3/search/jql")
    assert (create.method, create.url) == ("POST", f"{SITE}/rest/api/3/issue")
    assert create.body == payload["create"]
    for call in http.calls:
        scheme, _, encoded = call.headers["Authorization"].partition(" ")
        assert scheme == "Basic"
        assert base64.b64decode(encoded).decode() == f"robot@example.com:{JIRA_TOKEN}"


def sent(
    story: str, *answers: HttpAnswer | Exception, thread: str | None = THREAD
) -> tuple[Receipt, list[str], ScriptedHttp]:
    """Send an alert without its page; return the receipt and the calls."""
    http = ScriptedHttp(list(answers))
    payload = jira().render(STORIES[story], thread=thread)
    payload.pop("attach", None)
    receipt = jira(http=http).send(payload)
    api = f"{SITE}/rest/api/3"
    return receipt, [f"{call.method} {call.url.removeprefix(api)}" for call in http.calls], http


READ = "GET /issue/SEC-7?fields=status,resolution&properties=*all"
SEARCH = "POST /search/jql"
CREATE = "POST /issue"
COMMENTS = "GET /issue/SEC-7/comment?orderBy=-created&maxResults=50"
NO_COMMENTS = HttpAnswer(200, '{"comments": []}')
GONE = PermanentDeliveryError("404", reason="http-404")


def own(story: str, **fields: Any) -> HttpAnswer:
    return jira_issue(STORIES[story], **fields)


def test_known_issue_is_updated_then_commented() -> None:
    """The comment is last: if anything has to be repeated, there is still only one comment."""
    receipt, calls, http = sent(
        "only-resolved", own("only-resolved"), NO_CONTENT, HttpAnswer(201, "{}")
    )

    assert receipt.thread == THREAD
    assert calls == [READ, "PUT /issue/SEC-7", "POST /issue/SEC-7/comment"]
    payload = jira().render(STORIES["only-resolved"])
    assert http.calls[2].body == payload["update"]["comment"]


@pytest.mark.parametrize("story", ["baseline", "only-resolved", "scan-failed"])
def test_deleted_issue_is_created_anew(story: str) -> None:
    """404 for the stored key, and none found: the next issue of the stream takes its place."""
    gone = THREAD.replace("-7", "-6")

    receipt, calls, _ = sent(story, GONE, jira_search(), JIRA_CREATED, thread=gone)

    assert receipt.thread == THREAD
    assert receipt.remark == "the stored issue SEC-6 is gone or not ours"
    assert calls == [READ.replace("-7", "-6"), SEARCH, CREATE]


def test_issue_deleted_while_it_is_updated_is_created_anew() -> None:
    """Deleted between two calls, it is as gone as before them; the index still lists it."""
    stale = jira_search("SEC-7", "SEC-8")
    answers = (own("only-resolved"), GONE, stale, GONE, JIRA_CREATED)

    _, calls, _ = sent("only-resolved", *answers)

    assert calls == [READ, "PUT /issue/SEC-7", SEARCH, READ.replace("-7", "-8"), CREATE]


@pytest.mark.parametrize(
    "thread",
    [
        "https://acme-sandbox.atlassian.net|SEC|SEC-7",
        "https://example.atlassian.net|OPS|SEC-7",
        "C0123ALERTS:1795424400.000100",
        "https://example.atlassian.net|SEC|SEC-7/../SEC-8",
        "https://example.atlassian.net|SEC|",
        "2026-11-20T09:00:00Z 2016-01-01T00:00:00Z",
    ],
)
def test_a_key_of_another_site_or_project_is_not_used(thread: str) -> None:
    """Neither read nor written: the stream gets an issue where the destination is now."""
    receipt, calls, _ = sent("baseline", jira_search(), JIRA_CREATED, thread=thread)

    assert receipt.thread == THREAD
    assert calls == [SEARCH, CREATE]


NOT_OURS = (
    '{"key": "SEC-7", "fields": {"labels": ["LABEL"]}, "properties": {}}',
    '{"key": "SEC-7", "fields": {"labels": ["LABEL"]}}',
    '{"properties": {"ecr-scan-alerts": 7}}',
    '{"properties": {"ecr-scan-alerts": {}}}',
    '{"properties": {"ecr-scan-alerts": {"mark": "another", "delivery": "DELIVERY"}}}',
    '{"properties": {"other": {"mark": "MARK", "delivery": "DELIVERY"}}}',
    '{"properties": [7]}',
)


@every("thread", [THREAD, "SEC-7", None])
@every("answer", NOT_OURS)
def test_an_issue_of_others_is_never_changed(answer: str, thread: str | None) -> None:
    """A key of ours, or our label, on an issue that we did not create: it is only read."""
    alert = STORIES["baseline"]
    owner = identity.owner_of(alert, "")
    text = answer.replace("LABEL", identity.label(owner)).replace("MARK", owner.mark)
    theirs = HttpAnswer(200, text.replace("DELIVERY", alert.delivery_id))
    answers = (theirs, jira_search("SEC-7")) if thread else (jira_search("SEC-7"), theirs)

    _, calls, http = sent("baseline", *answers, JIRA_CREATED, thread=thread)

    assert calls == [*([READ, SEARCH] if thread else [SEARCH, READ]), CREATE]
    assert [call.body for call in http.calls if call.method == "PUT"] == []


def test_an_issue_of_another_stage_is_never_changed() -> None:
    """Two stages with one alerts.yml: each has its own issue of a stream."""
    issue = own("baseline", stage="dev")

    _, calls, _ = sent("baseline", issue, jira_search("SEC-7"), JIRA_CREATED)

    assert calls == [READ, SEARCH, CREATE]


def test_a_bare_key_of_ours_is_used() -> None:
    """What an older version stored is as good as its issue."""
    receipt, calls, _ = sent("scan-failed", own("scan-failed"), NO_CONTENT, thread="SEC-7")

    assert calls == [READ, "PUT /issue/SEC-7", "POST /issue/SEC-7/comment"]
    assert receipt.thread == THREAD


def test_an_issue_that_nobody_stored_gets_the_alert_as_a_comment() -> None:
    """The ledger may know less than Jira: never a second issue, and never only a receipt."""
    receipt, calls, _ = sent(
        "scan-failed",
        jira_search("SEC-7"),
        own("scan-failed"),
        NO_COMMENTS,
        NO_CONTENT,
        HttpAnswer(201, "{}"),
        thread=None,
    )

    assert calls == [SEARCH, READ, COMMENTS, "PUT /issue/SEC-7", "POST /issue/SEC-7/comment"]
    assert (receipt.reference, receipt.thread) == ("SEC-7", THREAD)


def test_an_issue_that_holds_the_alert_gets_no_comment() -> None:
    """The answer of an earlier attempt was lost, and the search was slower than the wait for it."""
    delivery = STORIES["baseline"].delivery_id
    created = sent(
        "baseline", jira_search("SEC-7"), own("baseline", delivery=delivery), thread=None
    )
    comment = HttpAnswer(200, json.dumps({"comments": [{"body": f"Delivery: {delivery}"}]}))
    commented = sent("baseline", jira_search("SEC-7"), own("baseline"), comment, thread=None)

    assert created[1] == [SEARCH, READ]
    assert commented[1] == [SEARCH, READ, COMMENTS]
    assert created[0].thread == commented[0].thread == THREAD


def test_search_results_are_read_to_the_end() -> None:
    """People may have put our label on any number of issues."""
    pages = [jira_search("SEC-1", next_token="2"), HttpAnswer(200, "{}"), jira_search("SEC-7")]
    delivery = STORIES["baseline"].delivery_id

    receipt, calls, http = sent("baseline", *pages, own("baseline", delivery=delivery), thread=None)

    assert receipt.reference == "SEC-7"
    assert calls == [SEARCH, READ.replace("-7", "-1"), SEARCH, READ]
    assert http.calls[2].body["nextPageToken"] == "2"


def test_search_results_have_an_end() -> None:
    """A search that always names another page does not hold up the alert."""
    for_ever = [jira_search(next_token="more")] * 10

    _, calls, _ = sent("baseline", *for_ever, JIRA_CREATED, thread=None)

    assert calls == [SEARCH] * 10 + [CREATE]


@every("text", ["", "[]", "null", "{}", '{"issues": 7}', "[" * 99_999])
@every("thread", [None, THREAD])
def test_an_odd_answer_creates_nothing(text: str, thread: str | None) -> None:
    """A proxy's page is neither "there is none" nor "it is not ours": it is asked again later."""
    with pytest.raises(TemporaryDeliveryError, match="not understood"):
        sent("baseline", HttpAnswer(200, text), thread=thread)


@pytest.mark.parametrize("thread", [None, THREAD])
def test_a_question_without_an_answer_leaves_no_doubt(thread: str | None) -> None:
    """Nothing was sent yet, so the next attempt has nothing to look up."""
    with pytest.raises(TemporaryDeliveryError) as caught:
        sent("baseline", AmbiguousDeliveryError("lost", reason="timeout"), thread=thread)

    assert caught.value.reason == "timeout"


def test_a_search_that_is_refused_is_about_every_alert() -> None:
    """The query holds nothing of the alert: there is no such project, or nobody may see it."""
    refused = PermanentDeliveryError("400", degradable=True, reason="http-400")

    with pytest.raises(PermanentDeliveryError) as caught:
        sent("baseline", refused, thread=None)

    assert (caught.value.broken, caught.value.degradable) == (True, False)


@pytest.mark.parametrize(
    "error",
    [
        PermanentDeliveryError("403", reason="http-403"),
        PermanentDeliveryError("labels cannot be set", degradable=True, reason="http-400"),
        TemporaryDeliveryError("503"),
    ],
)
def test_other_refusals_are_raised(error: Exception) -> None:
    """Only a missing issue makes a new one; everything else is decided by the pipeline."""
    http = ScriptedHttp([error])

    with pytest.raises(type(error)):
        jira(http=http).send(jira().render(STORIES["baseline"], thread=THREAD))

    assert len(http.calls) == 1


WAYS = HttpAnswer(
    200,
    json.dumps(
        {
            "transitions": [
                {"id": each, "to": {"name": name, "statusCategory": {"key": category}}}
                for each, name, category in (("31", "Done", "done"), ("11", "To Do", "new"))
            ]
        }
    ),
)
NO_WAYS = HttpAnswer(200, '{"transitions": []}')


@pytest.mark.parametrize(
    ("field", "broken"), [("project", True), ("issuetype", True), ("labels", False)]
)
def test_a_project_that_cannot_take_any_issue_is_broken(field: str, broken: bool) -> None:  # noqa: FBT001  # a case
    """A wrong project or issue type is no fault of this alert: the next ones would fail as well."""
    answer = json.dumps({"errorMessages": [], "errors": {field: "is not valid"}})
    refused = PermanentDeliveryError("400", degradable=True, answer=answer, reason="http-400")
    notifier = JiraNotifier(OPTIONS["jira"], tools(jira_search(), refused))

    with pytest.raises(PermanentDeliveryError) as caught:
        notifier.send(notifier.render(noticed(Scene(a_report(a_finding())))))

    assert (caught.value.broken, caught.value.degradable) == (broken, not broken)


FORBIDDEN = PermanentDeliveryError("403", reason="http-403")
LOCKED = PermanentDeliveryError("400", degradable=True, reason="http-400")
COMMENTED = HttpAnswer(201, "{}")


def an_issue(category: str, resolution: str | None = None) -> HttpAnswer:
    """Return the issue of the stories, which are all of one stream."""
    return jira_issue(STORIES["baseline"], category=category, resolution=resolution)


def updated(story: str, *answers: HttpAnswer | Exception, **options: Any) -> tuple[list[str], str]:
    """Update an issue; return the calls it took, and the note on top of the comment."""
    http = ScriptedHttp(list(answers))
    notifier = JiraNotifier({**OPTIONS["jira"], **options}, tools(http=http))
    payload = notifier.render(STORIES[story], thread=THREAD)
    payload.pop("attach", None)
    notifier.send(payload)
    paths = [
        f"{each.method} {each.url.split('SEC-7')[1]}{(each.body or {}).get('transition', '')}"
        for each in http.calls
    ]
    body = http.calls[-1].body["body"]
    assert_adf(body)
    assert len(json.dumps(body, ensure_ascii=False)) <= MAX_TEXT
    before = len(body["content"]) - len(payload["update"]["comment"]["body"]["content"])
    return paths, "".join(map(said, body["content"][:before]))


LOOK = "GET ?fields=status,resolution&properties=*all"
SEE = "GET /transitions"
REOPEN = "POST /transitions{'id': '11'}"
CLOSE = "POST /transitions{'id': '31'}"
EDIT = "PUT "
COMMENT = "POST /comment"


@pytest.mark.parametrize("category", ["new", "indeterminate"])
def test_open_issue_is_not_moved(category: str) -> None:
    """Whatever people do with it meanwhile."""
    calls, note = updated("new-and-resolved", an_issue(category), NO_CONTENT, COMMENTED)

    assert calls == [LOOK, EDIT, COMMENT]
    assert note == ""


@pytest.mark.parametrize("resolution", [None, "Done"])
def test_closed_issue_is_reopened_for_something_new(resolution: str | None) -> None:
    """It is open again before it is edited, which many workflows refuse for closed ones."""
    answers = (an_issue("done", resolution), WAYS, NO_CONTENT, NO_CONTENT, COMMENTED)

    calls, note = updated("new-and-resolved", *answers)

    assert calls == [LOOK, SEE, REOPEN, EDIT, COMMENT]
    assert note == "This issue was closed. There is something new, so it is open again."


def test_issue_that_people_decided_against_stays_closed() -> None:
    """Won't Do is respected; the comment says what came all the same."""
    calls, note = updated("new-and-resolved", an_issue("done", "Won't Do"), NO_CONTENT, COMMENTED)

    assert calls == [LOOK, EDIT, COMMENT]
    assert note.startswith("This issue was closed on purpose (Won't Do), so it stays closed.")


def test_reopening_can_be_turned_off() -> None:
    """Then the comment says that the issue is closed."""
    answers = (an_issue("done"), NO_CONTENT, COMMENTED)

    calls, note = updated("new-and-resolved", *answers, reopen=False)

    assert calls == [LOOK, EDIT, COMMENT]
    assert note == "This issue is closed. There is something new."


@pytest.mark.parametrize(
    ("answers", "tried"),
    [
        ((NO_WAYS,), [SEE]),
        ((FORBIDDEN,), [SEE]),
        ((WAYS, LOCKED), [SEE, REOPEN]),
    ],
)
def test_workflow_without_a_way_back_does_not_stop_the_alert(
    answers: tuple[Any, ...], tried: list[str]
) -> None:
    """Neither does a closed issue that cannot be edited: the comment says so and is delivered."""
    calls, note = updated("new-and-resolved", an_issue("done"), *answers, LOCKED, COMMENTED)

    assert calls == [LOOK, *tried, EDIT, COMMENT]
    assert "could not be reopened" in note


def test_open_issue_that_cannot_be_edited_is_an_error() -> None:
    """Only a closed one is expected to be locked; otherwise the pipeline sends it plainly."""
    with pytest.raises(PermanentDeliveryError):
        updated("new-and-resolved", an_issue("new"), LOCKED)


def test_closed_issue_that_vanishes_is_created_anew() -> None:
    """Deleted between two calls, it is as gone as before them."""
    answers = (an_issue("done", "Won't Do"), GONE, jira_search(), JIRA_CREATED)

    receipt, calls, _ = sent("baseline", *answers)

    assert calls[-2:] == [SEARCH, CREATE]
    assert receipt.thread == THREAD


def test_outage_while_reopening_is_tried_again_later() -> None:
    """Nothing was commented yet, so the whole update can be repeated."""
    with pytest.raises(TemporaryDeliveryError):
        updated("new-and-resolved", an_issue("done"), WAYS, TemporaryDeliveryError("503"))


@pytest.mark.parametrize("story", ["only-resolved", "one-left"])
def test_nothing_new_moves_nothing(story: str) -> None:
    """By default issues are only closed by people, and nothing is moved."""
    calls, note = updated(story, an_issue("done"), NO_CONTENT, COMMENTED)

    assert not {SEE, REOPEN, CLOSE} & set(calls)
    assert note == ""


def test_issue_without_anything_open_can_be_closed() -> None:
    """Where it was asked for: edited first, because it may be locked afterwards."""
    answers = (an_issue("new"), NO_CONTENT, WAYS, NO_CONTENT, COMMENTED)

    calls, note = updated("only-resolved", *answers, close=True)

    assert calls == [LOOK, EDIT, SEE, CLOSE, COMMENT]
    assert note == "Nothing is left open here, so this issue is closed."


def test_issue_that_cannot_be_closed_says_so() -> None:
    """The comment is delivered all the same."""
    calls, note = updated(
        "only-resolved", an_issue("new"), NO_CONTENT, NO_WAYS, COMMENTED, close=True
    )

    assert calls == [LOOK, EDIT, SEE, COMMENT]
    assert "could not be closed" in note


def test_closed_issue_is_not_closed_again() -> None:
    """A transition from done to done would be noise."""
    calls, note = updated("only-resolved", an_issue("done"), NO_CONTENT, COMMENTED, close=True)

    assert calls == [LOOK, EDIT, COMMENT]
    assert note == ""


@pytest.mark.parametrize("story", ["one-left", "scan-failed", "new-and-resolved"])
def test_issue_with_something_open_is_not_closed(story: str) -> None:
    """Nor one about which nothing is known."""
    update = JiraNotifier({**OPTIONS["jira"], "close": True}, tools()).render(
        STORIES[story], thread=THREAD
    )["update"]

    assert "if_open" not in update


def test_incomplete_list_closes_nothing() -> None:
    """What was not listed may still be open."""
    scene = scenes()["only-resolved"]
    scan = replace(scene.report.scan, complete=False)
    partly = noticed(replace(scene, report=replace(scene.report, scan=scan)))

    update = JiraNotifier({**OPTIONS["jira"], "close": True}, tools()).render(
        partly, thread=THREAD
    )["edit"]

    assert "if_open" not in update


def test_description_says_how_things_stand() -> None:
    """What was there before is listed, too, worst first, and new ones are marked."""
    body = jira().render(STORIES["new-and-resolved"])["create"]["fields"]["description"]

    texts = _section(body, "Open now: 2 CRITICAL, 40 HIGH, 12 MEDIUM")
    assert [each for each in texts if re.fullmatch(r"CVE-[0-9-]+", each)][:3] == [
        "CVE-2026-2001",
        "CVE-2026-2002",
        "CVE-2025-7000",
    ]
    assert any(text.startswith("Both new. CVE-2026-2001: EPSS 12 %") for text in texts)
    assert "openssl 3.0.11-1~deb12u1 \N{RIGHTWARDS ARROW} 3.0.14-1~deb12u2" in texts
    assert any(text.startswith("Since 1.4.1: 2 new") for text in texts)
    last = texts.index("Others") + 1
    assert texts[last].startswith(
        "12 MEDIUM in perl, perl1 and perl2 (listed here: HIGH and above)"
    )
    assert not any("accepted" in text for text in texts[last:])
    accepted = [said(node) for node in body["content"] if said(node).startswith("Accepted, not")]
    assert accepted[0].startswith("Accepted, not counted: 1 CRITICAL until 2027-01-31: CVE")


def test_steps_are_numbered_across_tables() -> None:
    """A list cannot hold a table; the list after it goes on counting. No step is bold."""
    rows = (
        a_finding("CVE-2026-1", package="linux", fixed_version="2"),
        a_finding("CVE-2026-2", package="curl"),
        a_finding("CVE-2026-3", package="zlib", fixed_version="2"),
    )
    body = jira().render(noticed(Scene(a_report(*rows))))["create"]["fields"]["description"]
    titles = [said(node) for node in body["content"]]
    nodes = body["content"][titles.index("What to do") :]
    lists = [node for node in nodes if node["type"] == "orderedList"]

    places = [node["attrs"]["order"] for node in lists]
    lengths = [len(node["content"]) for node in lists]
    assert (places, lengths) == ([1, 4, 5], [3, 1, 2])
    assert said(lists[2]["content"][1]).startswith("Later, in the image (no hurry): ")
    assert "strong" not in json.dumps(lists)


def test_kinds_that_are_not_asked_for_are_open_all_the_same() -> None:
    """A route for NEW only must not make an issue say that nothing else is open."""
    known = a_finding("CVE-2026-1", severity="HIGH")
    worse = replace(known, severity=Severity.CRITICAL)
    after = a_report(worse, a_finding("CVE-2026-2", package="zlib"), image=an_image(2))
    filters = (a_filter(kinds=(Kind.NEW,)),)

    notice = noticed(Scene(after, a_report(known, image=an_image(1)), filters))
    fields = jira().render(notice)["create"]["fields"]

    assert fields["summary"] == "payments/api:1.4.2: 1 CRITICAL, 1 HIGH open"
    assert "Raised" in " ".join(_section(fields["description"], "Open now (2)"))
    assert "Besides these" not in json.dumps(fields["description"])


@pytest.mark.parametrize(
    ("story", "summary"),
    [
        (
            "new-and-resolved",
            "payments/api:1.4.2: 2 CRITICAL, 40 HIGH, 12 MEDIUM open, fix available for 2 of 54",
        ),
        (
            "only-resolved",
            "payments/api:latest: nothing open but what is filtered out: 2 MEDIUM",
        ),
        ("all-fixed", "payments/api:1.4.2: nothing open"),
    ],
)
def test_summary_says_how_things_stand(story: str, summary: str) -> None:
    """It is what lists and boards show until the next update: no false all-clear."""
    assert jira().render(STORIES[story])["create"]["fields"]["summary"] == summary


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{}", '{"key": 7}', '{"key": ""}', "[" * 99_999]
)
def test_answer_without_a_key_is_ambiguous(text: str) -> None:
    """The issue may exist, but nobody knows its key."""
    with pytest.raises(AmbiguousDeliveryError, match="without an issue key"):
        sent("baseline", jira_search(), HttpAnswer(201, text), thread=None)


@pytest.mark.parametrize(
    "secret",
    [
        "plain-secret-text",
        "[]",
        '{"email": "secret-mail"}',
        '{"token": "secret-token"}',
        '{"email": "secret-mail", "token": 5}',
        '{"email": "", "token": "secret-token"}',
    ],
)
def test_wrong_credentials_are_named_but_not_shown(secret: str) -> None:
    """The error says what the secret must look like, and nothing of what it is."""
    notifier = jira(JIRA_CREATED, secrets=NamedSecrets({"ecr-scan-alerts/jira": secret}))

    with pytest.raises(ConfigError, match="credentials of Jira") as caught:
        notifier.send(notifier.render(STORIES["baseline"]))

    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None


def test_user_is_another_name_for_email() -> None:
    """Both spellings are common in secrets that people already have."""
    http = ScriptedHttp([JIRA_CREATED])
    secret = CREDENTIALS.replace("email", "user")

    notifier = jira(http=http, secrets=NamedSecrets({"ecr-scan-alerts/jira": secret}))

    notifier.send(notifier.render(STORIES["baseline"]))

    assert "Authorization" in http.calls[0].headers


def test_usage_counts_what_jira_limits() -> None:
    """`preview` shows summary, description and comment against their limits."""
    payload = jira().render(thousands(), thread=THREAD)

    used = jira().usage(payload)

    assert [each.limit for each in used] == [MAX_SUMMARY, MAX_TEXT, MAX_TEXT]
    assert all(0 < each.used <= each.limit for each in used)


def test_commands_become_code() -> None:
    """A remedy's command can be copied as it is."""
    node = adf.prose("Run `aws ecr x`, then wait.")

    assert said(node) == "Run aws ecr x, then wait."
    assert [each.get("marks") for each in node["content"]] == [None, [{"type": "code"}], None]


def test_backticks_from_outside_do_not_multiply_nodes() -> None:
    """A name full of backticks cannot make a small text a large document."""
    assert len(adf.prose("`x" * 1000)["content"]) < 20


def test_empty_text_gets_a_sign() -> None:
    """Jira refuses empty text nodes."""
    assert adf.text("\u200b")["text"] == "\N{EN DASH}"


def test_a_word_that_is_true_of_all_is_no_remark_about_one() -> None:
    """Three new ones of a package are not one new one."""
    new = [a_finding(f"CVE-2026-{number}", package="fribidi") for number in (1, 2, 3)]
    old = a_finding("CVE-2026-4", package="zlib")
    reports = a_report(*new, old, image=an_image(2)), a_report(old, image=an_image(1))

    body = jira().render(noticed(Scene(*reports, (a_filter(),))))["create"]["fields"]["description"]

    texts = _section(body, "Open now (4)")
    assert any(text.startswith("All 3 new") for text in texts)
