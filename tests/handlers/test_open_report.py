"""A link in a message, opened in a browser."""

from types import SimpleNamespace
from typing import Any

import pytest

from handlers.open_report import open_report
from lib.errors import LinkError

ADDRESS = "https://s3.example/pages/one.html?X-Amz-Signature=0"


def a_request(method: str = "GET", **query: str) -> dict[str, Any]:
    return {
        "rawPath": "/pages/one.html",
        "requestContext": {"http": {"method": method}},
        **({"queryStringParameters": query} if query else {}),
    }


class Application:
    """Answers every link with the same, or refuses it."""

    def __init__(self, answer: str | Exception | None) -> None:
        self.answer = answer
        self.asked: list[tuple[str, dict[str, str]]] = []

    def opened(self, path: str, query: dict[str, str]) -> str | None:
        self.asked.append((path, query))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_link_leads_on_to_the_page(counted: Any, method: str) -> None:
    """The browser is sent on, and nothing of it is remembered on the way."""
    application: Any = Application(ADDRESS)

    answer = open_report(application, a_request(method, ends="1", signature="a"))

    assert application.asked == [("/pages/one.html", {"ends": "1", "signature": "a"})]
    assert (answer["statusCode"], answer["headers"]["location"]) == (302, ADDRESS)
    assert answer["headers"]["cache-control"] == "no-store"
    assert answer["headers"]["referrer-policy"] == "no-referrer"
    assert counted() == {"LinksOpened": 1}


def test_a_link_that_does_not_open_says_why(counted: Any, logged: Any) -> None:
    """In words for whoever clicked, and counted."""
    application: Any = Application(LinkError("This link has <ended>"))

    answer = open_report(application, a_request())

    assert answer["statusCode"] == 403
    assert "This link has &lt;ended&gt;" in answer["body"]
    assert "ECR console" in answer["body"]
    assert counted() == {"LinksRejected": 1}
    assert "signature" not in str(logged())


def test_a_page_that_is_kept_no_more_is_said_to_be_gone() -> None:
    """Not an error: reports expire."""
    answer = open_report(SimpleNamespace(opened=lambda *_: None), a_request())  # type: ignore[arg-type]

    assert answer["statusCode"] == 404
    assert "not kept any more" in answer["body"]


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
def test_nothing_else_can_be_done_with_a_link(method: str) -> None:
    """It is not even looked at."""
    application: Any = Application(ADDRESS)

    assert open_report(application, a_request(method))["statusCode"] == 405
    assert application.asked == []
