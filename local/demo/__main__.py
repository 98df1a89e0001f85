"""
`make demo`: this repository at work on this machine, with an inbox page for its messages.

Starts the embedded AWS and the receivers, packages and deploys, pushes images, and runs until
Ctrl-C. Needs no credentials, no Docker, and no network except for what `make` has fetched.
"""

import argparse
import itertools
import os
import shlex
import shutil
import signal
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NoReturn

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from local.aws.process import ROOT, CloudError, EmbeddedAws, cloud_python
from local.demo.app import STAGE, App, AppError, install, write_config
from local.demo.deploy import DeployError
from local.demo.story import STORY, Scene, create_repositories, notified_destinations, play, repeat
from local.standins.server import Receivers

PORT: Final = 8765
"""The port of the inbox, which keeps its address stable. If it is taken, another one is used."""
FOLDER: Final = ROOT / ".build" / "demo"
SWEEP_SECONDS: Final = 60.0
"""The schedule of `sweep` in the template."""
SWEEPS_AN_HOUR: Final = 60
"""The schedule of `send_digest` in the template is hourly."""
REPEATED: Final = 1
"""The index of the scene whose event is delivered twice."""


class DemoError(Exception):
    """Something is missing, or the story ended differently. The text names the reason."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the story. Exit code 1: something is missing or went wrong."""
    options = _options(arguments)
    console = Console(highlight=False)
    leave_the_users_aws_alone(os.environ)
    # Set explicitly, because a shell ignores Ctrl-C for processes in the background.
    for signal_ in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_, _interrupted)
    try:
        check_prerequisites()
        _run(console, once=options.once, browser=options.browser)
    except KeyboardInterrupt:
        console.print("\nStopped; nothing is left running.")
    except (AppError, CloudError, DemoError, DeployError) as error:
        console.print(f"[red]✗[/] {error}", markup=True, soft_wrap=True)
        return 1
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.demo.__main__", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after the story")
    parser.add_argument(
        "--no-browser", dest="browser", action="store_false", help="only print the address"
    )
    return parser.parse_args(arguments)


def leave_the_users_aws_alone(environment: MutableMapping[str, str]) -> None:
    """Remove AWS settings from an environment, and proxies for this machine."""
    for name in [name for name in environment if name.startswith("AWS_")]:
        del environment[name]
    environment["AWS_CONFIG_FILE"] = os.devnull
    environment["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    environment["AWS_EC2_METADATA_DISABLED"] = "true"
    for name in ("NO_PROXY", "no_proxy"):
        environment[name] = ",".join(filter(None, [environment.get(name), "127.0.0.1"]))


def check_prerequisites() -> None:
    """Raise `DemoError` or `CloudError` with a sentence about the first missing tool."""
    if shutil.which("node") is None:
        raise DemoError("Node.js 20 or newer is needed to package: https://nodejs.org/en/download")
    if not (ROOT / "node_modules" / ".bin" / "osls").exists():
        raise DemoError("osls is not installed; run `make demo`, which does that")
    cloud_python()


def _run(console: Console, *, once: bool, browser: bool) -> None:
    begin = time.monotonic()
    with (
        _receivers() as receivers,
        EmbeddedAws(log=folder_of(receivers) / "cloud.log") as aws,
    ):
        with _step(console, "Package and deploy this repository to an AWS on this machine"):
            config = write_config(
                ROOT / "local" / "alerts.yml",
                receivers.url,
                folder_of(receivers) / "alerts.yml",
            )
            app = install(aws, receivers, config)
            create_repositories(app)
        if browser:
            _open(receivers.inbox_url)
        _play_story(console, app)
        with _step(console, "Send the weekly digest, without waiting for Monday"):
            app.send_digests(config)
        console.print(
            f"\n{len(receivers.messages())} messages in {time.monotonic() - begin:.0f} s:"
            f" [bold]{receivers.inbox_url}[/]"
        )
        if not once:
            for line in next_lines(aws, config):
                console.print(line, markup=False, soft_wrap=True)
            keep_sweeping(app.sweep, threading.Event(), hourly=app.run_digests)


def keep_sweeping(
    sweep: Callable[[], object],
    ended: threading.Event,
    every: float = SWEEP_SECONDS,
    *,
    hourly: Callable[[], object],
) -> None:
    """
    Sweep until the end, so that a published configuration is in force in time, as in AWS.

    Every sixtieth time the digests follow, so that a new destination gets its summary.
    """
    for count in itertools.count(1):
        if ended.wait(every):
            return
        with suppress(BotoCoreError, ClientError):
            sweep()
        if count % SWEEPS_AN_HOUR == 0:
            with suppress(BotoCoreError, ClientError):
                hourly()


def next_lines(aws: EmbeddedAws, config: Path) -> Iterator[str]:
    """Yield what to look at, and three commands that work in another terminal at the same time."""
    settings = " ".join(f"{name}={shlex.quote(value)}" for name, value in aws.environment().items())
    yield "In the inbox look at web/checkout in Slack: an old image, and a vulnerability of today."
    yield "web/storefront is a thread there, ops/toolbox is about settings; in Jira look at SEC-1."
    yield "Each message links to its report page."
    yield "\nIn another terminal, in this folder:"
    yield f"  export {settings}"
    yield f"  ./ecr-scan-alerts scan {STORY[REPEATED].image} --config {shlex.quote(str(config))}"
    yield f"  ./ecr-scan-alerts deliveries list --stage {STAGE}"
    yield f"  ./ecr-scan-alerts destinations test payments-slack --stage {STAGE}"
    yield "\nYour own rules: docs/get-started.md, Without an AWS account."
    yield "\nCtrl-C ends it."


def _receivers() -> Receivers:
    try:
        return Receivers(PORT)
    except OSError:
        return Receivers()


def folder_of(receivers: Receivers) -> Path:
    """Return and create the folder of a demo. A second demo has a folder of its own."""
    folder = FOLDER if receivers.port == PORT else FOLDER.with_name(f"demo-{receivers.port}")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _play_story(console: Console, app: App) -> None:
    """Play all scenes, print the notified destinations, and raise `DemoError` if they are wrong."""
    digests, notified = {}, {}
    for scene in STORY:
        before = {row.id for row in app.rows()}
        with _step(console, f"{scene.verb} {scene.image}: {scene.shows}"):
            digests[scene] = play(app, scene)
        notified[scene] = notified_destinations(app.rows(), before)
    scene = STORY[REPEATED]
    with _step(console, f"Deliver the event of {scene.image} twice: nobody is notified twice"):
        extra = repeat(app, scene, digests[scene])
    console.print(_table(notified))
    if extra:
        raise DemoError(f"An event that came twice made {extra} more messages")
    for scene, destinations in notified.items():
        if destinations != scene.notified:
            wrong = ", ".join(sorted(destinations ^ scene.notified))
            raise DemoError(f"{scene.image}: not as the routes say: {wrong}; see {app.aws.log}")


def _table(notified: dict[Scene, frozenset[str]]) -> Table:
    table = Table("image", "notified", box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for scene, destinations in notified.items():
        table.add_row(scene.image, ", ".join(sorted(destinations)))
    return table


@contextmanager
def _step(console: Console, text: str) -> Iterator[None]:
    """Show a step, and its duration."""
    begin = time.monotonic()
    with console.status(text):
        yield
    console.print(f"[green]✓[/] {text} [dim]({time.monotonic() - begin:.1f} s)[/]", soft_wrap=True)


def _open(url: str) -> None:
    """Open the page in a graphical browser; a text browser would take over the terminal."""
    if sys.platform == "darwin" or {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
        webbrowser.open(url)


def _interrupted(*_: object) -> NoReturn:
    # The first signal is enough. A second one would interrupt the clean-up.
    for signal_ in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_, signal.SIG_IGN)
    # Not by sys.stdout, which refuses a second writer while the first one is interrupted.
    os.write(1, "\nStopping …\n".encode())
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
