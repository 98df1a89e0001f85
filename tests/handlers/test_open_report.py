"""A link in a message, opened in a browser."""

from types import SimpleNamespace
from typing import Any

import pytest

from handlers.open_report import open_report
from lib.bootstrap.app import App
from lib.bootstrap.clients import Clients
from lib.bootstrap.settings import Settings
from lib.errors import ConfigError, LinkError, StoreError
from lib.flows.pages import GonePage, OpenedPage
from lib.models import Image

ADDRESS = "https://s3.example/pages/one.html?X-Amz-Signature=0"
STORED, MADE = OpenedPage(ADDRESS, is_new=False), OpenedPage(ADDRESS, is_new=True)
PLACE = Image("aws", "000474600478", "eu-central-1", "payments/api", "")


def a_request(method: str = "GET", **query: str) -> dict[str, Any]:
    return {
        "rawPath": "/pages/one.html",
        "requestContext": {"http": {"method": method}},
        **({"queryStringParameters": query} if query else {}),
    }


class Application:
    """Answers every link with the same page, or refuses it."""

    def __init__(self, page: Any = STORED, *, refusal: Exception | None = None) -> None:
        self.page, self.refusal = page, refusal
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.opened: list[str] = []
        self.looked_at: list[str] = []
        self.pages = SimpleNamespace(open=self.open, exists=self.exists)

    def linked(self, path: str, query: dict[str, str]) -> str:
        self.asked.append((path, query))
        if self.refusal is not None:
            raise self.refusal
        return path.removeprefix("/")

    def open(self, key: str) -> Any:
        self.opened.append(key)
        if isinstance(self.page, Exception):
            raise self.page
        return self.page

    def exists(self, key: str) -> bool:
        self.looked_at.append(key)
        return isinstance(self.page, OpenedPage)


def answer_of(application: Any, request: dict[str, Any] | None = None) -> dict[str, Any]:
    return open_report(application, request or a_request())


@pytest.mark.parametrize(("page", "made"), [(STORED, {}), (MADE, {"PagesCreated": 1})])
def test_a_link_leads_on_to_the_page(counted: Any, page: OpenedPage, made: Any) -> None:
    """The browser is sent on, and nothing of it is remembered on the way."""
    application = Application(page)

    answer = answer_of(application, a_request(ends="1", signature="a"))

    assert application.asked == [("/pages/one.html", {"ends": "1", "signature": "a"})]
    assert application.opened == ["pages/one.html"]
    assert (answer["statusCode"], answer["headers"]["location"]) == (302, ADDRESS)
    assert answer["headers"]["cache-control"] == "no-store"
    assert answer["headers"]["referrer-policy"] == "no-referrer"
    assert counted() == {"LinksOpened": 1, **made}


@pytest.mark.parametrize(("page", "status"), [(STORED, 200), (GonePage(None), 404)])
def test_a_program_that_looks_at_a_link_opens_nothing(page: Any, status: int) -> None:
    """A HEAD request says whether the link opens; no page is made for it."""
    application = Application(page)

    answer = answer_of(application, a_request("HEAD"))

    assert (answer["statusCode"], "location" in answer["headers"]) == (status, False)
    assert (application.opened, application.looked_at) == ([], ["pages/one.html"])


def test_a_link_that_does_not_open_says_why(counted: Any, logged: Any) -> None:
    """In words for the person who clicked, and counted. Nothing is read for it."""
    application = Application(refusal=LinkError("This link has <ended>"))

    answer = answer_of(application)

    assert answer["statusCode"] == 403
    assert "This link has &lt;ended&gt;" in answer["body"]
    assert "ECR console" in answer["body"]
    assert (application.opened, application.looked_at) == ([], [])
    assert counted() == {"LinksRejected": 1}
    assert "signature" not in str(logged())


class NoClients(Clients):
    """Clients of AWS that must not be made."""

    def get(self, service: str, region: str | None = None) -> Any:
        raise AssertionError(f"a forged link costs a call of {service} in {region}")


class OneSecret:
    def read(self, reference: Any) -> str:
        return f"value of {reference['secret']}"

    def renew(self) -> bool:
        return False


@pytest.mark.parametrize(("ends", "reason"), [("1", "not valid"), ("", "not complete")])
def test_a_forged_link_costs_no_read_of_a_report(counted: Any, ends: str, reason: str) -> None:
    """The application has not even a client that could read one."""
    settings = Settings({"REPORT_LINK_SECRET": "ecr-scan-alerts/prod/report-links-1"})
    application = App(settings, clients=NoClients())
    application.stores.secrets = OneSecret()

    answer = answer_of(application, a_request(ends=ends, proof="forged"))

    assert answer["statusCode"] == 403
    assert reason in answer["body"]
    assert counted() == {"LinksRejected": 1}


def test_a_page_that_is_kept_no_more_is_said_to_be_gone() -> None:
    """Not an error: reports expire. What is still known is said, and that it clears nothing."""
    answer = answer_of(Application(GonePage(PLACE)))

    assert answer["statusCode"] == 404
    assert "not kept any more" in answer["body"]
    assert "payments/api (000474600478, eu-central-1)" in answer["body"]
    assert "may still have vulnerabilities" in answer["body"]
    assert "<code>ecr-scan-alerts report payments/api:TAG</code>" in answer["body"]
    assert "https://eu-central-1.console.aws.amazon.com/ecr/repositories/" in answer["body"]


def test_a_gone_page_whose_key_says_nothing_is_gone_all_the_same() -> None:
    """As one of a partition without a public console is."""
    secret = Image("aws-iso", "000474600478", "us-iso-east-1", "payments/api", "")

    assert "newer links" in answer_of(Application(GonePage(None)))["body"]
    body = answer_of(Application(GonePage(secret)))["body"]
    assert "payments/api" in body
    assert "<a " not in body


@pytest.mark.parametrize(
    "error",
    [
        StoreError("reading pinned/one.json.gz: AccessDenied"),
        ConfigError("the secret of links cannot be read"),
        KeyError("a fault of the page"),
    ],
)
def test_what_cannot_be_opened_now_is_said_in_a_sentence(
    counted: Any, logged: Any, error: Exception
) -> None:
    """Never an all-clear, never a trace; the log has the reason, and nothing is remembered."""
    answer = answer_of(Application(error))

    assert (answer["statusCode"], answer["headers"]["retry-after"]) == (503, "60")
    assert answer["headers"]["cache-control"] == "no-store"
    assert "cannot be opened now" in answer["body"]
    assert "says nothing about the image" in answer["body"]
    assert not any(part in answer["body"] for part in ("Traceback", "AccessDenied", "Error"))
    assert counted() == {"PagesFailed": 1}
    assert type(error).__name__ in str(logged())


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
def test_nothing_else_can_be_done_with_a_link(method: str) -> None:
    """It is not even looked at."""
    application = Application()

    assert answer_of(application, a_request(method))["statusCode"] == 405
    assert application.asked == []
