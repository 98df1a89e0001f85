"""Opens signed links of messages: has the page made, redirects to it in S3, or says why not."""

from html import escape
from http import HTTPStatus
from typing import Any, Final

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lib.bootstrap.app import App
from lib.bootstrap.garbage import collected_afterwards
from lib.bootstrap.process import app
from lib.errors import LinkError
from lib.flows.pages import GonePage
from lib.observability import Metric, logger, metrics
from lib.urls.console import console_url

_HEADERS: Final = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
}
_PAGE: Final = (
    '<!doctype html><html lang="en"><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width">'
    '<meta name="color-scheme" content="light dark">'
    "<title>{title}</title><h1>{title}</h1><p>{advice}</p></html>"
)
_NEWER: Final = (
    "Newer alerts of the same image have newer links; the image itself is in the ECR console."
)
_GONE: Final = "This report is not kept any more"
_NOT_NOW: Final = "This report cannot be opened now"
_AGAIN: Final = (
    "Something that it is made from did not answer. That says nothing about the image. "
    "Try again in a minute; if it stays like this, your operator finds the reason "
    "in the log of openReport."
)
_RETRY_AFTER: Final = "60"
"""Seconds."""


@collected_afterwards
@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  # fixed by Lambda
    """
    Answer a request to the function's URL.

    https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
    """
    return open_report(app(), event)


def open_report(application: App, event: dict[str, Any]) -> dict[str, Any]:
    """Redirect to the page of a link, or answer with a page that says why it does not open."""
    method = event.get("requestContext", {}).get("http", {}).get("method", "GET")
    if method not in ("GET", "HEAD"):
        return _error_page(HTTPStatus.METHOD_NOT_ALLOWED, "A link can only be opened", _NEWER)
    try:
        key = application.linked(str(event.get("rawPath", "")), _query(event))
        if method == "HEAD":
            return _looked_at(application, key)
        return _opened(application, key)
    except LinkError as error:
        metrics.add_metric(Metric.LINKS_REJECTED, MetricUnit.Count, 1)
        logger.info("link rejected", reason=str(error))
        return _error_page(HTTPStatus.FORBIDDEN, str(error), _NEWER)
    except Exception as error:  # noqa: BLE001  # the reader gets a sentence, the log the rest
        metrics.add_metric(Metric.PAGES_FAILED, MetricUnit.Count, 1)
        logger.error("report page failed", exc_info=error)
        answer = _error_page(HTTPStatus.SERVICE_UNAVAILABLE, _NOT_NOW, _AGAIN)
        answer["headers"]["retry-after"] = _RETRY_AFTER
        return answer


def _query(event: dict[str, Any]) -> dict[str, str]:
    return event.get("queryStringParameters") or {}


def _opened(application: App, key: str) -> dict[str, Any]:
    page = application.pages.open(key)
    if isinstance(page, GonePage):
        return _error_page(HTTPStatus.NOT_FOUND, _GONE, _about(page))
    metrics.add_metric(Metric.LINKS_OPENED, MetricUnit.Count, 1)
    if page.is_new:
        metrics.add_metric(Metric.PAGES_CREATED, MetricUnit.Count, 1)
    return {"statusCode": HTTPStatus.FOUND.value, "headers": _HEADERS | {"location": page.address}}


def _looked_at(application: App, key: str) -> dict[str, Any]:
    """Answer a program that checks the link: whether it opens. No page is made for it."""
    exists = application.pages.exists(key)
    status = HTTPStatus.OK if exists else HTTPStatus.NOT_FOUND
    return {"statusCode": status.value, "headers": _HEADERS}


def _about(page: GonePage) -> str:
    """Return what is still known of a page, and how to get a new one."""
    image = page.image
    if image is None:
        return _NEWER
    console = console_url(image)
    name, link = escape(image.repository), escape(console or "")
    place = f"{escape(image.account)}, {escape(image.region)}"
    seen = f'<a href="{link}">ECR console</a>' if console else "ECR console"
    return (
        f"It was about {name} ({place}). That it is gone says nothing about the image, which may "
        f"still have vulnerabilities. See the {seen}, or make a new report with "
        f"<code>ecr-scan-alerts report {name}:TAG</code>."
    )


def _error_page(status: HTTPStatus, title: str, advice: str) -> dict[str, Any]:
    """`advice` is HTML."""
    return {
        "statusCode": status.value,
        "headers": _HEADERS | {"content-type": "text/html; charset=utf-8"},
        "body": _PAGE.format(title=escape(title), advice=advice),
    }
