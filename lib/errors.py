"""
The one error tree. Whoever raises picks the narrowest; only the record boundary catches.

    ScanAlertError                  may be tried again?
    +-- ConfigError                 no   wrong alerts.yml or environment
    +-- EventError                  no   breaks its own schema: goes to the dead-letter queue
    +-- DocumentError               no   a document given to the command holds nothing usable
    +-- LinkError                   no   a signed link that has ended, or is none
    +-- SourceError                 yes  AWS throttled, failed or refused while fetching
    |   +-- SourceThrottledError    yes  AWS still wants fewer calls after botocore's own retries
    |   +-- OutOfTimeError          yes  the function ends before all findings are fetched
    |   +-- FindingsNotReadyError   yes  the scan is still running or not registered yet
    |   +-- ImageGoneError          no   the image or its repository does not exist (any more)
    |   +-- NotAnImageError         no   an attestation, a signature: nothing that is scanned
    |   +-- NotAllowedError         no   AWS denies access: the role needs one more permission
    +-- StoreError                  yes  DynamoDB, S3 or SQS refused
    |   +-- ConflictError           yes  somebody saved the same image or stream meanwhile
    +-- DeliveryError               by the class decided in `lib.http_client`
        +-- ThrottledError          yes  not an attempt: the receiver said when to come back
        +-- TemporaryDeliveryError  yes  nothing was accepted
        +-- AmbiguousDeliveryError  yes  the receiver may have accepted it
        +-- PermanentDeliveryError  no   the same request will never be accepted

Each carries `reason`, a short constant word that is a metric dimension. Texts name what to do next
and never carry a secret: URLs of receivers are redacted before they get here.
"""

from collections.abc import Sequence
from typing import ClassVar


class ScanAlertError(Exception):
    """Base of all errors raised on purpose."""

    retryable: ClassVar[bool] = False
    reason: str = "error"

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        super().__init__(message)
        if reason is not None:
            self.reason = reason


class ConfigError(ScanAlertError):
    """The configuration or the environment is wrong; the text says where and what is allowed."""

    reason = "config"


class EventError(ScanAlertError):
    """An event of a kind we handle breaks its schema; the text says at which path."""

    reason = "bad-event"


class DocumentError(ScanAlertError):
    """A document holds nothing that can be normalized; the text says what was looked for."""

    reason = "bad-document"


class LinkError(ScanAlertError):
    """A link to a report does not open; the text says why in words for whoever clicked."""

    reason = "bad-link"


class SourceError(ScanAlertError):
    """Findings could not be fetched this time."""

    retryable = True
    reason = "source"


class SourceThrottledError(SourceError):
    """AWS asks for fewer calls: leave the rest for later."""

    reason = "source-throttled"


class OutOfTimeError(SourceError):
    """The function ends before all findings are fetched; `pages` are those that were."""

    reason = "out-of-time"

    def __init__(self, message: str, *, pages: Sequence[object] = ()) -> None:
        super().__init__(message)
        self.pages = tuple(pages)


class FindingsNotReadyError(SourceError):
    """The scan is pending, running, or not registered yet: ask again later."""

    reason = "not-ready"

    def __init__(
        self,
        message: str,
        *,
        status: str = "PENDING",
        reason: str | None = None,
        partial: object | None = None,
    ) -> None:
        super().__init__(message, reason=reason)
        self.status = status
        """The source's word, or SCAN_NOT_FOUND."""
        self.partial = partial
        """The report as far as it is listed now, where fewer findings are listed than announced."""


class ImageGoneError(SourceError):
    """The image or its repository does not exist any more. Not the same as "resolved"."""

    retryable = False
    reason = "image-deleted"


class NotAnImageError(SourceError):
    """What was pushed is an attestation or a signature beside an image: nobody scans it."""

    retryable = False
    reason = "not-an-image"


class NotAllowedError(SourceError):
    """AWS denies access; the text says to what."""

    retryable = False
    reason = "not-allowed"


class StoreError(ScanAlertError):
    """State, reports or queues could not be read or written."""

    retryable = True
    reason = "store"


class ConflictError(StoreError):
    """The row changed between read and write; evaluating again is safe."""

    reason = "conflict"


class DeliveryError(ScanAlertError):
    """A receiver did not take a message."""

    reason = "delivery"


class ThrottledError(DeliveryError):
    """
    The receiver asks to come back in `retry_after` seconds (None: it did not say).

    `alone`: only with this message; others may go on.
    """

    retryable = True
    reason = "throttled"

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        alone: bool = False,
        reason: str | None = None,
    ) -> None:
        super().__init__(message, reason=reason)
        self.retry_after = retry_after
        self.alone = alone


class TemporaryDeliveryError(DeliveryError):
    """Nothing was accepted; a later attempt may be."""

    retryable = True
    reason = "temporary"


class AmbiguousDeliveryError(DeliveryError):
    """The request was sent in full and no clear answer came back."""

    retryable = True
    reason = "ambiguous"


class PermanentDeliveryError(DeliveryError):
    """
    The receiver refuses this request for good.

    `degradable`: a smaller, plainer one may pass. `broken`: it refuses every request, because a
    credential was revoked or the address is gone. `may_pass`: not for good, as far as its notifier
    knows; see `lib.core.retries.after_refusal`. `answer`: its words, for a notifier that knows
    them.
    """

    reason = "permanent"

    def __init__(
        self,
        message: str,
        *,
        degradable: bool = False,
        broken: bool = False,
        may_pass: bool = False,
        answer: str = "",
        reason: str | None = None,
    ) -> None:
        super().__init__(message, reason=reason)
        self.degradable = degradable
        self.broken = broken
        self.may_pass = may_pass
        self.answer = answer
