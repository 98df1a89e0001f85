"""
`make demo`: this repository at work on this machine, and an inbox page that shows what came of it.

Starts the embedded AWS and the receivers, packages and deploys, pushes images, and stays until
Ctrl-C. Needs no credentials, no Docker, and no network but what `make` has fetched.
"""

import argparse
import os
import shutil
import signal
import sys
import threading
import time
import webbrowser
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

from rich.console import Console
from rich.table import Table

from local.aws.process import ROOT, CloudError, EmbeddedAws, cloud_python
from local.demo.app import App, AppError, install, write_config
from local.demo.deploy import DeployError
from local.demo.story import STORY, Scene, create_repositories, play, repeat, told
from local.standins.server import Receivers

PORT: Final = 8765
"""Where the inbox listens, so that its address stays; another one when it is taken."""
FOLDER: Final = ROOT / ".build" / "demo"
REPEATED: Final = 1
"""The scene whose event comes twice."""


class DemoError(Exception):
    """Something is missing, or the story did not end as it must; the text says what."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the story. Exit code 1: something is missing or went wrong."""
    options = _options(arguments)
    console = Console(highlight=False)
    leave_the_users_aws_alone(os.environ)
    # Said, because a shell that starts it in the background ignores Ctrl-C for it.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _interrupted)
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
    """Take everything about AWS, and proxies for this machine, out of an environment."""
    for name in [name for name in environment if name.startswith("AWS_")]:
        del environment[name]
    environment["AWS_CONFIG_FILE"] = os.devnull
    environment["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    environment["AWS_EC2_METADATA_DISABLED"] = "true"
    for name in ("NO_PROXY", "no_proxy"):
        environment[name] = ",".join(filter(None, [environment.get(name), "127.0.0.1"]))


def check_prerequisites() -> None:
    """Raise `DemoError` or `CloudError` with one sentence about the first thing missing."""
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
        _tell(console, app)
        with _step(console, "Send the weekly digest, without waiting for Monday"):
            app.send_digests(config)
        console.print(
            f"\n{len(receivers.messages())} messages in {time.monotonic() - begin:.0f} s:"
            f" [bold]{receivers.inbox_url}[/]"
        )
        if not once:
            console.print("Ctrl-C ends it.")
            threading.Event().wait()


def _receivers() -> Receivers:
    try:
        return Receivers(PORT)
    except OSError:
        return Receivers()


def folder_of(receivers: Receivers) -> Path:
    """Return the folder of a demo, and make it. One that runs beside another has its own."""
    folder = FOLDER if receivers.port == PORT else FOLDER.with_name(f"demo-{receivers.port}")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _tell(console: Console, app: App) -> None:
    """Play all scenes, show who heard of what, and raise `DemoError` where that is not right."""
    digests = {}
    for scene in STORY:
        with _step(console, f"Push {scene.image}: {scene.shows}"):
            digests[scene] = play(app, scene)
    scene = STORY[REPEATED]
    with _step(console, f"Deliver the event of {scene.image} twice: nobody is told twice"):
        extra = repeat(app, scene, digests[scene])
    rows = app.rows()
    heard = {scene: told(rows, digest) for scene, digest in digests.items()}
    console.print(_table(heard))
    if extra:
        raise DemoError(f"An event that came twice made {extra} more messages")
    for each, destinations in heard.items():
        if destinations != each.told:
            wrong = ", ".join(sorted(destinations ^ each.told))
            raise DemoError(f"{each.image}: not as the routes say: {wrong}; see {app.aws.log}")


def _table(heard: dict[Scene, frozenset[str]]) -> Table:
    table = Table("image", "who was told", box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for scene, destinations in heard.items():
        table.add_row(scene.image, ", ".join(sorted(destinations)))
    return table


@contextmanager
def _step(console: Console, text: str) -> Iterator[None]:
    """Show what is being done, and how long it took."""
    begin = time.monotonic()
    with console.status(text):
        yield
    console.print(f"[green]✓[/] {text} [dim]({time.monotonic() - begin:.1f} s)[/]", soft_wrap=True)


def _open(url: str) -> None:
    """Open the page where a browser with a window is; a text browser would take the terminal."""
    if sys.platform == "darwin" or {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
        webbrowser.open(url)


def _interrupted(*_: object) -> NoReturn:
    # Once is enough: a second one would cut the cleaning up short.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
