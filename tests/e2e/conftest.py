"""
The app as it is deployed: the packaged zip and template on the embedded AWS, real HTTP behind it.

One for all tests of a process: each test makes repositories of its own.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.alerts_file import read
from lib.store.publications import KEY
from local.aws.process import ROOT, EmbeddedAws
from local.demo.app import App, install, write_config
from local.standins.server import Receivers
from tests.support.cloud_fixtures import quick_aws

ALERTS = Path(__file__).parent / "alerts.yml"


@pytest.fixture(scope="session")
def receivers() -> Iterator[Receivers]:
    """Yield Slack, Jira and the subscribers."""
    with Receivers() as running:
        yield running


@pytest.fixture(scope="session")
def app(
    embedded_aws: EmbeddedAws,  # noqa: ARG001  # skips where there is none
    receivers: Receivers,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[App]:
    """
    Package and deploy this repository with alerts.yml of this folder, in an account of its own.

    The app looks at every repository of its registry, also at those that other tests left.
    """
    if not (ROOT / "node_modules" / ".bin" / "osls").exists():
        pytest.skip("osls is not installed; run `make test`, which does that")
    folder = tmp_path_factory.mktemp("app")
    config = write_config(ALERTS, receivers.url, folder / "alerts.yml")
    with quick_aws(folder / "cloud.log") as aws:
        app = install(aws, receivers, config)
        # As the deployment does, for the commands that compare with the rules in force.
        app.aws.client("s3").put_object(
            Bucket=app.stack.outputs["ReportsBucketName"],
            Key=KEY,
            Body=json.dumps(read(config).document).encode(),
        )
        yield app


@contextmanager
def configured(app: App, function: str = "processScan", **variables: str) -> Iterator[None]:
    """
    Change the environment of a function for a while.

    A worker that is replaced takes the event along that it works on, until its visibility timeout
    ends. So nothing may be under way.
    """
    before = _environment(app, function)
    app.wait_until_quiet()
    _set_environment(app, function, before | variables)
    try:
        yield
        app.wait_until_quiet()
    finally:
        _set_environment(app, function, before)


def _environment(app: App, function: str) -> dict[str, str]:
    name = f"{app.stack.name}-{function}"
    found = app.aws.client("lambda").get_function_configuration(FunctionName=name)
    variables: dict[str, str] = found["Environment"]["Variables"]
    return variables


def _set_environment(app: App, function: str, variables: dict[str, str]) -> None:
    app.aws.client("lambda").update_function_configuration(
        FunctionName=f"{app.stack.name}-{function}", Environment={"Variables": variables}
    )


@pytest.fixture
def repository(app: App) -> Callable[..., str]:
    """Return a maker of repositories; the prefix chooses the route."""

    def create(prefix: str = "team", *, scan_on_push: bool = True) -> str:
        name = f"{prefix}/{uuid.uuid4().hex[:12]}"
        app.aws.client("ecr").create_repository(
            repositoryName=name,
            imageScanningConfiguration={"scanOnPush": scan_on_push},
            imageTagMutability="IMMUTABLE",
        )
        return name

    return create
