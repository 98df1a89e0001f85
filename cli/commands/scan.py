"""
`scan`: fetch, normalize, route and show one scan, with the operator's credentials.

Without a stage, `--send` reads secrets under the names in alerts.yml: `ecr-scan-alerts/NAME`.
"""

import argparse
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from cli.cases import case_report
from cli.commands.route import judge_all, print_stream, stream_to_json
from cli.deployment import Deployment, add_stage_options, required_stage
from cli.gate import EXIT_CODES, GateVerdict, add_gate_option, exit_code, gate_of, gate_verdict
from cli.inputs import (
    add_config_option,
    believed,
    operator_app,
    optional_config,
)
from cli.judging import Case, JudgedStream
from cli.pacing import Pause
from cli.selection import add_selection_options, mention_left_out, selected, selection_of
from cli.sending import SendResult, complain_of, notified, print_sent, queue_scan, send_tests
from cli.session import Connect, OperatorClients, connected
from cli.terminal import Ask, agreed, ask_person, print_json, print_report, say, working
from cli.verdicts import print_verdict
from cli.waiting import NO_PATIENCE, Patience, PatientSource, add_wait_option, patience_of
from lib.bootstrap.app import App
from lib.bootstrap.clients import Clients
from lib.config.model import Config
from lib.core.evidence import NOT_FOUND
from lib.core.merging import merged
from lib.core.problems import commands
from lib.errors import (
    DocumentError,
    FindingsNotReadyError,
    SourceError,
)
from lib.flows.fetching import in_full
from lib.flows.provenances import traced
from lib.models import (
    AnyReport,
    Image,
    Scan,
    ScanSource,
    UnusableReport,
)
from lib.normalizer.images import image_of_detail
from lib.wire.report import report_to_json

HELP = "show the scan of one image in your registry, and what to do"
DESCRIPTION = (
    "Read the scan of an image from ECR with your AWS credentials and region. Show its findings, "
    "the worst first, then the verdict and the upgrades that remove most. Nothing is changed, and "
    "no deployment is needed. Where there is an alerts.yml, show what its routes do with the scan. "
    "The IAM actions are ecr:DescribeImages, ecr:DescribeImageScanFindings, ecr:BatchGetImage, "
    "ecr:GetDownloadUrlForLayer and, for enhanced scanning, inspector2:ListFindings. "
    "--send --stage S puts the scan on the queue of a deployed stage, which alerts if it has not "
    "done so yet. --send alone asks, and sends messages that are marked TEST; where an alert would "
    "open an issue, a thread or an incident, it sends the message of `destinations test` instead. "
    "--format json prints one document. Exit code 1 when the scan has no usable result or a "
    "message was refused.\n\n"
    f"{EXIT_CODES} --severity changes only the findings shown, not what alerts.yml makes of them. "
    "Without --wait a scan that is not finished is an error."
)

_ASKED = Scan(ScanSource.ECR_BASIC, "UNKNOWN")
_WITHOUT = "--yes sends without asking; --stage has a deployed stage process the scan"
_CHECK = "Check the name, and by --region and --profile the place"
_SHORTEST = 2
"""https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html"""
_REFERENCE = re.compile(
    r"^(?:(?P<account>\d{12})\.dkr\.ecr[a-z-]*\.(?P<region>[a-z0-9-]+)\.[a-z.]+/)?"
    r"(?P<repository>[a-z0-9][a-z0-9._/-]*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,299}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?$"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument(
        "image",
        metavar="REPOSITORY[:TAG|@DIGEST]",
        help="with or without the address of its registry; the tag defaults to latest",
    )
    add_gate_option(parser)
    add_selection_options(parser)
    add_wait_option(parser)
    add_config_option(parser)
    add_stage_options(parser)
    parser.add_argument(
        "--send",
        action="store_true",
        help="with --stage: have the stage process this scan; without: send messages marked TEST",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask before sending")
    parser.add_argument("--format", choices=("json", "table"), default="table")


def run(
    options: argparse.Namespace,
    *,
    connect: Connect = OperatorClients,
    ask: Ask = ask_person,
    pause: Pause = time.sleep,
) -> int:
    """Show the scan of one image, and send it with `--send`. `connect` is called once."""
    now = datetime.now(UTC)
    wanted, patience = parse_reference(options.image), patience_of(options, pause)
    clients = connected(options, connect, region=wanted["region"])
    stage = Deployment(required_stage(options), clients) if _to_stage(options) else None
    config = _config(options, stage)
    application = operator_app(config, clients)
    with working(f"fetching {options.image}"):
        image = find_image(clients, wanted)
        report = fetch(application, image, patience)
    gate, selection = gate_of(options), selection_of(options)
    shown = selected(report, selection)
    verdicts = [] if gate is None else [gate_verdict(report, gate, config.suppressions, now.date())]
    case = Case(case_report(report, config))
    judged = judge_all([case], config) if config.routes else []
    as_json = options.format == "json"
    if not as_json:
        print_report(shown)
        say()
        print_verdict(case.report, config, now, selection.filter)
        for stream in judged:
            say()
            print_stream(stream)
    else:
        mention_left_out(shown)
    unusable = int(isinstance(report, UnusableReport))
    if stage is not None:
        unit = application.source.index(image) or image
        queued = queue_scan(stage, options.stage, unit)
        if as_json:
            print_json(_document(shown, judged, verdicts) | {"stage": queued.to_json()})
        else:
            queued.print(report.image.name)
        return exit_code(verdicts, unusable)
    sent = _send_by_hand(application, case, judged, options, ask) if options.send else []
    if as_json:
        print_json(_document(shown, judged, verdicts, sent))
    elif options.send:
        print_sent(sent)
    complain_of(sent)
    return exit_code(verdicts, int(any(delivery.failed for delivery in sent)) or unusable)


def _to_stage(options: argparse.Namespace) -> bool:
    return options.send and options.stage is not None


def _config(options: argparse.Namespace, stage: Deployment | None) -> Config:
    """Read the named file, else the configuration of the stage, else the default file, if any."""
    deployed = None if stage is None or options.config_is_named else stage.config()
    return deployed or optional_config(options)


def _send_by_hand(
    application: App,
    case: Case,
    judged: Sequence[JudgedStream],
    options: argparse.Namespace,
    ask: Ask,
) -> list[SendResult]:
    names = ", ".join(dict.fromkeys(name for name, _ in notified(judged)))
    question = f"Send messages marked TEST from this machine to {names}?"
    if not names or options.yes or agreed(question, ask, without=_WITHOUT):
        return send_tests(application, case, judged)
    raise DocumentError("nothing was sent")


def parse_reference(text: str) -> dict[str, str | None]:
    """Split "repository:tag" or a full registry address. Raises `DocumentError`."""
    match = _REFERENCE.match(text)
    if match is None:
        raise DocumentError(
            f"{text!r} is not an image: write REPOSITORY, REPOSITORY:TAG or REPOSITORY@sha256:…"
        )
    wanted = match.groupdict()
    if len(wanted["repository"]) < _SHORTEST:
        raise DocumentError(
            f"{text!r} is not an image: names of repositories have at least {_SHORTEST} characters"
        )
    return wanted


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
        raise DocumentError(f"No such image in {wanted['repository']}{_assumed(wanted)}. {_CHECK}")
    return image_of_detail(
        details[0], partition=client.meta.partition, region=client.meta.region_name
    )


def _assumed(wanted: dict[str, str | None]) -> str:
    """Return a note about the tag, if it was assumed."""
    return "" if wanted["tag"] or wanted["digest"] else " (no tag was given: latest was assumed)"


def fetch(application: App, image: Image, patience: Patience = NO_PATIENCE) -> AnyReport:
    """
    Return the scan of an image, with its provenance.

    The report of an index is merged from its images, as far as they have one. Raises
    `DocumentError` for an index without images, and the errors of `FindingSource.report`.
    """
    try:
        report = believed(_scanned(PatientSource(application.source, patience), image))
    except FindingsNotReadyError as error:
        raise FindingsNotReadyError(
            f"{error}. {_waiting(error, image)}", status=error.status
        ) from None
    return traced(report, application.provenances, application.config.sources)[0]


def _waiting(error: FindingsNotReadyError, image: Image) -> str:
    if error.status != NOT_FOUND:
        return "Run the command again in a minute"
    return (
        f"Start one with `{commands(image)['start']}`, which needs ecr:StartImageScan, or turn on "
        "scan on push. Enhanced scanning begins by itself for repositories in its filters"
    )


def _scanned(source: PatientSource, image: Image) -> AnyReport:
    index = source.index(image)
    if index is None:
        return in_full(source.report(image, _ASKED))
    if not index.members:
        raise DocumentError(f"{image.name} is an index without any image in it")
    return merged(index, [_member(source, member) for member in index.images])


def _member(source: PatientSource, image: Image) -> AnyReport:
    try:
        return in_full(source.report(image, _ASKED))
    except FindingsNotReadyError as error:
        return UnusableReport(image, replace(_ASKED, status=error.status, reason=str(error)))


def _explained(error: ClientError, wanted: dict[str, str | None]) -> DocumentError | SourceError:
    code, text = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if code in ("RepositoryNotFoundException", "ImageNotFoundException"):
        return DocumentError(f"{(text or code).rstrip('.')}{_assumed(wanted)}. {_CHECK}")
    return SourceError(f"ECR refused to describe {wanted['repository']}: {code}: {text}")


def _document(
    report: AnyReport,
    judged: Sequence[JudgedStream],
    verdicts: Sequence[GateVerdict],
    sent: Sequence[SendResult] = (),
) -> dict[str, Any]:
    return {
        "report": report_to_json(report),
        "streams": [stream_to_json(stream) for stream in judged],
        "tests": [result.to_json() for result in sent],
        **({"gate": verdicts[0].to_json()} if verdicts else {}),
    }
