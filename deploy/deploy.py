"""`make deploy`: what was packaged -> a stack on AWS, by osls."""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from deploy.dependencies import DependenciesError
from deploy.inputs import Inputs, add_arguments, given, inputs_of
from deploy.package import ROOT, PackageError, package
from lib.errors import ConfigError

LOCAL: Final = "local"
"""Its parameters in serverless.yml are those of the embedded AWS, which local/ deploys to."""
OSLS: Final = ROOT / "node_modules" / ".bin" / "osls"


class DeployError(Exception):
    """The stage cannot be deployed; the text says what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Package and deploy. Exit code 1: not deployed, and why."""
    parser = argparse.ArgumentParser(prog="python -m deploy.deploy", description=__doc__)
    add_arguments(parser)
    try:
        deploy(inputs_of(given(parser.parse_args(arguments))))
    except (PackageError, DependenciesError, DeployError, ConfigError) as error:
        print(f"Not deployed. {error}", file=sys.stderr)
        return 1
    return 0


def deploy(inputs: Inputs) -> None:
    """Package and deploy a stage. Raises `DeployError`."""
    if not inputs.region:
        raise DeployError(f"Which region? As in: make deploy STAGE={inputs.stage} REGION=eu-west-1")
    if inputs.stage == LOCAL:
        raise DeployError(
            "The stage local is that of `make demo`: nothing of it would be kept. Choose another"
        )
    package(inputs, today=datetime.now(UTC).date())
    _osls("deploy", inputs)


def _osls(command: str, inputs: Inputs) -> None:
    line = [str(OSLS), command, "--stage", inputs.stage, "--region", inputs.region]
    # Without the notes of its libraries about Node versions to come.
    environment = {**os.environ, "NODE_NO_WARNINGS": "1"}
    if subprocess.run(line, cwd=ROOT, env=environment, check=False).returncode:
        raise DeployError(f"osls could not {command} the stage")


if __name__ == "__main__":
    sys.exit(main())
