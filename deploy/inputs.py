"""
What `make` was given, together with the file of the stage: one set of inputs, or a refusal.

A command line that says something else than the file is refused: the next deployment would silently
undo what only one command line said.
"""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from cli.stage_file import ROOT, Stage, defaults, find_stage, shown
from lib.errors import ConfigError
from lib.models import Json

SAMPLE: Final = ROOT / "alerts.yml"
_NONE: Final[Mapping[str, Json]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line and the environment say; empty: nothing."""

    stage: str
    region: str = ""
    config: str = ""
    alarm_email: str = ""
    receiver_hosts: tuple[str, ...] = ()
    fallback_region: str = ""
    """AWS_REGION: it counts where nothing else names a region."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a stage is packaged and deployed with."""

    stage: str
    region: str
    config: Path
    parameters: Mapping[str, Json] = field(default_factory=lambda: _NONE)
    """Those that differ from their defaults by intent."""
    file: Path | None = None
    """The file of the stage; None: there is none yet."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare --stage, --region and --config."""
    add_place_arguments(parser)
    parser.add_argument("--config", default="")


def add_place_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare --stage and --region: all that commands without a configuration need."""
    parser.add_argument("--stage", default="dev")
    parser.add_argument("--region", default="")


def given(options: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> Given:
    """Return what command line and environment say."""
    hosts = environment.get("RECEIVER_HOSTS", "").split(",")
    return Given(
        stage=options.stage,
        region=options.region,
        config=getattr(options, "config", ""),
        alarm_email=environment.get("ALARM_EMAIL", ""),
        receiver_hosts=tuple(host.strip() for host in hosts if host.strip()),
        fallback_region=environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION", ""),
    )


def inputs_of(given: Given) -> Inputs:
    """Read the file of a stage, if there is one. Raises `ConfigError`: broken, or contradicted."""
    stage = find_stage(given.stage)
    return _first(given) if stage is None else _remembered(given, stage)


def region_of(given: Given) -> str:
    """
    Return the region of a stage; nothing else of its file counts.

    Raises `ConfigError`: the file is broken, REGION contradicts it, or nothing names a region.
    """
    place = Given(given.stage, region=given.region, fallback_region=given.fallback_region)
    region = inputs_of(place).region
    if not region:
        raise ConfigError(f"Which region of AWS has the stage {given.stage}? Add REGION=…")
    return region


def _first(given: Given) -> Inputs:
    parameters: dict[str, Json] = {}
    if given.alarm_email:
        parameters["alarmEmail"] = given.alarm_email
    if given.receiver_hosts:
        parameters["receiverHosts"] = list(given.receiver_hosts)
    return Inputs(
        stage=given.stage,
        region=given.region or given.fallback_region,
        config=Path(given.config).resolve() if given.config else SAMPLE,
        parameters=parameters,
    )


def _remembered(given: Given, stage: Stage) -> Inputs:
    contradictions = [
        f"{variable} is not what {shown(stage.path)} says. "
        f"Write `{key}: {value}` there, or leave {variable} out"
        for variable, key, value, same in (
            ("REGION", "region", given.region, given.region == stage.region),
            ("CONFIG", "config", given.config, _same_file(given.config, stage.config)),
            (
                "ALARM_EMAIL",
                "alarmEmail",
                given.alarm_email,
                given.alarm_email == stage.alarm_email,
            ),
            (
                "RECEIVER_HOSTS",
                "receiverHosts",
                f"[{', '.join(given.receiver_hosts)}]" if given.receiver_hosts else "",
                set(given.receiver_hosts) == set(stage.receiver_hosts),
            ),
        )
        if value and not same
    ]
    if contradictions:
        raise ConfigError("\n".join(contradictions))
    return Inputs(stage.name, stage.region, stage.config, stage.parameters, stage.path)


def _same_file(given: str, remembered: Path) -> bool:
    return Path(given).resolve() == remembered.resolve()


def template_parameters(parameters: Mapping[str, Json]) -> dict[str, Json]:
    """Return a value for every parameter, in the form in which serverless.yml reads them."""
    complete = {**defaults(), **parameters}
    return complete | {
        "receiverHosts": ",".join(complete["receiverHosts"]),
        "permissionsBoundary": complete["permissionsBoundary"] or {"Ref": "AWS::NoValue"},
        # CloudFormation's conditions and the variables of functions are texts.
        "reportLinkDays": str(complete["reportLinkDays"]),
        "traceability": str(complete["traceability"]).lower(),
    }
