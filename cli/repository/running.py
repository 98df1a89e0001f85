"""Images that run, asked of Inspector and ECS with the operator's credentials."""

from datetime import UTC, datetime

from lib.bootstrap.clients import Clients
from lib.sources.coverage import InspectorCoverage
from lib.sources.running import RunningImages
from lib.sources.workloads import EcsWorkloads


def running_images(clients: Clients) -> RunningImages:
    """Return the sources of what runs. A source that does not answer is no error."""
    workloads = EcsWorkloads(clients.get("ecs"), now=lambda: datetime.now(UTC))
    return RunningImages(InspectorCoverage(clients.get("inspector2")), workloads)
