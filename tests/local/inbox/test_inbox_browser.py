"""The inbox page in a real browser, fed through the receivers' own addresses."""

import base64
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from local.standins.server import Answer, Receivers
from tests.support.accessibility import violations
from tests.support.browser_fixtures import OpenPage, expect
from tests.support.payloads import payloads, updates
from tests.support.thorough import pairs

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

SAMPLES = Path(__file__).parent / "samples"


def sample(name: str) -> Any:
    """Load one payload."""
    return json.loads((SAMPLES / f"{name}.json").read_text("utf-8"))


class Sender:
    """Posts to the receivers as the notifiers would."""

    def __init__(self, receivers: Receivers, session: requests.Session) -> None:
        self.receivers = receivers
        self.session = session

    def slack(self, channel: str, payload: Any) -> str:
        return self.session.post(self.receivers.slack_url(channel), json=payload).text

    def bot(self, method: str, payload: Any, **fields: Any) -> str:
        """Call a method with a payload, but for some fields; return the message's ts."""
        answer = self.session.post(
            f"{self.receivers.slack_site}/api/{method}",
            json={**payload, **fields},
            headers={"Authorization": f"Bearer {self.receivers.slack_token}"},
        )
        return str(answer.json()["ts"])

    def sns(self, subscriber: str, payload: Any) -> int:
        return self.session.post(self.receivers.sns_url(subscriber), json=payload).status_code

    def pagerduty(self, event: Any, **fields: Any) -> int:
        """Send one event with the key."""
        body = {**event, "routing_key": self.receivers.pagerduty_key("on-call"), **fields}
        return self.session.post(f"{self.receivers.url}/v2/enqueue", json=body).status_code

    def webhook(self, name: str, payload: Any) -> int:
        """Sign an event and send it."""
        body, timestamp = json.dumps(payload).encode(), str(int(time.time()))
        key = base64.b64decode(self.receivers.webhook_secret.removeprefix("whsec_"))
        signed = f"{payload['id']}.{timestamp}.".encode() + body
        signature = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
        headers = {
            "Content-Type": "application/cloudevents+json",
            "webhook-id": payload["id"],
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{signature}",
        }
        url = self.receivers.webhook_url(name)
        return self.session.post(url, data=body, headers=headers).status_code

    def jira(self, method: str, path: str, payload: Any) -> requests.Response:
        return self.session.request(
            method,
            f"{self.receivers.jira_url}/rest/api/3/issue{path}",
            json=payload,
            auth=self.receivers.jira_credentials,
        )


@pytest.fixture
def receivers() -> Iterator[Receivers]:
    """Listen on a free port."""
    with Receivers() as opened:
        yield opened


@pytest.fixture
def send(receivers: Receivers) -> Iterator[Sender]:
    """Send to them."""
    with requests.Session() as session:
        yield Sender(receivers, session)


def test_an_empty_inbox_says_what_will_come(receivers: Receivers, open_page: OpenPage) -> None:
    """Before the first message the page explains itself."""
    page = open_page(receivers.inbox_url).page

    expect(page.get_by_role("heading", name="Nothing has arrived yet")).to_be_visible()
    expect(page.locator("#story")).to_contain_text("Nothing yet")


def test_a_message_appears_by_itself(
    receivers: Receivers, send: Sender, open_page: OpenPage
) -> None:
    """An open page shows what arrives without being reloaded, and counts it."""
    page = open_page(receivers.inbox_url).page
    expect(page.locator("#story")).to_contain_text("Nothing yet")

    send.slack("payments", sample("slack-alert"))

    expect(page.get_by_role("heading", name="# payments")).to_be_visible()
    expect(page.locator("#story")).to_contain_text("1 Slack message")
    send.slack("payments", sample("slack-failed"))
    expect(page.locator("article.item")).to_have_count(2)
    expect(page.locator("#how-many")).to_have_text("2 messages")


def test_a_link_to_a_function_opens_on_this_machine(
    receivers: Receivers, send: Sender, open_page: OpenPage
) -> None:
    """On AWS it is the function's own address; the embedded AWS has it under its own."""
    send.slack(
        "payments",
        {"text": "<https://abc123.lambda-url.eu-central-1.on.aws/pages/a?b=1|Full report>"},
    )

    page = open_page(receivers.inbox_url).page

    link = page.get_by_role("link", name="Full report")
    expect(link).to_have_attribute("href", "/functions/abc123/pages/a?b=1")


def test_slack_marks_up_as_slack_does(
    receivers: Receivers, send: Sender, open_page: OpenPage
) -> None:
    """Bold, links, code, fields, context and buttons look as in a channel."""
    send.slack("payments", sample("slack-alert"))

    page = open_page(receivers.inbox_url).page

    message = page.locator("article.item")
    expect(message.locator("h3")).to_contain_text("payments/api:1.4.2")
    expect(message.get_by_role("link", name="CVE-2024-5535")).to_have_attribute(
        "href", "https://nvd.nist.gov/vuln/detail/CVE-2024-5535"
    )
    expect(message.locator("strong", has_text="What to do")).to_be_visible()
    expect(message.locator("code", has_text="glibc")).to_be_visible()
    expect(message.locator("s")).to_have_text("CVE-2023-4911")
    expect(message.locator(".slack-fields > div")).to_have_count(4)
    expect(message.locator(".slack-context")).to_contain_text("legacy & accepted")
    expect(message.get_by_role("link", name="Open in ECR")).to_be_visible()
    expect(message.locator(".notes")).to_contain_text("of 10,000 characters")


def test_a_thread_stands_under_its_edited_root(
    receivers: Receivers, send: Sender, open_page: OpenPage
) -> None:
    """The root is as it was edited to, replies are below it, and an open page takes them up."""
    root = send.bot("chat.postMessage", payloads("slack-bot")["baseline"]["post"])
    page = open_page(receivers.inbox_url).page
    expect(page.locator("article.item")).to_have_count(1)

    update = updates("slack-bot")["only-resolved"]
    send.bot("chat.update", update["update"], ts=root)
    send.bot("chat.postMessage", update["reply"], thread_ts=root, reply_broadcast=True)

    item = page.locator("#stream > article.item")
    expect(item.locator("h3").first).to_contain_text("Resolved: payments/api:latest")
    expect(item.locator(".slack-from").first).to_contain_text("edited")
    expect(item.locator(".thread article")).to_contain_text("1 CRITICAL and 3 HIGH fixed")
    expect(item.locator(".thread .slack-from")).to_contain_text("also sent to the channel")
    expect(page.locator("#how-many")).to_have_text("2 messages")
    expect(page.locator("#story")).to_contain_text("2 Slack messages")
    page.get_by_text("As first posted").click()
    expect(item.locator(".first h3")).to_contain_text("payments/api:1.4.2")
    page.goto(f"{receivers.inbox_url}#/log")
    expect(page.locator("#stream tr")).to_have_count(3)
    expect(page.locator("#stream")).to_contain_text("Edited: payments/api:latest")
    expect(page.locator("#stream")).to_contain_text("Reply: payments/api:latest")


def test_every_kind_of_block_is_drawn_or_shown_raw(
    receivers: Receivers, send: Sender, open_page: OpenPage
) -> None:
    """Rich text, tables, pictures and attachments are drawn; what is unknown is not hidden."""
    assert send.slack("all", sample("slack-every-block")) == "ok"

    page = open_page(receivers.inbox_url).page

    message = page.locator("article.item")
    expect(message.locator("td.align-right")).to_have_text(["5", "2"])
    expect(message.locator("ol li")).to_have_text("first")
    expect(message.locator("pre.code").first).to_have_text("indented   code\n<tag>")
    expect(message.locator("blockquote").first).to_contain_text("of two lines")
    expect(message.locator("em").first).to_have_text("and italic")
    expect(message).to_contain_text("plain *text* stays as it is")
    expect(message).to_contain_text("2*3*4 snake_case_name")
    expect(message.get_by_role("link", name="https://example.org/a?b=1&c=2")).to_be_visible()
    expect(message.locator(".picture").first).to_have_text("Picture: findings over time")
    expect(message.locator(".slack-attachment")).to_contain_text("Old attachment")
    expect(message.locator(".unknown")).to_contain_text("Block of type “video”")
    bar = "e => getComputedStyle(e, '::before').backgroundColor"
    assert message.locator(".slack-attachment").evaluate(bar) == "rgb(224, 30, 90)"


def test_the_raw_payload_is_one_click_away(
    receivers: Receivers, send: Sender, open_page: OpenPage
) -> None:
    """The dialog shows what was sent, and Escape closes it."""
    send.slack("payments", sample("slack-alert"))
    page = open_page(receivers.inbox_url, permissions=["clipboard-write", "clipboard-read"]).page

    page.get_by_role("button", name="Raw payload").click()

    expect(page.get_by_role("dialog")).to_be_visible()
    assert json.loads(page.locator("#raw-text").inner_text()) == sample("slack-alert")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == receivers.messages()[0].raw
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_an_issue_stands_as_after_its_last_update(
    receivers: Receivers, send: Sender, open_page: OpenPage
) -> None:
    """Summary and description are the newest, comments and history follow."""
    send.jira("POST", "", sample("jira-create"))
    page = open_page(receivers.inbox_url).page
    expect(page.locator(".adf table td").first).to_have_text("CRITICAL")
    send.jira("PUT", "/SEC-1", sample("jira-update"))
    send.jira("POST", "/SEC-1/comment", sample("jira-comment"))
    send.jira("POST", "/SEC-1/transitions", {"transition": {"id": "31"}})

    issue = page.locator(".issue")
    expect(issue.locator("h2")).to_contain_text("nothing new; 2 CRITICAL resolved")
    expect(issue.locator(".panel-success")).to_be_visible()
    expect(issue.locator(".issue-details")).to_contain_text("team-payments")
    expect(issue.locator(".issue-details .lozenge")).to_have_text("Done")
    expect(issue.locator(".activity > li")).to_have_count(4)
    expect(issue.locator(".activity")).to_contain_text("updated summary, description")
    expect(issue.locator(".activity .comment")).to_contain_text("no longer in the image")


def test_a_receipt_of_jira_leads_to_the_issue(
    receivers: Receivers, send: Sender, open_page: OpenPage
) -> None:
    """The address under /browse/, as receipts have it, opens the issue."""
    send.slack("payments", sample("slack-alert"))
    send.jira("POST", "", sample("jira-create"))

    page = open_page(f"{receivers.jira_url}/browse/SEC-1").page

    expect(page.locator(".issue .crumbs")).to_contain_text("SEC-1")


def test_subscribers_read_mail_and_json(
    receivers: Receivers, send: Sender, open_page: OpenPage
) -> None:
    """A text is shown as a mail, a JSON document is indented, attributes stand below."""
    send.sns("security@example.com", sample("sns-text"))
    send.sns("audit", sample("sns-json"))
    page = open_page(receivers.inbox_url).page

    expect(page.locator(".mail h3")).to_contain_text("[CRITICAL] payments/api:1.4.2")
    expect(page.locator(".mail-text")).to_contain_text("WHAT TO DO")
    page.get_by_role("link", name="audit").click()
    expect(page.locator(".mail .json")).to_contain_text('"schema": "report-1.0.0"')
    expect(page.locator(".attributes .severity")).to_have_text("CRITICAL")


def test_an_incident_stands_as_after_its_last_event(
    receivers: Receivers, send: Sender, open_page: OpenPage
) -> None:
    """Opened, added to, resolved: status and details follow, and the next one is another."""
    (first,) = pagerduty_events("baseline")
    send.pagerduty(first)
    page = open_page(receivers.inbox_url).page
    issue = page.locator(".issue")
    expect(issue.locator("h2")).to_have_text(
        "payments/api:1.4.2: 4 CRITICAL, 16 HIGH (worst: CVE-2021-44228 in "
        "org.apache.logging.log4j:log4j-core), public exploit, fix available"
    )
    expect(issue.locator(".issue-details .lozenge")).to_have_text("Triggered")
    expect(issue.locator(".issue-details .severity.critical")).to_have_text("critical")
    expect(issue.locator(".custom-details")).to_contain_text("Change your dependencies: ")
    expect(issue.get_by_role("link", name="Full report")).to_be_visible()

    send.pagerduty(pagerduty_events("rescan")[-1])
    for _ in range(2):
        send.pagerduty(pagerduty_events("only-resolved")[-1])

    expect(issue.locator(".issue-details .lozenge")).to_have_text("Resolved")
    expect(issue.locator(".activity > li")).to_have_count(3)
    expect(issue.locator(".activity > li").last).to_contain_text(
        "Resolved: payments/api: vulnerabilities"
    )
    send.pagerduty(pagerduty_events("scan-failed")[0])
    expect(page.locator("#places a")).to_have_count(3)
    expect(page.locator("#story")).to_contain_text("2 PagerDuty incidents")
    page.get_by_role("link", name="Incident 2").click()
    expect(issue.locator(".custom-details")).to_contain_text("not an all-clear")
    page.goto(f"{receivers.inbox_url}#/log")
    expect(page.locator("#stream tr")).to_have_count(5)
    expect(page.locator("#stream")).to_contain_text("Nothing to resolve")


def test_a_change_event_is_no_incident(receivers: Receivers, open_page: OpenPage) -> None:
    """What `destinations test` sends to PagerDuty is shown as what it is."""
    change = {
        "routing_key": receivers.pagerduty_key("on-call"),
        "payload": {"summary": "TEST: this is not an alert", "source": "ecr-scan-alerts"},
    }
    requests.post(f"{receivers.pagerduty_site}/v2/change/enqueue", json=change, timeout=5)

    page = open_page(receivers.inbox_url).page

    expect(page.locator("#places")).to_contain_text("Changes at on-call")
    expect(page.locator(".issue-details .lozenge")).to_have_text("Change event")
    expect(page.locator(".activity")).to_contain_text("Change event: TEST: this is not an alert")


def badly_drawn(page: "Page", receiver: str, words: str, complaints: str) -> list[str]:
    """
    Return the places of a receiver without these words, or with complaints or warnings.

    In one call: a click and three looks at each of them are four.
    """
    badly: list[str] = page.evaluate(
        """async ({ receiver, words, complaints }) => {
          const links = [...document.querySelectorAll(`#places a[href^='#/${receiver}/']`)];
          const badly = [];
          for (const hash of links.map((link) => link.getAttribute("href"))) {
            if (location.hash !== hash) {
              const shown = new Promise((done) => {
                addEventListener("hashchange", done, { once: true });
              });
              location.hash = hash;
              await shown;
            }
            const hasWords = document.querySelector("#view").textContent.includes(words);
            if (!hasWords || document.querySelector(complaints)) badly.push(hash);
          }
          return links.length ? badly : ["no place"];
        }""",
        {
            "receiver": receiver,
            "words": words,
            "complaints": f"{complaints}, .notes .warning",
        },
    )
    return badly


def pagerduty_events(story: str) -> Any:
    """Return the events of a story, all about one stream."""
    return payloads("pagerduty", with_digests=False)[story]["events"]


def test_what_the_pagerduty_notifier_sends_is_taken_and_drawn(
    receivers: Receivers, send: Sender, open_page: OpenPage
) -> None:
    """No event of a story is refused, and none has anything that the page does not draw."""
    sent = payloads("pagerduty", with_digests=False).values()
    answers = {send.pagerduty(event) for payload in sent for event in payload["events"]}

    page = open_page(receivers.inbox_url).page

    assert answers == {202}
    expect(page.locator("#places a").first).to_be_visible()
    assert badly_drawn(page, "pagerduty", "Timeline", ".unknown, .dead-link") == []


def test_receivers_of_webhooks_read_events(
    receivers: Receivers, send: Sender, open_page: OpenPage
) -> None:
    """No event is refused; its attributes are listed, its data is indented."""
    # As they are spelt here, with blanks, the largest are over the limit that the notifier keeps.
    large = ("ten-thousand", "hundreds")
    events = [event for name, event in payloads("webhook").items() if name not in large]
    answers = {send.webhook("inventory", event) for event in events}
    bare = {"specversion": "1.0", "id": "1", "source": "a", "type": "bare.v1"}
    send.webhook("inventory", bare)

    page = open_page(receivers.inbox_url).page

    assert answers == {204}
    expect(page.locator("article.item h3")).to_have_count(len(events) + 1)
    first = page.locator("article.item").first
    expect(first.locator("h3")).to_contain_text("payments/api:1.4.2: First scan:")
    expect(first.locator("dl")).to_contain_text("repository/payments/api")
    expect(first.locator(".json")).to_contain_text('"schema": "alert-1.0.0"')
    expect(first.locator(".notes")).to_contain_text("signature verified")
    expect(page.locator("article.item h3").last).to_have_text("bare.v1")
    expect(page.locator("#story")).to_contain_text(f"{len(events) + 1} events")
    expect(page.locator(".notes .warning")).to_have_count(0)


def test_what_the_slack_notifier_sends_is_taken_and_drawn(
    receivers: Receivers, send: Sender, open_page: OpenPage
) -> None:
    """No message is refused, wakes anybody, or has a block that the page does not draw."""
    messages = payloads("slack").values()
    answers = {send.slack("alerts", message) for message in messages}

    page = open_page(receivers.inbox_url).page

    assert answers == {"ok"}
    expect(page.locator("article.item")).to_have_count(len(messages))
    expect(page.locator("article.item h3")).to_have_count(len(messages))
    expect(page.locator(".unknown, .mention, .dead-link, .notes .warning")).to_have_count(0)


def test_what_the_jira_notifier_sends_is_taken_and_drawn(
    receivers: Receivers, send: Sender, open_page: OpenPage
) -> None:
    """Every issue and comment is a document that Jira would take, and the page draws."""
    issues = payloads("jira").values()
    comments = [update["update"]["comment"] for update in updates("jira").values()]
    answers = [send.jira("POST", "", issue["create"]) for issue in issues]
    answers += [send.jira("POST", "/SEC-1/comment", comment) for comment in comments]

    page = open_page(receivers.inbox_url).page

    assert {answer.status_code for answer in answers} == {201}
    expect(page.locator(".activity .comment")).to_have_count(len(comments))
    assert badly_drawn(page, "jira", "Description", ".unknown, .mention, .dead-link") == []


def test_the_log_tells_refusals_too(
    receivers: Receivers, send: Sender, open_page: OpenPage
) -> None:
    """Everything is listed in order, and the header counts what was refused."""
    receivers.script("slack", [Answer(429, "rate_limited", {"Retry-After": "2"})])
    send.slack("payments", sample("slack-alert"))
    send.slack("payments", sample("slack-alert"))
    page = open_page(receivers.inbox_url).page

    page.get_by_role("link", name="1 request refused").click()

    rows = page.locator("table.log tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("rate_limited, Retry-After: 2")
    expect(rows.nth(0)).to_contain_text("429")
    expect(rows.nth(1)).to_contain_text("2 new CRITICAL")
    send.slack("payments", sample("slack-failed"))
    expect(rows).to_have_count(3)


def test_what_arrives_stays_text(receivers: Receivers, send: Sender, open_page: OpenPage) -> None:
    """Markup and script in a payload are shown, never run, wherever they stand."""
    send.slack("evil", sample("slack-injection"))
    evil = json.dumps(sample("jira-create")).replace(
        "payments/api", "<img src=x onerror=document.title='owned'>"
    )
    send.jira("POST", "", json.loads(evil))
    send.sns("<b>evil</b>", {**sample("sns-text"), "Subject": "<script>1</script>"})
    page = open_page(receivers.inbox_url).page

    for place in page.locator("#places a").all():
        place.click()
        expect(page.locator("#view")).to_contain_text("<")
        assert "owned" not in page.title()
        assert page.locator("#view img:not(.avatar), #view script, #view b").count() == 0
        assert page.locator("a[href^='javascript']").count() == 0
    page.goto(f"{receivers.inbox_url}#/slack/evil")
    expect(page.locator(".notes .warning")).to_have_text("notifies people: <!channel>")
    expect(page.locator(".dead-link").first).to_have_text("click me")


@pytest.mark.parametrize(("width", "scheme"), pairs([1280, 390], [["light"], ["dark"]]))
def test_every_view_fits_and_follows_the_scheme(
    receivers: Receivers, send: Sender, open_page: OpenPage, width: int, scheme: str
) -> None:
    """No view scrolls sideways, dark is dark, and axe finds nothing against WCAG 2.1 A or AA."""
    for name in ("slack-alert", "slack-failed", "slack-every-block"):
        send.slack("payments", sample(name))
    send.jira("POST", "", sample("jira-create"))
    send.sns("security@example.com", sample("sns-text"))
    send.sns("audit", sample("sns-json"))
    send.webhook("inventory", payloads("webhook")["rescan"])
    send.pagerduty(pagerduty_events("baseline")[-1])
    page = open_page(
        receivers.inbox_url, viewport={"width": width, "height": 844}, color_scheme=scheme
    ).page
    expect(page.locator("#places a")).to_have_count(7)

    for place in page.locator("#places a").all():
        place.click()
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, place.get_attribute("href")
        assert violations(page) == [], place.get_attribute("href")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(245, 245, 244)", "dark": "rgb(22, 23, 25)"}[scheme]


def test_the_keyboard_is_enough(receivers: Receivers, send: Sender, open_page: OpenPage) -> None:
    """Tab reaches the skip link, the places and the raw payload; Enter opens them."""
    send.slack("payments", sample("slack-alert"))
    send.slack("platform", sample("slack-failed"))
    page = open_page(receivers.inbox_url).page
    expect(page.locator("#places a")).to_have_count(3)

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the messages")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="# platform")).to_be_visible()
    page.get_by_role("button", name="Raw payload").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()


def test_the_page_starts_anew_with_the_receivers(open_page: OpenPage) -> None:
    """When they come back on the same port, an open page forgets the past and shows the present."""
    with requests.Session() as session, Receivers() as first:
        port = first.port
        visit = open_page(first.inbox_url)
        Sender(first, session).slack("payments", sample("slack-alert"))
        expect(visit.page.locator("article.item")).to_have_count(1)
    expect(visit.page.locator("#story")).to_contain_text("ended")
    with requests.Session() as session, Receivers(port) as second:
        Sender(second, session).slack("platform", sample("slack-failed"))

        expect(visit.page.get_by_role("heading", name="# platform")).to_be_visible()

        expect(visit.page.locator("#story")).to_contain_text("live")
        expect(visit.page.locator("#places a")).to_have_count(2)
    visit.complaints.clear()  # a refused connection is what this test is about
