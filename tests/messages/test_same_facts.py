"""Facts of one vulnerability stay with that vulnerability; what is unknown is no good news."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from lib.messages.text import text_of
from lib.models import DeliveryId, Notice
from lib.models.streams import StreamState
from lib.notifiers.slack.message import alert_message
from tests.notifiers.test_contract import FORMATS
from tests.support.builders import a_finding
from tests.support.notices import a_message, notices
from tests.support.receivers import notifier, tools
from tests.support.streams import a_state, a_watched

WITHOUT_THEM = {"webhook", "json", "ocsf", "amazon-q"}
"""Documents for programs; and the card of Amazon Q, which has no room for notes."""
with_notes = pytest.mark.parametrize(
    ("mode", "options"),
    [
        (mode, options)
        for mode, options in FORMATS
        if not {mode.partition("-")[0], options.get("format")} & WITHOUT_THEM
    ],
)


def notice_of(*findings: Any) -> Notice:
    return Notice(DeliveryId("1"), a_message(state_of(*findings)))


def state_of(*findings: Any) -> StreamState:
    return a_state(a_watched(*findings))


def test_a_platform_of_one_vulnerability_is_no_remark_about_its_package() -> None:
    """The other one is on every platform."""
    rows = (a_finding("CVE-2026-1", platforms=("linux/arm64",)), a_finding("CVE-2026-2"))

    message = json.dumps(alert_message(text_of(notice_of(*rows)))).replace("\\n", "\n")

    assert "2 HIGH* in `openssl" in message
    (line,) = re.findall(r"CVE-2026-1: [^\n]*only on linux/arm64", message)
    assert "CVE-2026-2" not in line


def test_unknown_exploits_are_not_bold() -> None:
    """Bold is for what is urgent."""
    silent = text_of(notice_of(a_finding(exploit_available=None)))
    public = text_of(notice_of(a_finding(exploit_available="YES")))

    assert not silent.is_urgent
    assert public.is_urgent
    assert f"*{silent.why}*" not in json.dumps(alert_message(silent))
    assert f"*{public.why}*" in json.dumps(alert_message(public))


@with_notes
def test_the_hosts_are_named_before_the_upgrade_of_a_kernel(mode: str, options: Any) -> None:
    """A new image does not change the kernel that runs."""
    kernel = a_finding(package="linux", version="4.19.118-2", fixed_version="4.19.304-1")

    payload = notifier(mode, tools(), **options).render(notice_of(kernel))

    words = " ".join(json.dumps(payload).replace("\\n", " ").split())
    hosts = words.find("Containers run on the host's kernel: patch the hosts first")
    assert 0 < hosts < words.index("4.19.304-1", hosts)


def test_an_issue_about_a_kernel_is_done_when_the_hosts_are_patched() -> None:
    """A scan of the image is clear before that."""
    done = "the hosts run a patched kernel and no scan lists these"
    for package, is_kernel in (("linux", True), ("zlib", False)):
        payload = notifier("jira", tools()).render(notice_of(a_finding(package=package)))
        assert (done in json.dumps(payload)) is is_kernel


def test_a_page_says_what_its_route_pages_about() -> None:
    """The name of a route alone is no reason."""
    failed = text_of(notices()["scan-failed"])
    found = text_of(notices()["new-and-resolved"])

    assert "for scans without a result. Nothing is known about this image" in failed.why_paged
    assert found.why_paged.startswith("CRITICAL CVE-")
    assert "Routes payments, security ask for HIGH and above" in found.why_paged


def test_accepting_a_risk_is_no_advice() -> None:
    """It stands last, as the other way."""
    text = text_of(notice_of(a_finding()))

    assert text.accept_title == f"To accept a risk instead, for example of {text.accept_id}"
    assert replace(text, why="").is_urgent is False
