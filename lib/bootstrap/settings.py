"""The settings of a function: what the deployment says through the environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from lib.errors import ConfigError

if TYPE_CHECKING:
    from lib.urls.signed import SignedLinks


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of a function, as the deployment sets it."""

    environment: Mapping[str, str]

    def need(self, name: str) -> str:
        """Return a variable. Raises `ConfigError` with the name of a missing one."""
        value = self.environment.get(name)
        if not value:
            raise ConfigError(f"The environment variable {name} is not set; deploy serverless.yml")
        return value

    def queue_url(self, name: str) -> str:
        """Return the address of a queue of this function. Raises `ConfigError`."""
        for variable, value in self.environment.items():
            if variable.endswith("_QUEUE_URL") and value.rpartition("/")[2] == name:
                return value
        raise ConfigError(f"This function does not know the queue {name}; deploy serverless.yml")

    @property
    def stage(self) -> str | None:
        """The stage that was deployed; None outside a deployment."""
        return self.environment.get("STAGE") or None

    @property
    def config_place(self) -> tuple[str, str]:
        """The bucket and the key of the published configuration."""
        return self.need("CONFIG_BUCKET"), self.need("CONFIG_KEY")

    @property
    def config_age(self) -> timedelta:
        """The time for which a function uses a configuration without asking for a newer one."""
        return timedelta(seconds=int(self.environment.get("CONFIG_SECONDS", "60")))

    @property
    def config_settled(self) -> timedelta:
        """The age at which every function uses a newly published configuration."""
        return timedelta(seconds=int(self.environment.get("CONFIG_SETTLED_SECONDS", "0")))

    @property
    def reconcile_window(self) -> timedelta:
        """The age up to which reconciliation looks at pushed images."""
        return timedelta(days=int(self.need("RECONCILE_DAYS")))

    @property
    def gather_window(self) -> timedelta:
        """The time for which events about findings of an image are gathered."""
        return timedelta(seconds=int(self.need("GATHER_SECONDS")))

    @property
    def traceability(self) -> bool:
        """Whether the build provenance of images is read."""
        return self.environment.get("TRACEABILITY", "true").strip().lower() == "true"

    @property
    def report_links(self) -> "SignedLinks | None":
        """The signed links to reports; None where there are none."""
        base = self.environment.get("REPORT_LINK_BASE")
        if not base:
            return None
        from lib.urls.signed import SignedLinks

        return SignedLinks(base, timedelta(days=int(self.need("REPORT_LINK_DAYS"))))

    @property
    def asks_ecs(self) -> bool:
        """Whether ECS is asked for the tasks that run an image."""
        return self.environment.get("WORKLOADS") == "ecs"

    @property
    def asks_inspector(self) -> bool:
        """Whether Inspector is asked for the services and workloads that run an image."""
        return self.environment.get("WORKLOADS") == "inspector"

    @property
    def receiver_hosts(self) -> tuple[str, ...]:
        """Hosts that receivers may have beside the hosts of their vendors."""
        hosts = self.environment.get("RECEIVER_HOSTS", "")
        return tuple(host.strip() for host in hosts.split(",") if host.strip())
