"""
deploy/stages/STAGE.yml: what a stage is deployed with. It is the memory of a deployment.

The keys are those of schemas/stage-1.0.0.json. Apart from `region` and `config` they are the
parameters of the template, and the schema holds their defaults.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from cli.alerts_file import (
    AlertsFile,
    AlertsFileError,
    LocatedProblem,
    read_exactly,
    render_problems,
    understand,
)
from lib.config.checking import check_against
from lib.errors import ConfigError
from lib.models import Json

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / "deploy" / "stages"
SCHEMA: Final = "stage-1.0.0.json"
_DEPLOYMENT: Final = ("region", "config")
"""The keys that are no parameters of the template."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage as its file describes it."""

    name: str
    path: Path
    region: str
    config: Path
    """The file with destinations and routes; absolute."""
    parameters: Mapping[str, Json]
    """Those that the file sets; `with_defaults` completes them."""

    @property
    def receiver_hosts(self) -> tuple[str, ...]:
        """Hosts that receivers may have beside their vendors' own."""
        return tuple(self.parameters.get("receiverHosts", ()))

    @property
    def alarm_email(self) -> str:
        """The address that alarms are mailed to; empty: none."""
        return str(self.parameters.get("alarmEmail", ""))


def stage_path(name: str, *, folder: Path = FOLDER) -> Path:
    """Return where the file of a stage is, or would be."""
    return folder / f"{name}.yml"


def stage_names(*, folder: Path = FOLDER) -> tuple[str, ...]:
    """Return the stages that have a file."""
    return tuple(sorted(path.stem for path in folder.glob("*.yml")))


def find_stage(name: str, *, folder: Path = FOLDER) -> Stage | None:
    """Read the file of a stage; None: there is none. Raises `ConfigError` as `read_stage` does."""
    path = stage_path(name, folder=folder)
    return read_stage(path) if path.exists() else None


def stages_of(config: Path, *, folder: Path = FOLDER) -> tuple[Stage, ...]:
    """Return the stages that are deployed with a configuration; a wrong stage file has none."""
    stages = []
    for path in sorted(folder.glob("*.yml")):
        with suppress(ConfigError):
            stages.append(read_stage(path))
    return tuple([stage for stage in stages if stage.config.resolve() == config.resolve()])


def read_stage(path: Path) -> Stage:
    """Read and check a stage file. Raises `ConfigError` with every error and its line."""
    file = _read(path)
    problems = _located(file)
    if problems:
        raise ConfigError(render_problems(problems))
    document = file.document
    return Stage(
        name=path.stem,
        path=path,
        region=document["region"],
        config=ROOT / document["config"],
        parameters=MappingProxyType(
            {name: value for name, value in document.items() if name not in _DEPLOYMENT}
        ),
    )


def check_stage_file(path: Path) -> tuple[LocatedProblem, ...]:
    """Return every problem of a stage file in the order of its lines. Raises `ConfigError`."""
    try:
        return tuple(_located(_read(path)))
    except AlertsFileError as error:
        return (LocatedProblem(shown(path), error.line, "", error.problem, "error"),)


def defaults() -> Mapping[str, Json]:
    """Return the parameters of the template with their defaults, from the schema."""
    properties: Mapping[str, Any] = json.loads(
        (ROOT / "schemas" / SCHEMA).read_text(encoding="utf-8")
    )["properties"]
    return MappingProxyType(
        {name: rule["default"] for name, rule in properties.items() if "default" in rule}
    )


def with_defaults(parameters: Mapping[str, Json]) -> dict[str, Json]:
    """Return a value for every parameter of the template."""
    return {**defaults(), **parameters}


def render_stage(region: str, config: Path, parameters: Mapping[str, Json]) -> str:
    """Return the text of a new stage file."""
    lines = [
        "# yaml-language-server: $schema=../../schemas/" + SCHEMA,
        "# What this stage is deployed with. All keys: deploy/stages/README.md",
        f"region: {region}",
        # JSON's texts and lists are YAML's, whatever characters they hold.
        f"config: {json.dumps(shown(config), ensure_ascii=False)}",
        *(f"{name}: {_yaml(value)}" for name, value in parameters.items()),
    ]
    return "\n".join(lines) + "\n"


def shown(path: Path) -> str:
    """Return a path as people write it at the root of the repository."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def _read(path: Path) -> AlertsFile:
    return understand(read_exactly(path), shown(path))


def _yaml(value: Json) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_yaml, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _located(file: AlertsFile) -> list[LocatedProblem]:
    problems = (
        LocatedProblem(
            file.name, file.line_of(problem.path), problem.where, problem.message, problem.level
        )
        for problem in check_against(SCHEMA, file.document)
    )
    return sorted(problems, key=lambda problem: problem.line)
