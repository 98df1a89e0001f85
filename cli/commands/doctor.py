"""`doctor`: whether a deployed stage works, and the command for each thing that does not."""

import argparse
import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cli.alerts_file import read
from cli.aws_errors import Caller
from cli.check_list import print_checks
from cli.deliver_function import DeliverFunction
from cli.deployment import add_stage_options, deployment
from cli.doctor.examination import ConfigFile, Examination, Group, is_sound
from cli.doctor.facts import Place
from cli.doctor.reads import Reads
from cli.inputs import add_config_option, read_config
from cli.session import Connect, OperatorClients
from cli.stacks import stack_of
from cli.terminal import print_json, remark, say, working
from lib.models.diagnostics import CheckStatus, check_to_json
from lib.ports.notifiers import DestinationTest

HELP = "check a deployed stage, from its rules to its receivers"
DESCRIPTION = (
    "Check everything that an alert needs: rules, queues, functions, schedules, secrets, topics, "
    "receivers, scanning and alarms. Each line is either ok or names the problem and the command "
    "that fixes it. Nothing is changed or sent. Exit code 1 when something is wrong or could not "
    "be read."
)

_WORDS: Final = (
    (CheckStatus.FAILED, "failed"),
    (CheckStatus.UNKNOWN, "not known"),
    (CheckStatus.NOTE, "to note"),
    (CheckStatus.OK, "ok"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    add_stage_options(parser)
    add_config_option(parser)
    parser.add_argument("--format", choices=("json", "table"), default="table")


def run(options: argparse.Namespace, connect: Connect = OperatorClients) -> int:
    """Examine the stage."""
    file = _config_file(options)
    stage = deployment(options, connect)
    region = str(stage.clients.get("cloudformation").meta.region_name)
    examination = Examination(
        Reads(stage.clients),
        DeliverFunction(stage.clients, stage.output("DeliverFunctionName")),
        place=Place(options.stage, region),
        stack=stack_of(options.stage),
        outputs=stage.outputs,
        file=file,
        test=_look_only(options.stage),
        caller=Caller(options.profile, region, options.stage),
    )
    with working("examining"):
        groups = list(examination.groups())
    _print(groups, options)
    return int(not is_sound(groups))


def _config_file(options: argparse.Namespace) -> ConfigFile:
    """Read the file where there is one. Raises `ConfigError` for one that is not valid."""
    path, named = options.config, options.config_is_named
    if not Path(path).exists():
        return ConfigFile(path, None, named)
    read_config(path)
    return ConfigFile(path, read(Path(path)).document, named)


def _look_only(stage: str) -> DestinationTest:
    return DestinationTest(uuid.uuid4().hex, datetime.now(UTC), f"stage {stage}", send=False)


def _print(groups: Sequence[Group], options: argparse.Namespace) -> None:
    counts = Counter(check.status for group in groups for check in group.checks)
    summary = ", ".join(f"{counts[status]} {word}" for status, word in _WORDS if counts[status])
    if options.format == "json":
        print_json(_document(groups, options.stage))
        remark(f"stage {options.stage}: {summary}")
        return
    for group in groups:
        print_checks(group.title, group.checks)
    say(f"stage {options.stage}: {summary}", style="bold")


def _document(groups: Sequence[Group], stage: str) -> dict[str, Any]:
    return {
        "stage": stage,
        "ok": is_sound(groups),
        "checks": [
            {"group": group.title, **check_to_json(check)}
            for group in groups
            for check in group.checks
        ],
    }
