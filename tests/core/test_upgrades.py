"""Where a finding is mended: in the base image, or in one's own dependencies."""

from dataclasses import replace

import pytest

from lib.core.upgrades import origins, upgrades
from lib.models import Finding, Origin
from tests.support.builders import a_finding


def of(manager: str | None, *, layer: str | None = None, path: str | None = None) -> Finding:
    found = a_finding(package=f"{manager} {layer}", path=path)
    return replace(found, package=replace(found.package, manager=manager, layer=layer))


@pytest.mark.parametrize(
    ("finding", "origin"),
    [
        (of("OS"), Origin.BASE_IMAGE),
        (of(None), Origin.BASE_IMAGE),
        (of("PIP", path="app/METADATA"), Origin.DEPENDENCY),
        (of("GOBINARY"), Origin.DEPENDENCY),
        (of(None, path="app/thing"), Origin.UNKNOWN),
    ],
)
def test_the_package_manager_tells(finding: Finding, origin: Origin) -> None:
    """Packages of the distribution come with the base image; basic scanning lists no others."""
    assert origins([finding])(finding) is origin


def test_what_stands_in_the_layer_of_the_distribution_came_with_it() -> None:
    """A Python image brings its own pip; what the application adds is in another layer."""
    inherited, own = of("PIP", layer="base"), of("PIP", layer="app")
    origin = origins([of("OS", layer="base"), of("OS", layer="base"), inherited, own])

    assert (origin(inherited), origin(own)) == (Origin.BASE_IMAGE, Origin.DEPENDENCY)


def test_an_image_of_one_layer_does_not_tell() -> None:
    """Whatever was added stands beside what was there."""
    own = of("PIP", layer="all")

    assert origins([of("OS", layer="all"), own])(own) is Origin.DEPENDENCY


def test_layers_without_a_majority_do_not_tell() -> None:
    """Half of the distribution's packages here, half there: neither is the base image."""
    own = of("PIP", layer="two")

    assert origins([of("OS", layer="one"), of("OS", layer="two"), own])(own) is Origin.DEPENDENCY


def test_a_package_in_both_places_is_two_upgrades() -> None:
    """Each is made in its own place."""
    one = replace(of("PIP", layer="base"), fixed_version="2")
    two = replace(one, package=replace(one.package, layer="app"))

    found = upgrades([of("OS", layer="base"), one, two])

    assert [each.origin for each in found if each.fixed] == [Origin.BASE_IMAGE, Origin.DEPENDENCY]
