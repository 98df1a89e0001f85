"""A tag that was put on an image of another stream: no first scan, and no news twice."""

import json
from dataclasses import replace
from typing import Any

import pytest

from lib.messages.paging import why_paged
from lib.messages.text import text_of
from lib.models import DeliveryId, Notice
from lib.models.views import Dispatch, OtherName
from tests.support.builders import a_finding, a_report
from tests.support.notices import noticed, notices
from tests.support.receivers import notifier, tools
from tests.support.scenes import Scene

RELEASE = "payments/api:3.2.1"


def named(story: str, *, is_reported: bool, thread: str | None = None) -> Notice:
    """Return the notice of a story about an image that another stream names."""
    notice = notices()[story]
    dispatch = Dispatch(DeliveryId("1"), other_name=OtherName(RELEASE, is_reported, thread))
    return replace(notice, message=replace(notice.message, dispatch=dispatch))


def test_a_promotion_is_no_first_scan() -> None:
    """The headline says which image it is; one line says that it was reported."""
    first = text_of(notices()["baseline"])
    promoted = text_of(named("baseline", is_reported=True))

    assert first.verdict.startswith("First scan: ")
    assert promoted.verdict == first.verdict.replace("First scan", "Same image as 3.2.1")
    assert promoted.lead.startswith(f"The same image was reported here as {RELEASE}.")


def test_a_headline_says_which_image_the_tag_is() -> None:
    """Whether it was put there just now is not known."""
    first, promoted = (
        text_of(notice).headline
        for notice in (notices()["baseline"], named("baseline", is_reported=False))
    )

    assert promoted == first.replace(": First scan: ", " now points to 3.2.1: ")
    assert promoted.startswith("payments/api:1.4.2 now points to 3.2.1: ")


def test_a_single_vulnerability_is_named() -> None:
    """So that readers know which one of the messages before it is."""
    scene = Scene(a_report(a_finding("CVE-2023-42753", package="linux")))
    dispatch = Dispatch(DeliveryId("1"), other_name=OtherName(RELEASE, is_reported=True))
    notice = noticed(scene)

    text = text_of(replace(notice, message=replace(notice.message, dispatch=dispatch)))

    assert text.headline.endswith(
        " now points to 3.2.1: HIGH CVE-2023-42753 in the kernel: check the hosts"
    )


@pytest.mark.parametrize("has_other", [False, True])
def test_the_short_form_begins_with_an_act(has_other: bool) -> None:  # noqa: FBT001  # a case each
    """Only checks of hosts can be done already: the image has the same packages as before."""
    rows = [a_finding("CVE-2023-42753", package="linux")]
    rows += [a_finding("CVE-2023-0002", package="zlib", fixed_version="2")] if has_other else []
    dispatch = Dispatch(DeliveryId("1"), other_name=OtherName(RELEASE, is_reported=True))
    notice = noticed(Scene(a_report(*rows)))
    text = text_of(replace(notice, message=replace(notice.message, dispatch=dispatch)))

    act, same = text.in_short.to_do.lines

    assert act.startswith("Check that the hosts run a patched kernel (`uname -r`)")
    numbers = "1 HIGH" if not has_other else "2 HIGH"
    assert same.startswith(f"Nothing new: the same {numbers} as in the message about 3.2.1 (CVE-20")
    end = "If you checked the hosts that run 1.4.1 after that message, there is nothing more to do"
    assert same.endswith(end) is not has_other


def test_a_digest_points_to_nothing() -> None:
    """It is the image."""
    promoted = replace(text_of(named("baseline", is_reported=False)), name="payments/api@sha256:1")

    assert promoted.headline.startswith("payments/api@sha256:1 is 3.2.1: ")


@pytest.mark.parametrize(
    ("mode", "options"), [("slack", {}), ("slack-bot", {}), ("pagerduty", {}), ("sns", {})]
)
def test_a_message_that_a_receiver_has_is_short(mode: str, options: Any) -> None:
    """It has the title and the first step; sums, lists and steps are in the other one."""

    def shown(*, is_reported: bool) -> str:
        alert = named("baseline", is_reported=is_reported)
        payload = notifier(mode, tools(), **options).render(alert)
        return " ".join(json.dumps(payload).replace("\\n", " ").split())

    whole, short = shown(is_reported=False), shown(is_reported=True)
    text = text_of(named("baseline", is_reported=True))

    assert f"{text.to_do.brief}. Steps: " in short
    assert "Steps: " not in whole
    assert text.to_do.brief
    assert len(short) < len(whole)
    assert text.in_short.numbers == ()
    assert "payments/api:1.4.2 now points to 3.2.1: " in short


def test_the_short_form_links_the_report() -> None:
    """Or names where the steps are: a message in a channel is found by its name."""
    alert = named("baseline", is_reported=True)
    slack = notifier("slack", tools())

    linked = json.dumps(slack.render(alert))
    bare = json.dumps(slack.render(replace(alert, report_url=None, page_key=None)))

    link = f"<{alert.report_url}|full report> (works until 2026-12-26)"
    assert f"Steps: {link}." in linked.replace("&amp;", "&")
    assert linked.count("|Full report>") == 0
    assert "works until" not in bare
    assert f"Steps: message about {RELEASE}." in bare
    assert "|Image in the ECR console>" in bare
    assert "|Image in the ECR console>" not in linked


def test_the_short_form_keeps_the_colour_and_the_routes() -> None:
    """They are of what is open."""
    text = text_of(named("baseline", is_reported=True))

    assert text.in_short.mark == text.mark
    assert not text.in_short.lead
    assert text.in_short.to_do.remarks == [
        (
            "Nothing new: the same 4 CRITICAL, 16 HIGH, 60 MEDIUM, 80 LOW and 5 unrated as in "
            "the message about 3.2.1 (CVE-2021-44228, CVE-2026-2000, CVE-2026-2001 and 162 more)"
        )
    ]
    assert why_paged(text.in_short) == why_paged(text)
    assert not text.in_short.listed
    assert not text.in_short.news
    assert text_of(notices()["baseline"]).in_short.left_to == ""
    assert not text.in_short.accept_command
    assert not text.in_short.unlisted.lines(9)


@pytest.mark.parametrize(
    "thread", [None, "SEC-2", "https://example.atlassian.net|SEC|SEC-2", "https://other|SEC|SEC-2"]
)
def test_an_issue_names_the_one_about_the_same_image(thread: str | None) -> None:
    """It keeps all steps: people work in it."""
    alert = named("baseline", is_reported=True, thread=thread)

    text = json.dumps(notifier("jira", tools()).render(alert)["create"]["fields"]["description"])

    is_ours = thread is not None and "other" not in thread
    assert (f"Same image as SEC-2 ({RELEASE})." in text) is is_ours
    assert (f"The same image was reported here as {RELEASE}." in text) is not is_ours
    assert "Steps: " not in text


def test_what_another_receiver_was_told_is_not_said() -> None:
    """The headline has the name."""
    promoted = text_of(named("baseline", is_reported=False))

    assert promoted.verdict.startswith("Same image as 3.2.1: ")
    assert promoted.lead == text_of(notices()["baseline"]).lead


def test_a_tag_that_moves_on_or_back_keeps_what_changed_in_the_headline() -> None:
    """The name of the image stands before what to do."""
    before = text_of(notices()["new-and-resolved"])
    moved = text_of(named("new-and-resolved", is_reported=False))

    assert moved.verdict == before.verdict
    assert moved.lead == f"It is the same image as {RELEASE}."
