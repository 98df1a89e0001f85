"""The acceptance program's ports for the embedded AWS: deployment, scanner and browser."""

import gzip
import io
import json
import shutil
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import requests

from acceptance.deployment import DeploymentError
from acceptance.images import OS_RELEASE_PATHS, STATUS_PATH, Image
from acceptance.settings import Waits
from acceptance.world import Page
from deploy.account import DeployError
from deploy.code_bucket import store_template, upload
from deploy.inputs import Inputs
from deploy.package import BUILD, Package, package
from deploy.purge import purge
from deploy.remove import remove
from deploy.retained import adopt as adopt_data
from deploy.retained import find_retained
from deploy.terminal import Terminal
from local.aws.process import EmbeddedAws
from local.demo.deploy import account_of
from local.demo.deploy import deploy as deploy_to

WAITS = Waits(
    poll=0.1,
    receive=1,
    settle=0.0,
    alert=60.0,
    large_alert=60.0,
    group=20.0,
    logs=20.0,
    runtime=20.0,
    metrics=0.0,
    stack=60.0,
)


class EmbeddedDeployment:
    """
    Deploys to the embedded AWS without waiting for seconds between two looks at a stack.

    Adopting, removing and purging are what `make` does.
    """

    def __init__(self, aws: EmbeddedAws) -> None:
        self._aws = aws
        self._account = account_of(aws)

    def deploy(
        self, stage: str, *, config: Path, parameters: Mapping[str, Any], adopt: bool = False
    ) -> None:
        inputs = Inputs(stage, self._aws.region, config, parameters)
        built = package(inputs, today=datetime.now(UTC).date())
        try:
            if adopt:
                self._import(stage, built)
            deploy_to(self._aws, BUILD / stage, stage)
        except DeployError as error:
            raise DeploymentError(str(error)) from error

    def _import(self, stage: str, built: Package) -> None:
        """Import what was kept into a new stack."""
        client_of = self._aws.client
        code = upload(client_of, self._account, stage, built)
        template = json.loads(built.template.read_text("utf-8"))
        retained = find_retained(client_of, stage, None)
        store = partial(store_template, client_of, self._account, code)
        values = {**built.values, **code.values}
        adopt_data(client_of, template, values, retained, None, store=store, say=quiet)

    def remove(self, stage: str) -> None:
        remove(self._aws.client, self._account, stage, Terminal(yes=True))

    def purge(self, stage: str) -> None:
        purge(self._aws.client, self._account, stage, Terminal(yes=True))

    def forget(self, stage: str) -> None:
        shutil.rmtree(BUILD / stage, ignore_errors=True)


def quiet(_: str) -> None:
    """Say nothing."""


class Scanner:
    """Finds in an image what its layer says is installed, as ECR's scanner is hoped to do."""

    def __init__(self, aws: EmbeddedAws, *, each: int = 50) -> None:
        self._aws = aws
        self._each = each

    def __call__(self, repository: str, image: Image) -> None:
        findings = [
            _finding(name, version, number)
            for name, version in installed(image.layer)
            for number in range(self._each)
        ]
        document = {
            "imageScanStatus": {"status": "COMPLETE"},
            "imageScanFindings": {"findings": findings},
        }
        self._aws.record(repository, image.digest, document)


def installed(layer: bytes) -> Iterator[tuple[str, str]]:
    """Yield the packages of a layer; it must be one of Debian."""
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(layer))) as archive:
        for path in OS_RELEASE_PATHS:
            assert "ID=debian\n" in _text(archive, path)
        for stanza in _text(archive, STATUS_PATH).strip().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in stanza.splitlines())
            assert fields["Status"] == "install ok installed"
            yield fields["Package"], fields["Version"]


def _text(archive: tarfile.TarFile, path: str) -> str:
    file = archive.extractfile(path)
    assert file is not None
    return file.read().decode()


def _finding(name: str, version: str, number: int) -> dict[str, Any]:
    # A package has vulnerabilities of its own: one of several packages would count once.
    vulnerability_id = f"CVE-2026-{zlib.crc32(name.encode()) % 90_000 + 10_000}{number:03}"
    return {
        "name": vulnerability_id,
        "severity": "HIGH",
        "uri": f"https://security-tracker.debian.org/tracker/{vulnerability_id}",
        "description": f"In {name}",
        "attributes": [
            {"key": "package_name", "value": name},
            {"key": "package_version", "value": version},
        ],
    }


class Browser:
    """Opens addresses of functions where the embedded AWS has them."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self._aws = aws

    def __call__(self, address: str) -> Page:
        _, _, host, path = address.split("/", 3)
        function = host.split(".")[0]
        answer = requests.get(f"{self._aws.endpoint}/_aws/lambda-url/{function}/{path}", timeout=30)
        return Page(answer.status_code, host, answer.text)
