"""Upgrades: what removes most of what matters stands first, and versions have an order."""

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.core.upgrades import upgrades, version_key
from lib.models import Finding, Package, Score, Severity
from tests.support.builders import a_finding


def found(number: int, severity: str = "HIGH", *, start: int = 1, **fields: Any) -> list[Finding]:
    """Return findings that differ in their number."""
    return [
        a_finding(f"CVE-2026-{n}", severity=severity, **fields)
        for n in range(start, start + number)
    ]


class TestUpgrades:
    """What to do: packages, from and to, ordered by what it fixes."""

    def test_order_of_packages(self) -> None:
        """A known exploit, then CRITICAL before HIGH, score, name; without a version last."""
        result = upgrades(
            [
                *found(3, "CRITICAL", package="none"),
                *found(5, "HIGH", package="many", fixed_version="2"),
                *found(1, "CRITICAL", package="worst", fixed_version="2"),
                *found(5, "HIGH", package="also", fixed_version="2"),
                *found(5, "HIGH", package="scored", fixed_version="2", score=Score(7.0)),
                *found(1, "LOW", package="known", fixed_version="2", exploit_available="YES"),
            ]
        )

        names = [upgrade.package for upgrade in result]
        assert names == ["known", "worst", "scored", "also", "many", "none"]
        assert [upgrade.fixed for upgrade in result] == [*["2"] * 5, None]

    def test_one_package_is_one_upgrade(self) -> None:
        """The highest fixed version fixes everything; all installed versions are named."""
        result = upgrades(
            [
                a_finding("CVE-1", version="1.10", fixed_version="3.0.9"),
                a_finding("CVE-2", version="1.9", severity="LOW", fixed_version="3.0.14"),
                a_finding("CVE-2", version="1.9", path="other", fixed_version="3.0.2"),
                a_finding("CVE-3", version="1.9", severity="CRITICAL"),
            ]
        )

        assert [(each.installed, each.fixed) for each in result] == [
            (("1.9", "1.10"), "3.0.14"),
            (("1.9",), None),
        ]
        assert result[0].fixes == MappingProxyType({Severity.HIGH: 2, Severity.LOW: 1})
        assert result[0].vulnerability_ids == ("CVE-1", "CVE-2")

    def test_managers_are_kept_apart(self) -> None:
        """A Python and an OS package may share a name."""
        python = replace(a_finding(fixed_version="2"), package=Package("openssl", "1", "PYTHON"))

        result = upgrades([a_finding(fixed_version="3"), python])

        assert {(each.manager, each.fixed) for each in result} == {("OS", "3"), ("PYTHON", "2")}


class TestVersionKey:
    """Versions in the order in which people read them."""

    def test_order(self) -> None:
        """Numbers as numbers, "~" before the end, letters before signs, epochs first."""
        ordered = [
            "1.0~~",
            "1.0~rc1",
            "1.0",
            "1.0a",
            "1.0+b",
            "1.0-1",
            "1.0.1",
            "1.2",
            "1.10",
            "1.10.0",
            "10",
            "1:0.1",
            "2:0",
            "10:0",
        ]

        shuffled = ordered[::2] + ordered[1::2]
        assert sorted(shuffled, key=version_key) == ordered

    def test_absurd_numbers(self) -> None:
        """Thousands of digits are compared, too; `int` would refuse them."""
        assert version_key("9" * 5000) < version_key("1" + "0" * 5000)
        assert version_key("000" + "1" * 10) < version_key("2" * 10)

    @pytest.mark.parametrize("version", ["x" * 5000, "x1" * 2500, "1." * 2500])
    def test_the_key_of_an_absurd_version_is_small(self, version: str) -> None:
        """Thousands are kept: each of them may be as long as a source lets it be."""
        _, runs, text = version_key(version)

        assert text == version
        assert len(runs) <= 50  # type: ignore[arg-type]
        assert all(len(letters) <= 51 for letters, _ in runs)  # type: ignore[attr-defined]
        assert version_key(version) < version_key(f"{version}2")

    @settings(deadline=None)
    @given(st.lists(st.text(max_size=20), max_size=6))
    def test_any_text_can_be_ordered(self, versions: list[str]) -> None:
        """Sources write what they like."""
        keys = {version_key(each): each for each in versions}

        assert [keys[each] for each in sorted(keys)] == sorted(set(versions), key=version_key)

    def test_other_colons_are_no_epoch(self) -> None:
        """Only digits before a colon are one."""
        assert version_key("a:1") > version_key("1")
        assert version_key("²:1") != version_key("2:1")
