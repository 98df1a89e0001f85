"""Rows of enhanced scans in ECR."""

from lib.models import Score
from lib.normalizer.ecr_enhanced import findings
from tests.support.shapes import inspector_row


def test_score_is_read_under_ecrs_names() -> None:
    """ECR writes `score` and `scoreDetails.cvss`."""
    row = inspector_row(
        score=8.1,
        scoreDetails={
            "cvss": {
                "score": 8.1,
                "scoreSource": "NVD",
                "scoringVector": "CVSS:3.1/AV:L",
                "version": "3.1",
            }
        },
    )

    (found,) = findings(row)

    assert found.score == Score(8.1, "3.1", "CVSS:3.1/AV:L", "NVD")


def test_score_without_details_is_explained_by_the_list() -> None:
    """A bare score takes version and source from the entry with the same value."""
    row = inspector_row(
        score=7.5,
        details={
            "cvss": [{"baseScore": 7.5, "scoringVector": "", "source": "NVD", "version": "3.1"}]
        },
    )

    (found,) = findings(row)

    assert found.score == Score(7.5, "3.1", None, "NVD")
    assert "other_scores" not in found.extra


def test_zero_without_details_is_no_score() -> None:
    """UNTRIAGED findings have a score of 0.0, which means none."""
    (found,) = findings(inspector_row(severity="UNTRIAGED", score=0.0))

    assert found.score is None
