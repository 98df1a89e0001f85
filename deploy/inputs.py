"""
Inputs of a deployment: the command line together with the file of the stage.

A command line that contradicts the file is refused. Otherwise the next deployment, without that
command line, would silently undo the difference.
"""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from cli.stage_file import ROOT, Stage, find_stage, shown
from lib.errors import ConfigError
from lib.models import Json

SAMPLE: Final = ROOT / "alerts.yml"
_NONE: Final[Mapping[str, Json]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class CommandLine:
    """The values from the command line and the environment; empty where there is none."""

    stage: str
    region: str = ""
    config: str = ""
    alarm_email: str = ""
    receiver_hosts: tuple[str, ...] = ()
    fallback_region: str = ""
    """AWS_REGION. It is used if nothing else names a region."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The values that a stage is packaged and deployed with."""

    stage: str
    region: str
    config: Path
    parameters: Mapping[str, Json] = field(default_factory=lambda: _NONE)
    """Parameters that are set for the stage."""
    file: Path | None = None
    """The file of the stage; None before the first deployment."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare --stage, --region and --config."""
    add_place_arguments(parser)
    parser.add_argument("--config", default="")


def add_place_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare --stage and --region, for commands that need no configuration."""
    parser.add_argument("--stage", default="dev")
    parser.add_argument("--region", default="")


def command_line(
    options: argparse.Namespace, environment: Mapping[str, str] = os.environ
) -> CommandLine:
    """Return the values of the command line and the environment."""
    hosts = environment.get("RECEIVER_HOSTS", "").split(",")
    return CommandLine(
        stage=options.stage,
        region=options.region,
        config=getattr(options, "config", ""),
        alarm_email=environment.get("ALARM_EMAIL", ""),
        receiver_hosts=tuple(host.strip() for host in hosts if host.strip()),
        fallback_region=environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION", ""),
    )


def inputs_of(command: CommandLine) -> Inputs:
    """
    Read the file of a stage, if there is one.

    Raises `ConfigError` if the file is broken, or if the command line contradicts it.
    """
    stage = find_stage(command.stage)
    return _without_file(command) if stage is None else _with_file(command, stage)


def region_of(command: CommandLine) -> str:
    """
    Return the region of a stage, without the other parts of its file.

    Raises `ConfigError` if the file is broken, REGION contradicts it, or nothing names a region.
    """
    place = CommandLine(
        command.stage, region=command.region, fallback_region=command.fallback_region
    )
    region = inputs_of(place).region
    if not region:
        raise ConfigError(f"Which region of AWS has the stage {command.stage}? Add REGION=…")
    return region


def _without_file(command: CommandLine) -> Inputs:
    parameters: dict[str, Json] = {}
    if command.alarm_email:
        parameters["alarmEmail"] = command.alarm_email
    if command.receiver_hosts:
        parameters["receiverHosts"] = list(command.receiver_hosts)
    return Inputs(
        stage=command.stage,
        region=command.region or command.fallback_region,
        config=Path(command.config).resolve() if command.config else SAMPLE,
        parameters=parameters,
    )


def _with_file(command: CommandLine, stage: Stage) -> Inputs:
    contradictions = [
        f"{variable} is not what {shown(stage.path)} says. "
        f"Write `{key}: {value}` there, or leave {variable} out"
        for variable, key, value, same in (
            ("REGION", "region", command.region, command.region == stage.region),
            ("CONFIG", "config", command.config, _same_file(command.config, stage.config)),
            (
                "ALARM_EMAIL",
                "alarmEmail",
                command.alarm_email,
                command.alarm_email == stage.alarm_email,
            ),
            (
                "RECEIVER_HOSTS",
                "receiverHosts",
                f"[{', '.join(command.receiver_hosts)}]" if command.receiver_hosts else "",
                set(command.receiver_hosts) == set(stage.receiver_hosts),
            ),
        )
        if value and not same
    ]
    if contradictions:
        raise ConfigError("\n".join(contradictions))
    return Inputs(stage.name, stage.region, stage.config, stage.parameters, stage.path)


def _same_file(path: str, other: Path) -> bool:
    return Path(path).resolve() == other.resolve()
