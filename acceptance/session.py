"""A complete run: shared resources, steps, and the clean-up."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from acceptance.account import ClientOf, Poll
from acceptance.config import PARAMETERS, write_alerts
from acceptance.deployment import Deployment
from acceptance.inbox import Inbox
from acceptance.outcome import Result, exit_code
from acceptance.registry import BeforePush, Registry
from acceptance.resources import clean, existing, make_shared
from acceptance.run import run
from acceptance.settings import Names, SettingsError, Waits
from acceptance.step import Step
from acceptance.world import Opener, World, open_page

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports to AWS or the embedded AWS, and the folder of a run's files."""

    client_of: ClientOf
    deployment: Deployment
    folder: Path
    waits: Waits
    poll: Poll
    before_push: BeforePush | None = None
    open_page: Opener = open_page


@dataclass(frozen=True, slots=True)
class Report:
    """The results of the steps, resources left in the account, and why the run ended early."""

    results: tuple[Result, ...]
    left: tuple[str, ...]
    stopped: str = ""

    @property
    def exit_code(self) -> int:
        """0 if every step was OK or skipped and nothing is left, else 1."""
        return 1 if self.stopped else exit_code(self.results, left=self.left)


def check(ports: Ports, names: Names) -> None:
    """Raise `SettingsError` if resources have the names of the run: they may be in use."""
    resources = existing(ports.client_of, names)
    if resources:
        raise SettingsError(
            f"The stage {names.stage} or what a run left of it exists: {', '.join(resources)}."
            " Take another STAGE. What a run left: make acceptance-clean"
        )


def accept(
    steps: Sequence[Step], ports: Ports, names: Names, *, region: str, slow: bool, say: Say
) -> Report:
    """Execute the steps, then delete all resources. A second Ctrl-C stops the clean-up, too."""
    results: list[Result] = []
    stop_reason = ""
    try:
        for result in run(steps, _world(ports, names, region=region, slow=slow), say):
            results.append(result)  # noqa: PERF402  # keeps results before an error
    except KeyboardInterrupt:
        stop_reason = "stopped by Ctrl-C"
        say("Stopped; cleaning up. Ctrl-C once more leaves the rest to make acceptance-clean.")
    except (ClientError, BotoCoreError) as error:
        stop_reason = f"AWS: {error}"
        say(stop_reason)
    finally:
        leftovers = tidy(ports, names, say)
    return Report(tuple(results), leftovers, stop_reason)


def tidy(ports: Ports, names: Names, say: Say) -> tuple[str, ...]:
    """Delete all resources of a run. Return those that are left, with reasons."""
    return clean(ports.client_of, names, ports.deployment, ports.poll, ports.waits, say)


def _world(ports: Ports, names: Names, *, region: str, slow: bool) -> World:
    client_of, waits, poll = ports.client_of, ports.waits, ports.poll
    shared = make_shared(client_of, names)
    return World(
        names=names,
        region=region,
        account=client_of("sts").get_caller_identity()["Account"],
        run=uuid.uuid4().hex[:8],
        client_of=client_of,
        deployment=ports.deployment,
        registry=Registry(client_of("ecr"), before_push=ports.before_push),
        inbox=Inbox(client_of("sqs"), shared.queue_url, poll, receive=waits.receive),
        config=write_alerts(ports.folder / "alerts.yml", shared.topic_arn),
        parameters=PARAMETERS,
        waits=waits,
        poll=poll,
        open_page=ports.open_page,
        slow=slow,
    )
