"""
The app as it is deployed: the packaged zip and template on the embedded AWS, real HTTP behind it.

One for all tests of a process: each test makes repositories of its own.
"""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.aws.process import ROOT, EmbeddedAws
from local.demo.app import App, install, write_config
from local.standins.server import Receivers

ALERTS = Path(__file__).parent / "alerts.yml"


@pytest.fixture(scope="session")
def receivers() -> Iterator[Receivers]:
    """Yield Slack, Jira and the subscribers."""
    with Receivers() as running:
        yield running


@pytest.fixture(scope="session")
def app(
    embedded_aws: EmbeddedAws, receivers: Receivers, tmp_path_factory: pytest.TempPathFactory
) -> App:
    """Package and deploy this repository with alerts.yml of this folder."""
    if not (ROOT / "node_modules" / ".bin" / "osls").exists():
        pytest.skip("osls is not installed; run `make test`, which does that")
    config = write_config(ALERTS, receivers.url, tmp_path_factory.mktemp("app") / "alerts.yml")
    return install(embedded_aws, receivers, config)


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
