"""
The data that all rooms share, and the words for it: one word for each thing.

    image            one digest in a repository of an account and region; an index is one image
    part             the member of an index for one platform
    scan report      what a scanner lists for an image: `Report`, or `UnusableReport` and its reason
    finding          one vulnerability in one package of an image: `Finding`
    vulnerability    one id with its aliases: the unit that is counted, compared and notified
    stream           the images that a set of tags has pointed to, one after the other
    current image    the image that the stream's last pushed tag points to
    watched images   the current image, and older images that still run
    route            a rule of alerts.yml: which images, which changes, which destinations
    suppression      a dated entry of alerts.yml that excludes findings: `Suppressed`
    receiver         a service such as Slack or Jira; one notifier renders and sends for each kind
    destination      a receiver with the options that alerts.yml gives it: `Destination`
    notice, digest   the neutral content of a message to a destination: `Notice`, `Digest`
    receipt          the proof that a receiver accepted a message: `Receipt`
    view             the items of a stream that a destination has been notified of
    notification     a change of a view on its way to its destination

People are notified. Messages are sent, skipped or resumed. Findings are new, unchanged, suppressed
or resolved; images and rows are missing or deleted. Settings are fixed, and their remedy is a
command.

Data are immutable dataclasses with slots (`lib.models.immutable`), sequences are tuples, times are
in UTC.
"""

from lib.models.deliveries import (
    LONG_ANSWER,
    SHORT_ANSWER,
    AskAgain,
    CannotTell,
    DeliveryCheck,
    Filter,
    HttpAnswer,
    NotClaimed,
    NotReceived,
    Page,
    Pause,
    PauseKind,
    Upload,
    Usage,
    WakeUp,
)
from lib.models.evaluations import (
    Basis,
    BasisKind,
    ChangeKind,
    ScanProblem,
    Suppressed,
)
from lib.models.events import (
    Event,
    FindingEvent,
    IgnoredEvent,
    PushEvent,
    Removal,
    RemovalEvent,
    RepositoryEvent,
    ScanEvent,
)
from lib.models.messages import (
    Age,
    Content,
    Digest,
    Message,
    Moment,
    Notice,
    Omission,
    OmissionKind,
    Omitted,
    Origin,
    OtherFixes,
    Owner,
    PackageDigest,
    RemainingFixes,
    RepositoryDigest,
    ResolvedVulnerability,
    Unknown,
    UnlistedVulnerability,
    UnscannedImage,
    Upgrade,
    dispatch_of,
    notice_of,
)
from lib.models.names import (
    Counts,
    DeliveryId,
    Destination,
    Json,
    Severity,
    StreamId,
)
from lib.models.receipts import Receipt
from lib.models.repositories import (
    CreationTemplate,
    NameFilter,
    PullThroughCache,
    Refusal,
    RepositorySettings,
    RunningImage,
    ScanningRule,
    StoredImage,
    TagTarget,
    is_template,
)
from lib.models.scans import (
    AnyReport,
    Deployments,
    Doubt,
    Finding,
    FindingId,
    Image,
    ImageIndex,
    LastScan,
    Member,
    Package,
    Part,
    Provenance,
    Report,
    SameReport,
    Scan,
    ScanProgress,
    ScanSource,
    Score,
    UnusableReport,
    Workload,
)

__all__ = [
    "LONG_ANSWER",
    "SHORT_ANSWER",
    "Age",
    "AnyReport",
    "AskAgain",
    "Basis",
    "BasisKind",
    "CannotTell",
    "ChangeKind",
    "Content",
    "Counts",
    "CreationTemplate",
    "DeliveryCheck",
    "DeliveryId",
    "Deployments",
    "Destination",
    "Digest",
    "Doubt",
    "Event",
    "Filter",
    "Finding",
    "FindingEvent",
    "FindingId",
    "HttpAnswer",
    "IgnoredEvent",
    "Image",
    "ImageIndex",
    "Json",
    "LastScan",
    "Member",
    "Message",
    "Moment",
    "NameFilter",
    "NotClaimed",
    "NotReceived",
    "Notice",
    "Omission",
    "OmissionKind",
    "Omitted",
    "Origin",
    "OtherFixes",
    "Owner",
    "Package",
    "PackageDigest",
    "Page",
    "Part",
    "Pause",
    "PauseKind",
    "Provenance",
    "PullThroughCache",
    "PushEvent",
    "Receipt",
    "Refusal",
    "RemainingFixes",
    "Removal",
    "RemovalEvent",
    "Report",
    "RepositoryDigest",
    "RepositoryEvent",
    "RepositorySettings",
    "ResolvedVulnerability",
    "RunningImage",
    "SameReport",
    "Scan",
    "ScanEvent",
    "ScanProblem",
    "ScanProgress",
    "ScanSource",
    "ScanningRule",
    "Score",
    "Severity",
    "StoredImage",
    "StreamId",
    "Suppressed",
    "TagTarget",
    "Unknown",
    "UnlistedVulnerability",
    "UnscannedImage",
    "UnusableReport",
    "Upgrade",
    "Upload",
    "Usage",
    "WakeUp",
    "Workload",
    "dispatch_of",
    "is_template",
    "notice_of",
]
