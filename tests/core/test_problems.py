"""Scans without a usable result: every status has a reason and a remedy that can be followed."""

import json
import shlex
from dataclasses import replace
from typing import Any

import pytest

from lib.core.problems import cause_of, in_short, problem_of
from lib.models import ChangeKind, Part, ScanSource, UnusableReport
from tests.support.builders import a_scan, an_image
from tests.support.every import every


def unusable(status: str, source: ScanSource = ScanSource.ECR_BASIC, **scan: Any) -> UnusableReport:
    """Return a scan without a result."""
    return UnusableReport(an_image(), a_scan(status=status, source=source, **scan))


KNOWN = [
    "FAILED",
    "UNSUPPORTED_IMAGE",
    "SCAN_ELIGIBILITY_EXPIRED",
    "FINDINGS_UNAVAILABLE",
    "LIMIT_EXCEEDED",
    "IMAGE_ARCHIVED",
    "IMAGE_SIZE_EXCEEDED",
    "PENDING",
    "IN_PROGRESS",
    "SCAN_NOT_FOUND",
    "IMAGE_NOT_FOUND",
    "COMPLETE",
    "ACTIVE",
]


class TestProblemOf:
    """What people read about a scan without a result."""

    def test_only_failed_is_a_failed_scan(self) -> None:
        """FAILED is SCAN_FAILED; every other status without a result is NOT_SCANNED."""
        kinds = {status: problem_of(unusable(status)).kind for status in [*KNOWN, "NEW_ONE"]}

        assert kinds.pop("FAILED") is ChangeKind.SCAN_FAILED
        assert set(kinds.values()) == {ChangeKind.NOT_SCANNED}

    @every("source", list(ScanSource))
    @every("status", [*KNOWN, "NEW_ONE"])
    def test_every_status_has_reason_and_remedy(self, status: str, source: ScanSource) -> None:
        """Every status has a plain reason and a remedy without unfilled places."""
        problem = problem_of(unusable(status, source))

        assert problem.status == status
        assert problem.reason.endswith(".")
        assert problem.remedy
        assert "{region" not in problem.remedy
        assert "{describe" not in problem.remedy

    def test_an_unknown_status_is_not_clean(self) -> None:
        """A status of the future says that nothing is known, and how to look."""
        problem = problem_of(unusable("SOMETHING_NEW"))

        assert "not known here" in problem.reason
        assert "aws ecr describe-image-scan-findings" in problem.remedy

    @pytest.mark.parametrize("source", [ScanSource.ECR_BASIC, ScanSource.ECR_ENHANCED])
    def test_an_image_that_is_not_there_is_not_looked_up(self, source: ScanSource) -> None:
        """No scanner said it, and a question about it would be refused."""
        problem = problem_of(unusable("IMAGE_NOT_FOUND", source, reason="IMAGE_NOT_FOUND"))

        assert problem.reason == "The repository does not have this image, which the index names."
        assert problem.quote == ""
        assert "aws " not in problem.remedy
        assert cause_of("IMAGE_NOT_FOUND linux/arm64", "IMAGE_NOT_FOUND") == "not in the repository"

    def test_what_aws_said_is_kept(self) -> None:
        """The source's own description stands apart from the plain reason, once."""
        problem = problem_of(unusable("FAILED", reason="UnsupportedImageError: scratch"))
        silent = problem_of(unusable("FAILED", reason="status FAILED"))

        assert (problem.quote, silent.quote) == ("UnsupportedImageError: scratch", "")
        assert "scratch" not in problem.reason

    @pytest.mark.parametrize(
        ("words", "reason", "has_signature"),
        [
            ("The operating system and/or package manager are not supported.", "system", False),
            ("The image manifest is not supported.", "kind of manifest", True),
            ("scratch", "operating system, or its kind of manifest", True),
        ],
    )
    @pytest.mark.parametrize("source", [ScanSource.ECR_BASIC, ScanSource.ECR_ENHANCED])
    def test_signatures_are_named_where_it_may_be_one(
        self, source: ScanSource, words: str, reason: str, *, has_signature: bool
    ) -> None:
        """Not where the scanner says that it is an image."""
        problem = problem_of(unusable("UNSUPPORTED_IMAGE", source, reason=words))

        assert reason in problem.reason
        assert ("A signature" in problem.remedy) is has_signature

    @pytest.mark.parametrize(
        ("key", "reason", "words"),
        [
            (
                "UNSUPPORTED_IMAGE windows/amd64",
                "FAILED: UnsupportedImageError: The operating system is not supported",
                "operating system or package manager not supported",
            ),
            ("FAILED", "FAILED: InternalError", ""),
            ("SCAN_NOT_FOUND", "status SCAN_NOT_FOUND", "no scan of it exists"),
            ("SOMETHING_NEW", "status SOMETHING_NEW", "status SOMETHING_NEW"),
        ],
    )
    def test_a_headline_has_the_cause_in_words(self, key: str, reason: str, words: str) -> None:
        """And none where "scan failed" says it all."""
        assert cause_of(key, reason) == words

    def test_the_system_of_an_image_is_found_by_a_command(self) -> None:
        """Whether a scanner supports it is decided by a list that one step links."""
        words = (
            "UnsupportedImageError: The operating system and/or package manager are not supported."
        )
        tagged = problem_of(unusable("FAILED", reason=words))
        image = an_image(tags=())
        untagged, unknown = (
            problem_of(UnusableReport(where, a_scan(status="UNSUPPORTED_SYSTEM")))
            for where in (image, replace(image, account=""))
        )

        steps = tagged.remedy.splitlines()
        registry = "000474600478.dkr.ecr.eu-central-1.amazonaws.com/payments/api"
        assert f"--entrypoint cat {registry}:1.4.1 /etc/os-release` (log in to " in steps[1]
        assert f" {registry}@{image.digest} " in untagged.remedy
        assert " cat IMAGE /etc" in unknown.remedy
        assert [label in steps[2] for label, _ in tagged.pages] == [True, True]
        assert tagged.quote == ""

    def test_a_fetched_reason_begins_with_the_status(self) -> None:
        """And means the same: scanning again would fail again."""
        fetched = problem_of(unusable("FAILED", reason="FAILED: UnsupportedImageError: scratch"))
        bare = problem_of(unusable("FAILED", reason="UnsupportedImageError: scratch"))

        assert fetched.remedy == bare.remedy

    def test_a_failure_for_the_operating_system_is_told_as_one(self) -> None:
        """Basic scanning calls it FAILED; scanning again would fail again."""
        failed = problem_of(unusable("FAILED", reason="UnsupportedImageError: scratch"))
        unsupported = problem_of(unusable("UNSUPPORTED_IMAGE"))

        assert failed.remedy == unsupported.remedy
        assert failed.reason.startswith(unsupported.reason)
        assert failed.kind is ChangeKind.SCAN_FAILED

    def test_the_remedy_can_be_pasted_into_a_shell(self) -> None:
        """Arguments come from events, so they are quoted."""
        image = an_image(repository="a; rm -rf $HOME")
        report = UnusableReport(image, a_scan(status="FINDINGS_UNAVAILABLE"))

        command = problem_of(report).remedy.split("`")[1]

        assert shlex.split(command) == [
            *("aws", "ecr", "start-image-scan", "--region", "eu-central-1"),
            *("--registry-id", "000474600478", "--repository-name", "a; rm -rf $HOME"),
            *("--image-id", f"imageDigest={image.digest}"),
        ]

    def test_enhanced_scans_are_not_started_by_hand(self) -> None:
        """StartImageScan is disabled under enhanced scanning; Inspector's coverage says why."""
        problem = problem_of(unusable("SCAN_NOT_FOUND", ScanSource.ECR_ENHANCED))

        assert "start-image-scan" not in problem.remedy
        command = shlex.split(problem.remedy.split("`")[1])
        assert command[:3] == ["aws", "inspector2", "list-coverage"]
        assert json.loads(command[-1])["ecrRepositoryName"] == [
            {"comparison": "EQUALS", "value": "payments/api"}
        ]

    def test_the_remedy_is_about_an_image(self) -> None:
        """Commands take the digest of a part: an index itself cannot be scanned."""
        part = Part("linux/arm64", "sha256:b", "FAILED", reason="FAILED")

        remedy = problem_of(replace(unusable("FAILED"), parts=(part,))).remedy

        assert "imageDigest=sha256:b`" in remedy


@pytest.mark.parametrize(
    ("key", "reason", "words"),
    [
        ("SCAN_NOT_FOUND", "no scan of it is known", "never scanned"),
        ("UNSUPPORTED_IMAGE windows", "status X", "windows: not supported by the scanner"),
        ("FAILED linux", "FAILED: InternalError", "linux: its scan failed (InternalError)"),
        ("FAILED", "status FAILED", "its scan failed"),
        ("NEW_ONE linux", "NEW_ONE", "linux: NEW_ONE: NEW_ONE"),
    ],
)
def test_lists_of_images_name_a_problem_in_a_few_words(key: str, reason: str, words: str) -> None:
    """A status that is not known here is quoted with its reason."""
    assert in_short(key, reason) == words
