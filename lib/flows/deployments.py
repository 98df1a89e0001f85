"""The workloads of a message's images, asked for when it is sent: only the present is of use."""

from dataclasses import replace

from lib.models import Deployments, Notice, Workload
from lib.models.streams import WatchedImage
from lib.ports.sources import Workloads


class RunningNow:
    """Adds to notices what runs their images."""

    def __init__(self, workloads: Workloads) -> None:
        self._workloads = workloads

    def completed(self, notice: Notice) -> Notice:
        """Return a notice with the workloads of its watched images. Raises `SourceError`."""
        state = notice.message.state
        current = state.current
        behind = [watched for watched in state.images if watched is not current]
        return replace(
            notice,
            running=Deployments(
                self._running(current) if current is not None else (),
                tuple([workload for watched in behind for workload in self._running(watched)]),
            ),
        )

    def _running(self, watched: WatchedImage) -> tuple[Workload, ...]:
        if watched.image.is_repository:
            return ()
        parts = {entry.image.digest for part in watched.parts for entry in part.evidence[:1]}
        members = sorted(parts - {watched.image.digest})
        return self._workloads.running(watched.image, members=members)
