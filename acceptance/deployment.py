"""Deploys, removes and purges stages with `make`, as a user does."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

ROOT: Final = Path(__file__).resolve().parents[1]
_MARK: Final = "# Written by make acceptance, which deletes it at its end.\n"
_LAST_LINES: Final = 6
_STOP_SECONDS: Final = 30.0


class DeploymentError(Exception):
    """A stage was not deployed, removed or purged. The text is the end of make's output."""


class Deployment(Protocol):
    """Deploys and removes stages of this checkout."""

    def deploy(
        self, stage: str, *, config: Path, parameters: Mapping[str, Any], adopt: bool = False
    ) -> None:
        """Deploy a stage. `adopt` keeps the data of a removed one. Raises `DeploymentError`."""

    def remove(self, stage: str) -> None:
        """Remove a stage; its data stays. Raises `DeploymentError`."""

    def purge(self, stage: str) -> None:
        """Delete the data of a removed stage. Raises `DeploymentError`."""

    def forget(self, stage: str) -> None:
        """Delete the stage file in the checkout."""


class Make:
    """`make deploy | remove | purge` of this checkout."""

    def __init__(self, region: str, log: Path, *, root: Path = ROOT) -> None:
        self._region = region
        self._log = log
        self._root = root

    def deploy(
        self, stage: str, *, config: Path, parameters: Mapping[str, Any], adopt: bool = False
    ) -> None:
        """See `Deployment.deploy`."""
        document = {"region": self._region, "config": str(config), **parameters}
        # JSON is YAML.
        self.stage_file(stage).write_text(_MARK + json.dumps(document, indent=2) + "\n", "utf-8")
        self._make("deploy", stage, *(["ADOPT=1"] if adopt else []))

    def remove(self, stage: str) -> None:
        """See `Deployment.remove`."""
        self._make("remove", stage)

    def purge(self, stage: str) -> None:
        """See `Deployment.purge`."""
        self._make("purge", stage)

    def forget(self, stage: str) -> None:
        """See `Deployment.forget`. A file of other origin stays."""
        path = self.stage_file(stage)
        if path.exists() and path.read_text("utf-8").startswith(_MARK):
            path.unlink()
            shutil.rmtree(self._root / ".build" / stage, ignore_errors=True)

    def stage_file(self, stage: str) -> Path:
        """Return the path of the stage file."""
        return self._root / "deploy" / "stages" / f"{stage}.yml"

    def _make(self, target: str, stage: str, *variables: str) -> None:
        command = ["make", target, f"STAGE={stage}", f"REGION={self._region}", "YES=1", *variables]
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"\n$ {' '.join(command)}\n")
            log.flush()
            start = log.tell()
            # On Ctrl-C, `make` is stopped first. Then its stage is removed.
            process = subprocess.Popen(
                command,
                cwd=self._root,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code = process.wait()
            except BaseException:
                _stop(process)
                raise
        if code:
            raise DeploymentError(f"make {target}: {self._last_lines(start)}")

    def _last_lines(self, start: int) -> str:
        text = self._log.read_bytes()[start:].decode("utf-8", errors="replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        output = [line for line in lines if not line.startswith("make")]
        return " / ".join(output[-_LAST_LINES:]) or "no output"


def _environment() -> dict[str, str]:
    """Return the environment without the variables that `make` passes to its children."""
    return {
        name: value
        for name, value in os.environ.items()
        if name
        not in {
            "MAKEFLAGS",
            "MFLAGS",
            "MAKELEVEL",
            "STAGE",
            "REGION",
            "CONFIG",
            "YES",
            "SLOW",
            "ADOPT",
        }
    }


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a command and its children."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)
