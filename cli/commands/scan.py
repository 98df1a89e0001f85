"""
`scan`: the tool's main job in one process, with the operator's credentials.

Without a stage, `--send` reads secrets under the names in alerts.yml: `ecr-scan-alerts/NAME`.
"""

import argparse
import re
from dataclasses import asdict, dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cli.aws_errors import Caller
from cli.commands.route import delivery_to_json, print_routes, routes_to_json
from cli.evaluating import Judged, delivery_of, judge
from cli.failures import sentences
from cli.inputs import (
    add_config_option,
    add_region_option,
    operator_app,
    read_config,
)
from cli.session import Connect, OperatorClients, connected
from cli.terminal import complain, print_json, print_report, say, working
from lib.bootstrap import App, Clients
from lib.delivery import send
from lib.errors import (
    DocumentError,
    FindingsNotReadyError,
    ScanAlertError,
    SourceError,
)
from lib.interfaces import FindingSource
from lib.merging import merged
from lib.models import (
    AnyReport,
    DeliveryState,
    Image,
    Receipt,
    Scan,
    ScanSource,
    UnusableReport,
)
from lib.pipeline import traced
from lib.report import alert
from lib.routing import Decision
from lib.sources.images import image_of_detail
from lib.wire import report_to_json

HELP = "fetch, normalize, route and show the scan of one image"
DESCRIPTION = (
    "Fetch the scan findings of an image from ECR with your AWS credentials and region, normalize "
    "and route them, and show a table with the worst first. --send delivers the alerts. Needs no "
    "deployment. --format json prints one document with report, routes, and deliveries with their "
    "receipts or errors. Exit code 1 when the scan has no usable result or a delivery failed."
)

_ASKED = Scan(ScanSource.ECR_BASIC, "UNKNOWN")
_CHECK = "Check the name, the region and the account"
_REFERENCE = re.compile(
    r"^(?:(?P<account>\d{12})\.dkr\.ecr[a-z-]*\.(?P<region>[a-z0-9-]+)\.[a-z.]+/)?"
    r"(?P<repository>[a-z0-9][a-z0-9._/-]*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,299}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?$"
)


@dataclass(frozen=True, slots=True)
class Sent:
    """How one delivery ended: with a receipt, or with the reason why not."""

    decision: Decision
    receipt: Receipt | None = None
    error: str | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument(
        "image", metavar="REPOSITORY[:TAG|@DIGEST]", help="the tag defaults to latest"
    )
    add_config_option(parser)
    add_region_option(parser)
    parser.add_argument("--send", action="store_true", help="deliver the alerts now")
    parser.add_argument("--format", choices=("json", "table"), default="table")


def run(options: argparse.Namespace, *, connect: Connect = OperatorClients) -> int:
    """Show the scan of one image; deliver when asked. `connect` makes the clients, once."""
    wanted = parse_reference(options.image)
    config = read_config(options.config)
    clients = connected(options, connect, region=wanted["region"])
    application = operator_app(config, clients)
    with working(f"fetching {options.image}"):
        report = fetch(application, find_image(clients, wanted))
    judged = judge(report, config)
    as_json = options.format == "json"
    if not as_json:
        print_report(report)
        say()
        print_routes(judged)
    sent = deliver(application, judged) if options.send else []
    if as_json:
        print_json(_document(judged, sent))
    elif options.send:
        _print_sent(sent)
    for each in sent:
        if each.error is not None:
            complain(f"{each.decision.destination}: not sent: {each.error}")
    failed = any(each.error is not None for each in sent)
    return int(failed or judged.evaluation.comparison is None)


def parse_reference(text: str) -> dict[str, str | None]:
    """Split "repository:tag" or a full registry address. Raises `DocumentError`."""
    match = _REFERENCE.match(text)
    if match is None:
        raise DocumentError(
            f"{text!r} is not an image: write REPOSITORY, REPOSITORY:TAG or REPOSITORY@sha256:…"
        )
    return match.groupdict()


def find_image(clients: Clients, wanted: dict[str, str | None]) -> Image:
    """Resolve a tag to its digest. Raises `DocumentError` or `SourceError` with what to do."""
    by_tag = {"imageTag": wanted["tag"] or "latest"}
    image_id = {"imageDigest": wanted["digest"]} if wanted["digest"] else by_tag
    request: dict[str, Any] = {"repositoryName": wanted["repository"], "imageIds": [image_id]}
    if wanted["account"]:
        request["registryId"] = wanted["account"]
    try:
        client = clients.get("ecr")
        details = client.describe_images(**request)["imageDetails"]
    except ClientError as error:
        raise _explained(error, wanted) from error
    if not details:
        raise DocumentError(f"No such image in {wanted['repository']}. {_CHECK}")
    return image_of_detail(
        details[0], partition=client.meta.partition, region=client.meta.region_name
    )


def fetch(application: App, image: Image) -> AnyReport:
    """
    Return the scan of an image, with where it was made from.

    That of an index is from all its images, as far as there is one. Raises `DocumentError` for an
    index without images, and as `FindingSource.report` does.
    """
    report = _scanned(application.source, image)
    return traced(report, application.provenances, application.config.sources)[0]


def _scanned(source: FindingSource, image: Image) -> AnyReport:
    index = source.index(image)
    if index is None:
        return source.report(image, _ASKED)
    if not index.members:
        raise DocumentError(f"{image.name} is an index without any image in it")
    return merged(index, [_member(source, each) for each in index.images])


def _member(source: FindingSource, image: Image) -> AnyReport:
    try:
        return source.report(image, _ASKED)
    except FindingsNotReadyError as error:
        return UnusableReport(image, replace(_ASKED, status=error.status, reason=str(error)))


def _explained(error: ClientError, wanted: dict[str, str | None]) -> DocumentError | SourceError:
    code, text = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if code in ("RepositoryNotFoundException", "ImageNotFoundException"):
        return DocumentError(f"{text or code}. {_CHECK}")
    return SourceError(f"ECR refused to describe {wanted['repository']}: {code}: {text}")


def deliver(application: App, judged: Judged) -> list[Sent]:
    """Send what the routes ask for. All are tried: one failure keeps no other waiting."""
    pending = [each for each in judged.decisions.deliveries if each.state is DeliveryState.PENDING]
    sent = []
    with working("sending", total=len(pending)) as advance:
        for decision in pending:
            sent.append(_deliver(application, judged, decision))
            advance()
    return sent


def _deliver(application: App, judged: Judged, decision: Decision) -> Sent:
    message = alert(judged.evaluation, delivery_of(decision, judged.evaluation))
    try:
        receipt = send(application.notifier(decision.destination), message)
    except (ScanAlertError, BotoCoreError, ClientError) as error:
        return Sent(decision, error=" ".join(sentences(error, Caller())))
    return Sent(decision, receipt)


def _print_sent(sent: list[Sent]) -> None:
    if not sent:
        say("nothing to send: no route asks for it")
    for each in sent:
        if each.receipt is not None:
            where = each.receipt.url or each.receipt.reference
            say(f"{each.decision.destination}: sent ({where})")


def _document(judged: Judged, sent: list[Sent]) -> dict[str, Any]:
    ends = {each.decision.destination: each for each in sent}
    return {
        "report": report_to_json(judged.evaluation.report),
        "routes": routes_to_json(judged),
        "deliveries": [
            delivery_to_json(each) | _end(ends.get(each.destination))
            for each in judged.decisions.deliveries
        ],
    }


def _end(sent: Sent | None) -> dict[str, Any]:
    """Return how it ended, where it was tried at all."""
    if sent is None:
        return {}
    if sent.receipt is None:
        return {"sent": False, "error": sent.error}
    return {"sent": True, "receipt": asdict(sent.receipt)}
