"""How long the result of a scan is waited for, and when it is looked for again. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from lib.core.evidence import NOT_FOUND, PARTIAL_PATIENCE
from lib.errors import FindingsNotReadyError
from lib.models import ScanEvent, UnusableReport

NOT_READY_HORIZON: Final = timedelta(hours=1)
"""A scan that has no result by then is reported as not scanned."""
_MINUTES: Final = NOT_READY_HORIZON // timedelta(minutes=1)
_REVISIT_DELAYS: Final = ((30, 30), (90, 60), (210, 120), (510, 300))
"""Seconds: up to which age of a pending scan the next look follows after how long."""
_LAST_DELAY: Final = 900
"""Seconds: the longest that SQS delays a message."""


def revisit_delay(age: timedelta) -> int:
    """
    Return the seconds until a pending scan of this age is looked at again: 30 s to 15 min.

    The last look comes at the horizon, after at most eight delays. Lambda counts the invocations
    of one chain of messages and may stop the chain at 16:
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
    """
    seconds = age.total_seconds()
    delay = next((delay for until, delay in _REVISIT_DELAYS if seconds < until), _LAST_DELAY)
    left = NOT_READY_HORIZON.total_seconds() - seconds
    return int(min(delay, max(left, _REVISIT_DELAYS[0][1])))


def is_over(
    error: FindingsNotReadyError, *, announced_at: datetime, known_since: datetime, now: datetime
) -> bool:
    """
    Return whether the result of a scan is waited for no longer.

    `announced_at`: since when a result is expected. `known_since`: since when the image is there.
    A scan that ECR knows nothing of is waited for since then: nothing scans an old image because
    somebody looks at it.
    """
    if error.partial is not None:
        return now - announced_at >= PARTIAL_PATIENCE
    since = min(announced_at, known_since) if error.status == NOT_FOUND else announced_at
    return now - since >= NOT_READY_HORIZON


def never_ready(event: ScanEvent, error: FindingsNotReadyError) -> UnusableReport:
    """Return the report of a scan that never had a result."""
    reason = f"no result after {_MINUTES} minutes: {error}"
    if error.status == NOT_FOUND:
        reason = f"ECR knows no scan of it, {_MINUTES} minutes or more after its push"
    return UnusableReport(event.image, replace(event.scan, status=error.status, reason=reason))
