"""Opens signed links of messages: redirects to the object in S3, or explains the refusal."""

from html import escape
from http import HTTPStatus
from typing import Any, Final

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lib.bootstrap.app import App
from lib.bootstrap.process import app
from lib.errors import LinkError
from lib.observability import Metric, logger, metrics

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
_ADVICE: Final = (
    "Newer alerts of the same image have newer links; the image itself is in the ECR console."
)
_GONE: Final = "This report is not kept any more"


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  # fixed by Lambda
    """
    Answer a request to the function's URL.

    https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
    """
    return open_report(app(), event)


def open_report(application: App, event: dict[str, Any]) -> dict[str, Any]:
    """Redirect to the object of a link, or answer with a page that explains the refusal."""
    method = event.get("requestContext", {}).get("http", {}).get("method", "GET")
    if method not in ("GET", "HEAD"):
        return _error_page(HTTPStatus.METHOD_NOT_ALLOWED, "A link can only be opened")
    query = event.get("queryStringParameters") or {}
    try:
        address = application.opened(str(event.get("rawPath", "")), query)
    except LinkError as error:
        metrics.add_metric(Metric.LINKS_REJECTED, MetricUnit.Count, 1)
        logger.info("link rejected", reason=str(error))
        return _error_page(HTTPStatus.FORBIDDEN, str(error))
    if address is None:
        return _error_page(HTTPStatus.NOT_FOUND, _GONE)
    metrics.add_metric(Metric.LINKS_OPENED, MetricUnit.Count, 1)
    return {"statusCode": HTTPStatus.FOUND.value, "headers": _HEADERS | {"location": address}}


def _error_page(status: HTTPStatus, title: str) -> dict[str, Any]:
    return {
        "statusCode": status.value,
        "headers": _HEADERS | {"content-type": "text/html; charset=utf-8"},
        "body": _PAGE.format(title=escape(title), advice=_ADVICE),
    }
