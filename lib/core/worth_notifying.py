"""
What is worth a message: which kinds, by route and type of destination; what is kept current. Pure.

`lib.core.notification_rows` opens the message, `lib.core.verdicts` says who gets it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import Final

from lib.core.routing import Route
from lib.models import Json
from lib.models.immutable import immutable
from lib.models.views import Kind, ReportedItem

_NO_NEWS: Final = frozenset({Kind.UNCHANGED, Kind.NO_LONGER_REPORTED, Kind.MONITORING_ENDED})
_NO_INCIDENT: Final = frozenset({Kind.BASELINE, Kind.FIX_READY})
_EVERY_KIND: Final = frozenset(Kind)


@immutable(frozen=True, slots=True)
class Profile:
    """How a destination treats notifications."""

    kinds: frozenset[Kind] = _EVERY_KIND - _NO_NEWS
    """Worth a message where a route does not say."""
    keeps_current: bool = False
    """It shows something that can be brought up to date without a message."""
    is_program: bool = False
    """It keeps a state of its own, so that it needs everything that differs."""
    conditions_beside_results: bool = True
    """False: conditions are news only while no part of the current image has a usable result."""
    announces: bool = False
    """It is notified of each stream that is older than it, instead of one summary."""

    @property
    def folds(self) -> bool:
        """Whether a change of alerts.yml in many streams is one summary: people read it."""
        return not (self.announces or self.is_program) and self.conditions_beside_results


_READER: Final = Profile()
_KEEPER: Final = Profile(keeps_current=True)
_INCIDENTS: Final = Profile(
    _EVERY_KIND - _NO_NEWS - _NO_INCIDENT, keeps_current=True, conditions_beside_results=False
)
_PROGRAM: Final = Profile(_EVERY_KIND - {Kind.UNCHANGED}, is_program=True)

PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        "jira": _KEEPER,
        "pagerduty": _INCIDENTS,
        "slack": _READER,
        "sns": _READER,
        "webhook": _PROGRAM,
    }
)
"""By the type of a destination, where its options do not make it another."""


def profile_of(type_: str, options: Mapping[str, Json], *, announces: bool = False) -> Profile:
    """
    Return the profile of a destination of alerts.yml, by its type and options.

    `announces`: it is notified of each stream that is older than it.

    A Slack bot can edit its messages, a Slack webhook cannot. SNS in the formats json and ocsf, and
    destinations of type webhook, are read by programs.
    """
    return replace(_by_type(type_, options), announces=announces)


def _by_type(type_: str, options: Mapping[str, Json]) -> Profile:
    if type_ == "slack" and "token" in options:
        return _KEEPER
    if type_ == "sns" and options.get("format") in ("json", "ocsf"):
        return _PROGRAM
    return PROFILES.get(type_, _READER)


class Interests:
    """Which kinds are worth a message to one destination, by the routes that lead there."""

    def __init__(self, routes: Sequence[Route], profile: Profile) -> None:
        self._routes = routes
        self._profile = profile

    @cached_property
    def _default(self) -> frozenset[str]:
        return frozenset(kind.value for kind in self._profile.kinds)

    @cached_property
    def _by_route(self) -> Mapping[str, frozenset[str]]:
        """Read only where something differs, which is seldom."""
        return {
            route.name: frozenset(kind.value for kind in route.filter.kinds)
            for route in self._routes
            if route.filter.kinds
        }

    def ask_for(self, kind: Kind, *items: ReportedItem | None) -> bool:
        """
        Whether a kind is worth a message for any route that desires an item, or desired it.

        A route that is not there any more asks for what is news by default.
        """
        routes = {route for item in items if item is not None for route in item.routes}
        return any(
            kind.value in self._by_route.get(route, self._default) for route in routes or ("",)
        )
