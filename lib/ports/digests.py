"""The port of what digests are made of."""

from datetime import datetime
from typing import Protocol

from lib.models.current import DigestBasis


class DigestBases(Protocol):
    """The shares that digests are made of, one basis for each time that digests are due."""

    def put(self, basis: DigestBasis) -> None:
        """Write a basis; one that is not complete over any other such one. Raises `StoreError`."""

    def get(self, until: datetime) -> DigestBasis | None:
        """Return the basis of this time, complete or not; None: none is begun."""

    def before(self, until: datetime) -> DigestBasis | None:
        """Return the last complete basis of an earlier time; None: there is none."""
