"""Vulnerabilities that a description calls disputed, and by whom."""

from dataclasses import replace

import pytest

from lib.core.disputes import Dispute, dispute_of
from lib.models import Finding
from tests.support.builders import a_finding


def a_row(description: str | None) -> Finding:
    return replace(a_finding(), description=description)


@pytest.mark.parametrize(
    ("description", "dispute"),
    [
        (
            "A flaw. NOTE: the vendor and discoverer indicate that this is not a security issue.",
            Dispute.VENDOR,
        ),
        ("** DISPUTED ** A flaw. NOTE: the vendor disputes the significance.", Dispute.VENDOR),
        (
            "A flaw. NOTE: the vendor's position is that this is not a vulnerability.",
            Dispute.VENDOR,
        ),
        ("A flaw. NOTE: the maintainer does not consider this a vulnerability.", Dispute.VENDOR),
        ("A flaw. NOTE: this is disputed by the vendor.", Dispute.VENDOR),
        ("** DISPUTED ** A flaw in the parser.", Dispute.SOMEBODY),
        ("A flaw. NOTE: multiple third parties dispute this report.", Dispute.SOMEBODY),
        ("The vendor was contacted, and did not fix this vulnerability.", None),
        ("The vendor is not aware of an exploit of this issue.", None),
        ("A flaw in the handling of indisputable input.", None),
        (None, None),
    ],
)
def test_a_dispute_is_read_from_the_description(
    description: str | None, dispute: Dispute | None
) -> None:
    assert dispute_of((a_row(description),)) is dispute


def test_one_row_that_says_so_is_enough() -> None:
    rows = (a_row("A flaw."), a_row("** DISPUTED ** A flaw."))
    assert dispute_of(rows) is Dispute.SOMEBODY
