"""`scan`: the tool's main job in one process, with the operator's credentials."""

import argparse
import json
import re
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cli.commands.route import print_routes
from cli.evaluating import Judged, delivery_of, judge
from cli.inputs import add_config_option, add_region_option, operator_app, read_config
from cli.terminal import complain, out, print_report, working
from lib.bootstrap import App, Clients
from lib.errors import ConfigError, DeliveryError, DocumentError, SourceError
from lib.models import DeliveryState, Image, Scan, ScanSource
from lib.report import alert
from lib.routing import Decision
from lib.sources.images import image_of_detail
from lib.wire import report_to_json

HELP = "fetch, normalize, route and show the scan of one image"
DESCRIPTION = (
    "Fetch the scan findings of an image from ECR with your AWS credentials and region, normalize "
    "and route them, and show a table with the worst first. --send delivers the alerts. Needs no "
    "deployment. Exit code 1 when the scan has no usable result or a delivery failed."
)

_CHECK = "Check the name, the region and the account"
_REFERENCE = re.compile(
    r"^(?:(?P<account>\d{12})\.dkr\.ecr[a-z-]*\.(?P<region>[a-z0-9-]+)\.[a-z.]+/)?"
    r"(?P<repository>[a-z0-9][a-z0-9._/-]*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,299}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?$"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument(
        "image", metavar="REPOSITORY[:TAG|@DIGEST]", help="the tag defaults to latest"
    )
    add_config_option(parser)
    add_region_option(parser)
    parser.add_argument("--send", action="store_true", help="deliver the alerts now")
    parser.add_argument("--format", choices=("json", "table"), default="table")


def run(options: argparse.Namespace) -> int:
    """Show the scan of one image; deliver when asked."""
    wanted = parse_reference(options.image)
    config = read_config(options.config)
    region = options.region or wanted["region"]
    application = operator_app(config, region=region)
    with working(f"fetching {options.image}"):
        image = find_image(Clients(region=region), wanted)
        report = application.source.report(image, Scan(ScanSource.ECR_BASIC, "UNKNOWN"))
    judged = judge(report, config)
    if options.format == "json":
        print(json.dumps(report_to_json(report), indent=2))
    else:
        print_report(report)
        out().print()
        print_routes(judged)
    failed = options.send and not _send(application, judged)
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
    except BotoCoreError as error:
        raise ConfigError(
            f"AWS could not be called: {error}. Set up credentials and a region (aws configure)"
        ) from error
    if not details:
        raise DocumentError(f"No such image in {wanted['repository']}. {_CHECK}")
    return image_of_detail(
        details[0], partition=client.meta.partition, region=client.meta.region_name
    )


def _explained(error: ClientError, wanted: dict[str, str | None]) -> DocumentError | SourceError:
    code, text = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if code in ("RepositoryNotFoundException", "ImageNotFoundException"):
        return DocumentError(f"{text or code}. {_CHECK}")
    return SourceError(f"ECR refused to describe {wanted['repository']}: {code}: {text}")


def _send(application: App, judged: Judged) -> bool:
    pending = [each for each in judged.decisions.deliveries if each.state is DeliveryState.PENDING]
    if not pending:
        out().print("nothing to send: no route asks for it", markup=False)
    # All are tried: one receiver's failure does not keep the others waiting.
    delivered = [_deliver(application, judged, decision) for decision in pending]
    return all(delivered)


def _deliver(application: App, judged: Judged, decision: Decision) -> bool:
    message = alert(judged.evaluation, delivery_of(decision, judged.evaluation))
    try:
        notifier = application.notifier(decision.destination)
        receipt = notifier.send(notifier.render(message))
    except (DeliveryError, ConfigError) as error:
        complain(f"{decision.destination}: not sent: {error}")
        return False
    out().print(f"{decision.destination}: sent ({receipt.url or receipt.reference})", markup=False)
    return True
