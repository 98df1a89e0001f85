"""The package, built once for all test processes: the same code path as `make package`."""

import fcntl
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from deploy.inputs import Inputs
from deploy.package import BUILD, ROOT, TEMPLATE, VALUES, ZIP, package
from tests.support.templates import resolved

STAGE = "test"
WITH_LINKS = "eu-central-1"
WITHOUT_LINKS = "eu-central-2"
"""A region in which CloudFormation does not know AWS::Lambda::Url."""
CONFIG = Path(__file__).parent / "alerts.yml"
LAMBDA_PYTHON = BUILD / "venvs" / "lambda" / "bin" / "python"


@dataclass(frozen=True)
class Package:
    """What `make package STAGE=test` leaves."""

    zip: Path
    path: Path
    """The template with its parameters."""
    template: dict[str, Any]
    """The same with the values of the stage in their place."""
    values: dict[str, str]

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the properties of every resource of a kind, by name."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.template["Resources"].items()
            if resource["Type"] == kind
        }


@pytest.fixture(scope="session")
def built() -> Package:
    """Build the package, or take what another process of this run has built."""
    needed(ROOT / "node_modules" / ".bin" / "osls", "`make test` installs osls")
    return _built_once(STAGE, WITH_LINKS)


@pytest.fixture(scope="session")
def built_without_links() -> Package:
    """Build the package for a region in which functions have no addresses."""
    needed(ROOT / "node_modules" / ".bin" / "osls", "`make test` installs osls")
    return _built_once(f"{STAGE}-without-links", WITHOUT_LINKS)


def _built_once(stage: str, region: str) -> Package:
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", "")
    folder = BUILD / stage
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / ".run"
    with locked(folder / ".lock"):
        if not run or not done.exists() or done.read_text() != run:
            package_without_account(Inputs(stage, region, CONFIG))
            done.write_text(run)
        values = json.loads((folder / VALUES).read_text())
        template = json.loads((folder / TEMPLATE).read_text())
        return Package(folder / ZIP, folder / TEMPLATE, resolved(template, values), values)


@pytest.fixture(scope="session")
def task_root(built: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack the zip, as Lambda does."""
    folder = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(built.zip) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="session")
def lambda_python() -> Path:
    """Return a Python that has what the Lambda runtime has, and nothing else."""
    return needed(LAMBDA_PYTHON, "`make test` sets up the Lambda runtime")


def needed(path: Path, remedy: str) -> Path:
    """Skip where something is not installed, but fail in CI."""
    if path.exists():
        return path
    message = f"{path.relative_to(ROOT)} is missing: {remedy}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def package_without_account(inputs: Inputs) -> None:
    """Package as somebody who has no AWS account."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [each for each in os.environ if each.startswith("AWS_")]:
            patch.delenv(name)
        package(inputs, today=date(2026, 11, 24))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one process in at a time."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
