"""
The error tree. Code raises the narrowest class; only the record boundary catches.

    ScanAlertError                  may be retried?
    +-- ConfigError                 no   wrong alerts.yml or environment
    +-- EventError                  no   breaks its own schema: goes to the dead-letter queue
    +-- DocumentError               no   a document given to the command holds nothing usable
    +-- LinkError                   no   a signed link that has ended, or is none
    +-- SourceError                 yes  AWS throttled, failed or refused while fetching
    |   +-- SourceThrottledError    yes  AWS still wants fewer calls after botocore's own retries
    |   +-- OutOfTimeError          yes  the function ends before all findings are fetched
    |   +-- FindingsNotReadyError   yes  the scan is still running or not registered yet
    |   +-- ImageGoneError          no   the image or its repository does not exist (any more)
    |   |   +-- RepositoryGoneError no   the repository does not exist (any more)
    |   +-- NotAnImageError         no   an attestation, a signature: nothing that is scanned
    |   +-- NotAllowedError         no   AWS denies access: the role needs one more permission
    +-- StoreError                  yes  DynamoDB, S3 or SQS refused
    |   +-- ConflictError           yes  somebody saved the same image or stream meanwhile
    +-- DeliveryError               by the class decided in `lib.http_client`
        +-- ThrottledError          yes  not an attempt: the receiver said when to come back
        +-- TemporaryDeliveryError  yes  nothing was accepted
        +-- AmbiguousDeliveryError  yes  the receiver may have accepted it
        +-- PermanentDeliveryError  no   the same request will never be accepted

Every error has a `reason`, a short constant that is a metric dimension. Texts name the next step
and never hold a secret: URLs of receivers are redacted before.
"""

from collections.abc import Sequence
from typing import ClassVar


class ScanAlertError(Exception):
    """Base class of all errors raised on purpose."""

    retryable: ClassVar[bool] = False
    reason: str = "error"

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        super().__init__(message)
        if reason is not None:
            self.reason = reason


class ConfigError(ScanAlertError):
    """The configuration or the environment is wrong. The text names place and allowed values."""

    reason = "config"


class EventError(ScanAlertError):
    """An event of a supported kind breaks its schema. The text names the path."""

    reason = "bad-event"


class DocumentError(ScanAlertError):
    """A document has nothing to normalize. The text names the supported formats."""

    reason = "bad-document"


class LinkError(ScanAlertError):
    """A link to a report is refused. The text explains the reason to the person who clicked."""

    reason = "bad-link"


class SourceError(ScanAlertError):
    """Findings could not be fetched this time."""

    retryable = True
    reason = "source"


class SourceThrottledError(SourceError):
    """AWS asks for fewer calls. The remaining ones have to wait."""

    reason = "source-throttled"


class OutOfTimeError(SourceError):
    """The function ends before all findings are fetched. `pages` are those fetched so far."""

    reason = "out-of-time"

    def __init__(self, message: str, *, pages: Sequence[object] = ()) -> None:
        super().__init__(message)
        self.pages = tuple(pages)


class FindingsNotReadyError(SourceError):
    """The scan is pending, running or not registered yet. A later attempt may succeed."""

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
        """The status of the scan in the source, or SCAN_NOT_FOUND."""
        self.partial = partial
        """The report with the findings listed so far, if fewer are listed than announced."""


class ImageGoneError(SourceError):
    """The image or its repository does not exist any more. Not the same as "resolved"."""

    retryable = False
    reason = "image-deleted"


class RepositoryGoneError(ImageGoneError):
    """The repository does not exist any more, so none of its images does."""


class NotAnImageError(SourceError):
    """The artifact is an attestation or a signature: it is not scanned."""

    retryable = False
    reason = "not-an-image"


class NotAllowedError(SourceError):
    """AWS denies access. The text names the missing permission."""

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
    """A receiver did not accept a message."""

    reason = "delivery"


class ThrottledError(DeliveryError):
    """
    The receiver asks to wait for `retry_after` seconds (None: for an unknown time).

    With `alone`, the limit applies to this message only.
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
    """The receiver accepted nothing. A later attempt may succeed."""

    retryable = True
    reason = "temporary"


class AmbiguousDeliveryError(DeliveryError):
    """The request was sent completely, without a clear answer."""

    retryable = True
    reason = "ambiguous"


class PermanentDeliveryError(DeliveryError):
    """
    The receiver refuses this request permanently.

    `degradable`: a smaller, plainer request may be accepted. `broken`: the receiver refuses every
    request, because a credential was revoked or the address was deleted. `may_pass`: the refusal
    may not be permanent, see `lib.core.retries.consequence_of`. `answer`: the text of the answer,
    for notifiers that interpret it.
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
