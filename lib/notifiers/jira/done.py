"""When an issue is done, and who closes it then. Pure."""

from lib.messages.parts import AlertText
from lib.messages.titles import (
    CLOSED_BY_HAND,
    CLOSED_BY_ITSELF,
    CLOSED_IF_CLEAR,
    CLOSED_UNSEEN,
    DONE_WHEN,
    DONE_WHEN_BOTH,
    DONE_WHEN_CHECKED,
    DONE_WHEN_ONE,
    DONE_WHEN_PATCHED,
    DONE_WHEN_SCANNED,
    EACH_RISK,
    ITS_RISK,
    STAYS_CLOSED,
)
from lib.text import short


def done_when(text: AlertText, *, reopen: bool, close: bool) -> str:
    """
    Return when an issue is done, and who closes it; empty where its steps say that.

    `reopen`, `close`: the options of the destination.
    """
    if text.problem is not None and not (text.total or text.sections):
        when = DONE_WHEN_CHECKED if text.image.is_repository else DONE_WHEN_SCANNED
        end = CLOSED_IF_CLEAR if close else CLOSED_BY_HAND
        return f"{when.format(name=short(text.image.repository))}. {end}."
    if not text.open.count or text.image.is_repository:
        return ""
    is_one = text.open.count == 1
    if not text.to_do.hosts:
        when = (DONE_WHEN_ONE if is_one else DONE_WHEN).format(number=f"{text.open.count:,}")
        return f"{when}. {CLOSED_BY_ITSELF if close else CLOSED_BY_HAND}."
    has_others = text.to_do.upgrade_count or text.to_do.unversioned_count
    when = DONE_WHEN_BOTH if has_others else DONE_WHEN_PATCHED
    end = f" {STAYS_CLOSED}." if reopen else ""
    return f"{when.format(risk=ITS_RISK if is_one else EACH_RISK)}. {CLOSED_UNSEEN}.{end}"
