"""`--wait`: a pipeline asks right after a push, and its scan takes a moment."""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from cli.durations import length_of
from cli.pacing import Pause
from cli.terminal import remark
from lib.core.evidence import PARTIAL_PATIENCE, NotReady, evidence_of
from lib.errors import FindingsNotReadyError
from lib.flows.fetching import in_full
from lib.models import AnyReport, Image, ImageIndex, Report, Scan
from lib.ports.sources import FindingSource

EVERY: Final = 10.0
"""Seconds between two questions: a basic scan takes about half a minute, an enhanced one longer."""
_MOST: Final = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a command waits for a scan."""

    seconds: float
    clock: Callable[[], float] = time.monotonic
    pause: Pause = time.sleep


NO_PATIENCE: Final = Patience(0)


def add_wait_option(parser: argparse.ArgumentParser) -> None:
    """Declare --wait."""
    parser.add_argument(
        "--wait",
        metavar="LENGTH",
        help="wait at most that long for a scan that is not there yet or not finished: 10m, 1h",
    )


def patience_of(options: argparse.Namespace, pause: Pause = time.sleep) -> Patience:
    """Return how long a command waits. Raises `DocumentError` for a length that is none."""
    if options.wait is None:
        return NO_PATIENCE
    mistake = f"--wait {options.wait}: write minutes or hours, as in 10m or 1h, at most 4h"
    length = length_of(options.wait, units="mh", most=_MOST, mistake=mistake)
    return Patience(length.total_seconds(), pause=pause)


class PatientSource:
    """Asks a source again until the scan of an image is there, or the time is up."""

    def __init__(self, source: FindingSource, patience: Patience) -> None:
        self._source = source
        self._patience = patience
        self._until = patience.clock() + patience.seconds

    def index(self, image: Image) -> ImageIndex | None:
        """See `FindingSource.index`."""
        return self._source.index(image)

    def report(self, image: Image, scan: Scan) -> AnyReport:
        """Return the report of an image. Raises `FindingsNotReadyError` when the time is up."""
        waits = False
        while True:
            is_last = self._patience.clock() + EVERY > self._until
            try:
                report = in_full(self._source.report(image, scan))
            except FindingsNotReadyError as error:
                if is_last:
                    raise
                reason = str(error)
            else:
                judged = evidence_of(report, age=PARTIAL_PATIENCE)
                if is_last or not (isinstance(report, Report) and isinstance(judged, NotReady)):
                    return report
                reason = f"{image.name}: {judged.reason}"
            if not waits:
                remark(f"{reason}: waiting")
            waits = True
            self._patience.pause(EVERY)
