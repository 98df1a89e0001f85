"""The rules of a sync, from alerts.yml and the record of it."""

from lib.config.model import Config
from lib.core.routing import reaches
from lib.core.streams import stream_rules
from lib.core.sync import SyncRules
from lib.core.verdicts import RuleSet
from lib.core.worth_notifying import profile_of
from lib.ports.rules import RulesRecord


def sync_rules(config: Config, record: RulesRecord) -> SyncRules:
    """Return the rules of a sync: alerts.yml, and since when its parts are there."""
    return SyncRules(
        RuleSet(config.routes, config.suppressions, record.hash),
        stream_rules(config.streams, config.routes),
        {
            name: profile_of(destination.type, destination.options, announces=destination.announce)
            for name, destination in config.destinations.items()
        },
        record.installed_at,
        record.destinations_since,
        {
            name: record.routes_since.get(reach, record.routes_since.get(name, record.installed_at))
            for name, reach in reaches(config.routes).items()
        },
        checks_repositories=config.repositories is not None,
    )
