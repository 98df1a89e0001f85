"""The command line of `make acceptance` and `make acceptance-clean`."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from acceptance.account import Poll
from acceptance.deployment import ROOT, Make
from acceptance.outcome import table_of
from acceptance.resources import tagged
from acceptance.session import Ports, Report, accept, check, tidy
from acceptance.settings import Names, SettingsError, Waits, names_of
from acceptance.steps import STEPS
from deploy.account import Account, DeployError, aws_errors, clients_of, identify, session_of

DESCRIPTION: Final = """\
Two stages are deployed, one of which fails; images are pushed to two repositories of the run; all
of that is deleted at the end. The scanning configuration of the registry is read, never changed.
It takes about 40 minutes (with SLOW=1: 110) and costs less than 1 USD. With enhanced scanning,
Amazon Inspector scans three or four images."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the steps or clean up. Exit code 1: a step failed or something is left; 2: not begun."""
    parser = argparse.ArgumentParser(prog="python -m acceptance", description=__doc__)
    parser.add_argument("--stage", default="")
    parser.add_argument("--region", default="")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--slow", action="store_true", help="include the step of 65 minutes")
    parser.add_argument("--clean", action="store_true", help="only delete leftovers of runs")
    options = parser.parse_args(arguments)
    # SIGTERM stops a run as Ctrl-C does, with a clean-up.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if options.clean:
            return _clean_up(options.stage, options.region, yes=options.yes)
        return _accept(options.stage, options.region, yes=options.yes, slow=options.slow)
    except (SettingsError, DeployError) as error:
        print(f"Not begun. {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nStopped. make acceptance-clean deletes what is left.", file=sys.stderr)
    return 2


def _accept(stage: str, region: str, *, yes: bool, slow: bool) -> int:
    names = names_of(stage)
    ports, account = _begin(stage, region)
    with aws_errors("looking for what is there already"):
        check(ports, names)
    _introduce(account, f"stage    {stage}\n\n{DESCRIPTION}\n")
    _confirm("Begin?", yes=yes)
    report = accept(STEPS, ports, names, region=region, slow=slow, say=_say)
    _print(report, names, region, ports.folder)
    return report.exit_code


def _clean_up(stage: str, region: str, *, yes: bool) -> int:
    """Delete leftovers of runs: of one stage, or of all stages with the tag."""
    ports, account = _begin(stage or "all", region)
    with aws_errors("looking for the tag of runs"):
        resources = tagged(ports.client_of, stage or None)
    # Only a run gives its stage this tag, so other stages are never deleted.
    stages = sorted(resources)
    if not stages:
        _say(f"Nothing of {stage or 'any run'} carries the tag of runs in {region}.")
        return 0
    _introduce(account, "\n".join(arn for arns in resources.values() for arn in arns))
    _confirm(f"Delete this and the stages {', '.join(stages)}?", yes=yes)
    with aws_errors("cleaning up"):
        leftovers = [problem for name in stages for problem in tidy(ports, names_of(name), _say)]
    for problem in leftovers:
        _say(f"left: {problem}")
    return int(bool(leftovers))


def _begin(stage: str, region: str) -> tuple[Ports, Account]:
    """Ask AWS for the caller. Raises `SettingsError` and `DeployError`."""
    if not region:
        raise SettingsError("Which region? As in: REGION=eu-central-1")
    session = session_of(region)
    account, waits = identify(session, region), Waits()
    folder = ROOT / ".build" / "acceptance" / stage
    ports = Ports(
        client_of=clients_of(session),
        deployment=Make(region, folder / "make.log"),
        folder=folder,
        waits=waits,
        poll=Poll(waits.poll),
    )
    return ports, account


def _introduce(account: Account, text: str) -> None:
    _say(f"account  {account.number}\nregion   {account.region}\nrole     {account.arn}\n{text}")


def _confirm(question: str, *, yes: bool) -> None:
    """Ask on the terminal. Raises `SettingsError` for any answer but yes."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise SettingsError("Nobody can answer here: add YES=1 to go on unasked.")
    try:
        answer = input(f"{question} [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in {"y", "yes"}:
        raise SettingsError("Nothing was changed.")


def _print(report: Report, names: Names, region: str, folder: Path) -> None:
    Console().print(table_of(report.results))
    for problem in report.left:
        _say(f"left: {problem}")
    if report.left:
        _say(f"Try: make acceptance-clean STAGE={names.stage} REGION={region}")
    if report.stopped:
        _say(f"The run ended early: {report.stopped}")
    _say(f"What make printed: {folder / 'make.log'}")


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
