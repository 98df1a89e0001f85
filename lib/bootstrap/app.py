"""The objects of a process, as handlers use them: the adapters, and the flows made from them."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from lib.bootstrap.adapters import Adapters
from lib.observability import logger

if TYPE_CHECKING:
    from lib.bootstrap.streams import StreamFlows
    from lib.flows.audit import Audit
    from lib.models import Destination
    from lib.models.diagnostics import Check
    from lib.ports.notifiers import DestinationTest


class App(Adapters):
    """The objects of a process."""

    def refresh_config(self, *, at_once: bool = False) -> None:
        """
        Follow a newly published configuration, for the invocation that begins.

        Objects that were made from the one before are made anew.
        """
        if "CONFIG_BUCKET" not in self._settings.environment:
            return
        if self._live_config.refresh(at_once=at_once):
            vars(self).pop("streams", None)
            logger.info("configuration changed", config=self.config.hash)

    def keep_config(self) -> None:
        """Keep the published configuration in force for processes that find a broken one."""
        if "CONFIG_BUCKET" in self._settings.environment:
            self._live_config.keep_copy()

    @cached_property
    def streams(self) -> "StreamFlows":
        """The flows about images, streams and notifications."""
        from lib.bootstrap.streams import StreamFlows

        return StreamFlows(self, self._settings)

    @property
    def audit(self) -> "Audit":
        """The flow of `audit_repositories`."""
        from lib.flows.audit import Audit

        return Audit(source=self.repositories, events=self.stores.scan_events, now=self.now)

    def test_destination(
        self, destination: "Destination", test: "DestinationTest"
    ) -> "Sequence[Check]":
        """
        Test a destination in the way that `deliver` reaches it. No row is changed.

        Secrets are read again, so that a changed secret is used at once. Raises `ConfigError` for
        a destination that is not in alerts.yml.
        """
        from lib.flows.destination_test import run

        self.stores.secrets.renew()
        return run(self.notifier(destination), test)
