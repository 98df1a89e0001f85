"""What axe-core finds wrong with a page: https://github.com/dequelabs/axe-core (MPL-2.0)."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import Page

_AXE: Final = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
_RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]


def violations(page: "Page") -> list[str]:
    """Return each broken rule with the elements that break it."""
    if not page.evaluate("'axe' in window"):
        # Evaluated by the debugger, so that the page's own policy does not keep it out.
        page.evaluate(_AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        """rules => axe.run({runOnly: {type: 'tag', values: rules}, resultTypes: ['violations']})
        .then(each => each.violations)""",
        _RULES,
    )
    return [
        f"{each['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
        for each in found
        for node in each["nodes"][:3]
    ]
