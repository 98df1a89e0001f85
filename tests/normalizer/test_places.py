"""Images whose place a document does not name: nothing unknown is written as if it were known."""

import json
import re

import pytest

from lib.exports import EXPORTS
from lib.messages.facts import place
from lib.models import AnyReport, Image
from lib.normalizer.document_parts import NO_PLACE, Place
from lib.normalizer.documents import normalize_document
from tests.support.every import every
from tests.support.shapes import basic_row, page

NOTHING = {"registryId": None, "repositoryName": None, "imageId": None}
HOLES = re.compile(r"\(, |, \)|\.ecr\.\.|:::|//|'' | in $|@$")
"""What is left where a value is empty."""


def a_report(at: Place = NO_PLACE, **fields: object) -> AnyReport:
    """Return the report of a page of basic scanning."""
    (report,) = normalize_document(page(basic_row(), **fields), place=at).reports
    return report


@every("fields", [{}, NOTHING, {"registryId": None}])
@every("at", [NO_PLACE, Place(account="123456789012"), Place(region="eusc-de-east-1")])
def test_no_text_has_a_hole(fields: dict[str, object], at: Place) -> None:
    """Names, facts and addresses are left out where a part of them is not known."""
    report = a_report(at, **fields)

    texts = [report.image.name, *(fact.value for fact in place(report.image))]
    assert [text for text in texts if HOLES.search(text)] == []


@pytest.mark.parametrize("fields", [{}, NOTHING])
def test_no_export_has_half_an_address(fields: dict[str, object]) -> None:
    """An ARN, or the address of a repository, is whole or not there."""
    report = a_report(**fields)

    (event,) = [json.loads(line) for line in EXPORTS["ocsf"]([report]).splitlines()]
    assert "region" not in event["cloud"]
    assert "uid" not in event["resources"][0]
    properties = json.loads(EXPORTS["sarif"]([report]))["runs"][0]["properties"]
    assert properties["imageName"] == report.image.repository


def test_an_image_that_nobody_names_has_a_name() -> None:
    """A slice of an answer has rows alone."""
    assert Image("aws", "", "", "", "").name == "an image without a name"
    assert Image("aws", "", "", "shop/api", "").name == "shop/api"
    assert Image("aws", "", "", "", "", tags=("v1",)).name == "an image without a name:v1"
