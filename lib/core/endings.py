"""
Why a reported item is not desired any more: fixed for certain, or a reason in words. Pure.

RESOLVED is said only of what is proven fixed. Everything else is NO_LONGER_REPORTED.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Final

from lib.core.proof import UNLISTED, Proof, listing_of
from lib.core.routing import BELOW
from lib.core.verdicts import NO_EXPLOIT, NO_FIX, NOT_RUNNING, RuleSet
from lib.core.vulnerabilities import ByName, find
from lib.models.streams import (
    Arrival,
    Departure,
    Lifecycle,
    StreamState,
    VulnerabilityId,
    WatchedImage,
)
from lib.models.views import Agreement, Desired, Kind, ReportedItem

Judgement = tuple[Kind, str]


def unlisted(
    images: Sequence[WatchedImage], departures: Mapping[VulnerabilityId, Departure]
) -> Mapping[VulnerabilityId, Departure]:
    """Return what a scanner lists no more though another image has the same package."""
    if not departures or not images:
        return {}
    proof, watched = Proof(images), {image.image.key for image in images}
    return {
        id_: departure
        for id_, departure in departures.items()
        if departure.closed is None
        and departure.image.key not in watched
        and departure.cause not in _LEFT
        and (proof.doubt(listing_of(departure)) or "").startswith(UNLISTED)
    }


_AT_THE_SOURCE: Final = MappingProxyType(
    {"CLOSED": "closed at the source", "SUPPRESSED": "suppressed at the source"}
)
_FIXED_SETTING: Final = "as it should be now"
_LEFT: Final = MappingProxyType(
    {
        Arrival.DELETION: "was deleted",
        Arrival.ARCHIVING: "was archived",
        Arrival.END: "counts no longer",
        Arrival.DEPLOYMENT: "does not run any more",
        Arrival.RULES: "is in another stream by alerts.yml",
    }
)
"""What became of the image that listed a vulnerability last; else another one followed it."""
_UNWATCHED: Final = "no image is watched any more"


class Endings:
    """What is asked about the items of one view that are not desired any more."""

    def __init__(
        self, state: StreamState, desired: Desired, before: Agreement | None, rules: RuleSet
    ) -> None:
        self._state = state
        self._desired = desired
        self._rules = rules
        self._rules_changed = before is not None and before.rules != rules.hash

    def ending(self, item: ReportedItem) -> Judgement:
        """Return why an item ended."""
        if item.condition is not None:
            words = self._left_out(item, item.id) or "no part is without a result for this reason"
            return Kind.NO_LONGER_REPORTED, words
        id_ = self._open.get(item.id, item.names)
        if id_ is not None:
            words = self._left_out(item, id_) or f"reported as {id_} now"
            return Kind.NO_LONGER_REPORTED, words
        departure = self._departed.get(item.id, item.names)
        if departure is None:
            words = "no scan lists it" if self._state.images else _UNWATCHED
            return Kind.NO_LONGER_REPORTED, words
        return self._departure(departure)

    def _left_out(self, item: ReportedItem, id_: str) -> str | None:
        """Return why the rules leave out what is still open; None where they do not."""
        entry = self._desired.suppressed.get(id_)
        if entry is not None:
            return self._suppressed(entry)
        refusal = self._desired.refused.get(id_)
        if refusal is None:
            return None
        lifecycle = find(self._state.lifecycles, (id_, *self._desired.names.get(id_, ())))
        causes = ", ".join(_causes(item, lifecycle, refusal.split(", ")))
        if causes:
            return f"{causes} ({refusal})"
        return f"the rules changed: {refusal}" if self._rules_changed else refusal

    def _suppressed(self, name: str) -> str:
        entries = (entry for entry in self._rules.suppressions if entry.name == name)
        limits = (f" until {entry.expires}: {entry.reason}" for entry in entries)
        return f"suppressed by {name}{next(limits, '')}"

    def _departure(self, departure: Departure) -> Judgement:
        """Return why something ended that no watched image lists as open."""
        if departure.closed is not None:
            word = departure.closed
            return Kind.NO_LONGER_REPORTED, _AT_THE_SOURCE.get(word, f"{word} at the source")
        if not self._state.images:
            left = self._left(departure)
            return Kind.NO_LONGER_REPORTED, f"{left}, and {_UNWATCHED}" if left else _UNWATCHED
        doubt = self._proof.doubt(listing_of(departure))
        if departure.image.is_repository:
            return (Kind.NO_LONGER_REPORTED, doubt) if doubt else (Kind.RESOLVED, _FIXED_SETTING)
        if self._is_watched(departure):
            words = f"not listed any more for the same image, {departure.image.name}"
            return Kind.NO_LONGER_REPORTED, f"{words}: {doubt or 'the scanner knows better now'}"
        return self._proven(departure) if doubt is None else self._unproven(departure, doubt)

    def _proven(self, departure: Departure) -> Judgement:
        left, image = self._left(departure), self._state.images[0].image.name
        if left is not None:
            return Kind.RESOLVED, f"{left}, and {image} does not have it"
        return Kind.RESOLVED, f"present in {self._name(departure)}, gone in {image}"

    def _unproven(self, departure: Departure, doubt: str) -> Judgement:
        left = self._left(departure)
        if left is None and doubt.startswith(UNLISTED):
            return Kind.NO_LONGER_REPORTED, doubt
        left = left or f"not proven fixed after {self._name(departure)}"
        return Kind.NO_LONGER_REPORTED, f"{left}: {doubt}"

    def _left(self, departure: Departure) -> str | None:
        """Return what became of the image that listed something last; None: it was followed."""
        words = _LEFT.get(departure.cause)
        if departure.image.is_repository and departure.cause is Arrival.RULES:
            return "alerts.yml asks for no checks of repositories"
        return None if words is None else f"{self._name(departure)} {words}"

    def _name(self, departure: Departure) -> str:
        """Return the name of the image that listed something last, beside that of today's."""
        image, images = departure.image, self._state.images
        return image.name_beside(images[0].image) if images else image.name

    def _is_watched(self, departure: Departure) -> bool:
        return any(image.image.key == departure.image.key for image in self._state.images)

    @cached_property
    def _proof(self) -> Proof:
        return Proof(self._state.images)

    @cached_property
    def _open(self) -> ByName[str]:
        return ByName((id_, names, id_) for id_, names in self._desired.names.items())

    @cached_property
    def _departed(self) -> ByName[Departure]:
        departures = self._state.departures.items()
        return ByName((id_, departure.names, departure) for id_, departure in departures)


def _causes(item: ReportedItem, now: Lifecycle | None, refusals: list[str]) -> Iterator[str]:
    """Yield what changed about an item so that a filter leaves it out now."""
    for refusal in refusals:
        if refusal.startswith(BELOW) and now is not None and now.severity < item.severity:
            yield f"lowered from {item.severity.name} to {now.severity.name}"
        if refusal in NO_FIX and item.fixable:
            yield "its fix was withdrawn"
        if refusal == NO_EXPLOIT and item.exploitable:
            yield "no exploit is known any more"
        if refusal in NOT_RUNNING:
            yield "no image that has it is known to run any more"
