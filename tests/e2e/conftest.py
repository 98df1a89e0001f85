"""
The app as it is deployed: the packaged zip and template on the embedded AWS, real HTTP behind it.

One for each test process, shared by all its tests: each test makes repositories of its own, and
looks at what came after it began. The rules are those of the demo, local/alerts.yml.
"""

import uuid
from collections.abc import Iterator

import pytest

from local.app import App, install, write_config
from local.process import ROOT, EmbeddedAws
from local.receivers import Receivers


@pytest.fixture(scope="session")
def receivers() -> Iterator[Receivers]:
    """Slack, Jira and the subscribers."""
    with Receivers() as running:
        yield running


@pytest.fixture(scope="session")
def app(
    embedded_aws: EmbeddedAws, receivers: Receivers, tmp_path_factory: pytest.TempPathFactory
) -> App:
    """This repository, packaged and deployed with the rules of the demo."""
    if not (ROOT / "node_modules" / ".bin" / "osls").exists():
        pytest.skip("osls is not installed; run `make test`, which does that")
    folder = tmp_path_factory.mktemp("app")
    config = write_config(ROOT / "local" / "alerts.yml", receivers.url, folder / "alerts.yml")
    return install(embedded_aws, receivers, config)


@pytest.fixture
def payments(app: App) -> str:
    """A new repository whose medium findings go to Slack, Jira, mail and audit."""
    name = f"payments/{uuid.uuid4().hex[:12]}"
    app.aws.client("ecr").create_repository(
        repositoryName=name,
        imageScanningConfiguration={"scanOnPush": True},
        imageTagMutability="IMMUTABLE",
    )
    return name
