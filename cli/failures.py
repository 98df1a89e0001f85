"""Whatever stops a command becomes one sentence on stderr and an exit code."""

import argparse
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cli.aws_errors import Caller, explain
from cli.parser import ROOT, USAGE_ERROR
from cli.terminal import complain, print_error
from lib.errors import ConfigError, ScanAlertError

INTERRUPTED: Final = 130


def guarded(run: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    """
    Run a parsed command and return its exit code.

    Effects: whatever stops it becomes a sentence on stderr and exit code 2; --verbose adds the
    trace. A reader who left early (head, less) is no error.
    """
    if sys.stdout is None:
        complain("stdout is closed: there is nowhere to write to")
        return USAGE_ERROR
    try:
        return _run(run, options)
    except KeyboardInterrupt:
        _drop_output()
        return INTERRUPTED
    except BrokenPipeError:
        _drop_output()
        return 0
    except Exception as error:  # noqa: BLE001  # the boundary: no command ends in a trace
        return _failed(error, options)


def _run(run: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    try:
        code = run(options)
    except SystemExit:
        sys.stdout.flush()
        raise
    # A full disk or a reader who left must be noticed here, not at exit.
    sys.stdout.flush()
    return code


def _failed(error: Exception, options: argparse.Namespace) -> int:
    _finish_output()
    verbose = bool(getattr(options, "verbose", False))
    if verbose:
        print_error("".join(traceback.format_exception(error)).rstrip())
    complain(*sentences(error, _caller(options), verbose=verbose))
    return USAGE_ERROR


def sentences(error: Exception, caller: Caller, *, verbose: bool = False) -> tuple[str, ...]:
    """Return what to say about an error: one sentence, or one for each mistake in a file."""
    from_aws = explain(error, caller)
    if from_aws is not None:
        return (from_aws,)
    match error:
        case ConfigError():
            return tuple(str(error).split("\n"))
        case ScanAlertError():
            return (str(error),)
        case OSError():
            return (_io(error),)
        case MemoryError():
            return ("there is not enough memory for this; split the document",)
        case _:
            return (_unexpected(error, verbose=verbose),)


def _io(error: OSError) -> str:
    reason = error.strerror or type(error).__name__
    if error.filename is None:
        return f"cannot read or write: {reason}"
    name = os.fsdecode(error.filename) if isinstance(error.filename, bytes) else error.filename
    return f"{name}: {reason}"


def _unexpected(error: Exception, *, verbose: bool) -> str:
    """Name the error and its place; its text may hold anything."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(ROOT)]
    at = f" at {Path(ours[-1].filename).relative_to(ROOT)}:{ours[-1].lineno}" if ours else ""
    how = "the trace above" if verbose else "what it prints with -v"
    return (
        f"unexpected {type(error).__name__}{at}: this is a bug. Please report it with {how} in the "
        "issues of ecr-scan-alerts"
    )


def _caller(options: argparse.Namespace) -> Caller:
    profile = getattr(options, "profile", None) or os.environ.get("AWS_PROFILE")
    region, stage = getattr(options, "region", None), getattr(options, "stage", None)
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    return Caller(profile=profile, region=region, stage=stage, endpoint=endpoint)


def _finish_output() -> None:
    """Write what was printed before the error; where that fails, too, it is dropped."""
    try:
        sys.stdout.flush()
    except OSError:
        _drop_output()


def _drop_output() -> None:
    """Send the rest of stdout nowhere: it would fail again at exit, with a trace."""
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):
        return
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
