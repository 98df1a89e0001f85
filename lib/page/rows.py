"""Every vulnerability of a stream as a row of the page's table, open or closed at its source."""

from collections.abc import Mapping, Sequence

from lib.core.vulnerabilities import ByName, places, vulnerabilities_of
from lib.messages.content import Content, severity_of
from lib.messages.inventory import Outcomes, note_cell
from lib.page.findings import Row


def rows(content: Content) -> list[Row]:
    """Return every vulnerability that is known of the watched images, worst first."""
    outcomes = Outcomes(content)
    state = content.state
    since = ByName(
        (id_, (), lifecycle.first_observed_at) for id_, lifecycle in state.lifecycles.items()
    )
    images = _images(content) if len(state.images) > 1 else {}
    made = []
    for group in vulnerabilities_of(state.images):
        listed = [row for row in group.findings if row.open]
        findings = places(listed or group.findings)
        names = dict.fromkeys(
            name for row in listed for name in images.get(row.vulnerability_id, ())
        )
        change, reason = outcomes.of(group, is_open=bool(listed))
        made.append(
            Row(
                group.id,
                group.names[1:],
                severity_of(group) if listed else group.severity,
                findings,
                change,
                reason,
                since.get(group.id, group.names),
                outcomes.left_out(group) if listed else "",
                tuple(names),
                note_cell(findings),
            )
        )
    return made


def _images(content: Content) -> Mapping[str, Sequence[str]]:
    """Return the names of the watched images that list each id as open."""
    names: dict[str, dict[str, None]] = {}
    for watched in content.state.images:
        name = content.name_of(watched.image)
        for part in watched.parts:
            for evidence in part.evidence:
                for finding in evidence.findings:
                    if finding.open:
                        names.setdefault(finding.vulnerability_id, {})[name] = None
    return {id_: tuple(listed) for id_, listed in names.items()}
