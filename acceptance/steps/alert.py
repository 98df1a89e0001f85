"""Pushes an image with scan on push, and waits for the alert."""

from collections.abc import Iterable

from acceptance.images import build
from acceptance.inbox import Alert
from acceptance.outcome import Outcome, StepError, failed, judged, skipped
from acceptance.packages import FEW, DebianPackage
from acceptance.registry import Registry
from acceptance.scanning import is_scanned, scanning_of
from acceptance.step import Step
from acceptance.world import World


def _run(world: World) -> Outcome:
    scanning = scanning_of(world.client_of("ecr"))
    if not is_scanned(scanning, world.names.scanned):
        return skipped(
            "the registry's rules for enhanced scanning leave out"
            f" {world.names.scanned}; this program never changes them"
        )
    # New rules of EventBridge do not match immediately.
    world.poll.clock.sleep(world.waits.settle)
    image = build(FEW, run=f"{world.run} first")
    world.facts.digest = world.registry.push(world.names.scanned, image, "1.0.0")
    world.facts.alert = alert_about(world, image.digest, world.waits.alert)
    return judge(world.facts.alert, FEW)


def alert_about(world: World, digest: str, seconds: float) -> Alert:
    """Wait for the alert about an image. Raises `StepError` with the status of its scan."""
    try:
        return world.inbox.wait_for(digest, seconds)
    except StepError as error:
        raise StepError(f"{error}; {_scan(world.registry, world.names.scanned, digest)}") from error


def _scan(registry: Registry, repository: str, digest: str) -> str:
    return f"the scan: {registry.scan_status(repository, digest)}"


def source_of(alert: Alert) -> str:
    """Return the door through which the scan of the current image came."""
    return str(alert["images"][0]["parts"][0]["source"])


def judge(alert: Alert, packages: Iterable[DebianPackage]) -> Outcome:
    """Judge an alert by the packages of the image. Pure."""
    # Scanners name the binary package or its source package.
    names = {name for package in packages for name in (package.name, package.source)}
    packages_named = (package["name"] for item in alert["items"] for package in item["packages"])
    reported = names.intersection(packages_named)
    total, source = alert["counts"]["total"], source_of(alert)
    if not total:
        return failed(f"{source}: no findings, so the scanner does not read the layer")
    return judged(
        f"{source}: {total} findings, so the scanner reads the layer; packages:"
        f" {', '.join(sorted(reported)) or 'none of those in it'}",
        right=bool(reported),
    )


STEP = Step(
    2,
    "push an image",
    "the scanner finds old packages in the layer, and an alert names them",
    _run,
    needs=(1,),
)
