"""The headline of a message: how bad it is, and what it is about. Pure."""

from dataclasses import dataclass
from typing import Final

from lib.messages.parts import AlertText
from lib.models import DeliveryId, Image, Notice, Severity
from lib.text import ascii_only, short

_RESOLVED: Final = "RESOLVED"
_INFO: Final = "INFO"
# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
MAX_SUBJECT: Final = 99
_MORE: Final = "; ..."
_NONE: Final = "NONE"


@dataclass(frozen=True, slots=True)
class Headline:
    """The facts about a message, as its subject and filter policies need them."""

    delivery_id: DeliveryId
    image: Image
    tag: str
    """The first word of the subject: how bad it is."""
    ending: str
    """The title after the name of the image."""
    worst: Severity | None
    """The worst severity of what is news; None without any."""
    problem: str | None
    """The kind of a condition that is reported; None without any."""
    kinds: tuple[str, ...]
    routes: tuple[str, ...]

    @property
    def subject(self) -> str:
        """The subject of any length: "payments/api:1.4.2: 2 new CRITICAL", ASCII, one line."""
        title = f"{short(self.image.name, MAX_SUBJECT // 2)}{self.ending}"
        # The title counts by severity; what it says is not said twice.
        words = self.ending.replace(",", " ").replace(";", " ").split()
        tag = "" if self.tag in words else f"[{self.tag}] "
        return f"{tag}{ascii_only(title)}"

    @property
    def severity(self) -> str:
        """The worst severity; UNKNOWN where nothing is known, NONE without any."""
        if self.worst is not None:
            return self.worst.name
        return _NONE if self.problem is None else Severity.UNKNOWN.name


def fitting_subject(subject: str) -> str:
    """Return a subject that fits: whole statements, and a sign that there are more in the mail."""
    if len(subject) <= MAX_SUBJECT:
        return subject
    room = MAX_SUBJECT - len(_MORE)
    whole = subject[: room + 1].rpartition(";")[0]
    return f"{whole}{_MORE}" if whole else f"{subject[: MAX_SUBJECT - 3].rstrip()}..."


def headline_of(notice: Notice, text: AlertText) -> Headline:
    """Return the headline of a notice."""
    delta = notice.message.delta
    kinds = dict.fromkeys(item.kind.value for item in delta.items)
    items = (*delta.after.values(), *(item.item for item in delta.items))
    reported = (item for item in delta.items if item.item.condition and item.desired is not None)
    problem = next((item.kind.value for item in reported), None)
    return Headline(
        notice.delivery_id,
        text.image,
        _tag(text, has_ended=any(part.kind.is_ended for part in text.sections)),
        text.headline.removeprefix(text.name),
        text.worst_news,
        problem,
        tuple(kinds),
        tuple(dict.fromkeys(route for item in items for route in item.routes)),
    )


def _tag(text: AlertText, *, has_ended: bool) -> str:
    if text.worst_news is not None:
        return text.worst_news.name
    if text.problem is not None:
        return text.problem.word.upper()
    return _RESOLVED if has_ended else _INFO
