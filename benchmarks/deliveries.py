"""Benchmarks of notifications: processor time by kind of receiver."""

import time
from dataclasses import replace
from typing import Final

from benchmarks.core import Figure
from tests.faults.world import KINDS, World, captured
from tests.support.builders import a_finding, a_report, an_image
from tests.support.fakes import RecordingWaker

ALERTS: Final = 300


def rates() -> list[Figure]:
    """Measure notifications without network and stores: claim, compare, render, send, record."""
    return [
        Figure(f"notifications to {kind}, one core, network excluded", "-", f"{_rate(kind):,.0f}/s")
        for kind in KINDS
    ]


def _rate(kind: str) -> float:
    world, waker = World(1, kinds=(kind,), each=1), RecordingWaker()
    with world.environment() as app, captured(world.log):
        app.stores.waker = waker  # type: ignore[assignment]  # a fake
        for number in range(ALERTS):
            image = an_image(number, repository=f"{kind}-0/app-{number}")
            world.registry.reports[image.digest] = a_report(a_finding(f"CVE-2026-{number}"))
            world.registry.held[image.repository] = [replace(image, pushed_at=app.now())]
            outcome = app.streams.images.refetch(image, f"event-{number}", app.now())
            tuple(app.streams.rounds.run(outcome.streams, "scan", outcome.news))
        begin = time.process_time()
        for wake_up in waker.woken:
            app.streams.notifications.deliver(wake_up)
        return len(waker.woken) / (time.process_time() - begin)


if __name__ == "__main__":
    for figure in rates():
        print(f"{figure.label}: {figure.measured}")
