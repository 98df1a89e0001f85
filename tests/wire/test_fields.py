"""Every field of a model is in the published documents, or on a list of those that are not."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pytest

from lib.models import Finding, Image, Package, Part, Provenance, Scan, Score, Workload
from lib.wire.fields import Mapper, fields_of
from lib.wire.report import (
    IMAGE_RARE,
    NOT_WRITTEN,
    RARE,
    image_to_json,
    report_from_json,
    report_to_json,
)
from tests.support.builders import a_finding, a_report, an_image
from tests.support.documents import schema
from tests.support.every import every

REPORT: Mapping[str, Any] = schema("report-1.0.0.json")["properties"]
FINDING: Mapping[str, Any] = schema("finding-1.0.0.json")["properties"]
ALERT: Mapping[str, Any] = schema("alert-1.0.0.json")["properties"]
ONLY_WRITTEN = {"usable": "whether the report is a `Report` or an `UnusableReport`"}
"""Names in a scan that are no field of the model, with the reason."""


@dataclass(frozen=True)
class Described:
    """A model, and the schema of its objects."""

    model: type
    schema: Mapping[str, Any]
    place: str
    only_written: tuple[str, ...] = ()
    not_written: tuple[str, ...] = ()
    rare: tuple[str, ...] = ()


MODELS = (
    Described(Finding, schema("finding-1.0.0.json"), "schemas/finding-1.0.0.json", rare=RARE),
    Described(Package, FINDING["package"], "package in schemas/finding-1.0.0.json"),
    Described(Score, FINDING["score"]["anyOf"][1], "score in schemas/finding-1.0.0.json"),
    Described(
        Image,
        REPORT["image"],
        "image in schemas/report-1.0.0.json",
        not_written=tuple(NOT_WRITTEN),
        rare=IMAGE_RARE,
    ),
    Described(
        Scan,
        REPORT["scan"],
        "scan in schemas/report-1.0.0.json",
        only_written=tuple(ONLY_WRITTEN),
    ),
    Described(Part, REPORT["parts"]["items"], "parts in schemas/report-1.0.0.json"),
    Described(Provenance, REPORT["provenance"], "provenance in schemas/report-1.0.0.json"),
    Described(
        Workload,
        ALERT["workloads"]["additionalProperties"]["items"],
        "workloads in schemas/alert-1.0.0.json",
    ),
)
FIELDS = [
    pytest.param(described, field.name, id=f"{described.model.__name__}.{field.name}")
    for described in MODELS
    for field in dataclasses.fields(described.model)
]


@every(("described", "name"), FIELDS)
def test_a_field_is_in_the_schema(described: Described, name: str) -> None:
    """Written by its type, and described by hand. A field that no document has is listed."""
    if name in described.not_written:
        assert name not in described.schema["properties"]
        return

    assert name in described.schema["properties"], (
        f"{described.model.__name__}.{name} is not described: {described.place}"
    )
    assert (name in described.schema["required"]) is (name not in described.rare), (
        f"{described.place}: {name} is required unless it is in RARE of lib/wire/report.py"
    )


@every("described", MODELS, ids=lambda described: described.model.__name__)
def test_the_schema_has_no_other_field(described: Described) -> None:
    """What is described is written."""
    names = {field.name for field in dataclasses.fields(described.model)} | set(
        described.only_written
    )

    assert set(described.schema["properties"]) <= names


def test_a_new_field_needs_no_line() -> None:
    """It is written and read by its type."""

    @dataclass(frozen=True)
    class Model:
        name: str
        tags: tuple[str, ...] = ()
        notes: Mapping[str, str] = dataclasses.field(default_factory=lambda: MappingProxyType({}))

    mapper = Mapper(Model, fields_of(Model), rare=("notes",))

    assert mapper.to_json(Model("a", ("x",))) == {"name": "a", "tags": ["x"]}
    assert mapper.from_json({"name": "a", "notes": {"x": "y"}}) == Model("a", (), {"x": "y"})


def test_a_type_without_json_is_refused_by_the_name_of_its_field() -> None:
    """The message says what to do."""

    @dataclass(frozen=True)
    class Model:
        name: str
        children: frozenset[str]

    with pytest.raises(TypeError, match=r"Model\.children .*frozenset.* lib/wire/fields\.py"):
        fields_of(Model)


@pytest.mark.parametrize("name", ["vulnerability_id", "package", "severity"])
def test_a_document_without_an_identity_is_refused(name: str) -> None:
    """There is no default for it."""
    document = report_to_json(a_report(a_finding()))
    del document["findings"][0][name]

    with pytest.raises(KeyError, match=name):
        report_from_json(document)


def test_a_document_of_before_a_field_is_read() -> None:
    """What was stored earlier lacks the field, which then has its default."""
    report = a_report(a_finding())
    document = report_to_json(report)
    for name in ("aliases", "epss", "score"):
        del document["findings"][0][name]

    assert report_from_json(document) == report


@pytest.mark.parametrize("name", NOT_WRITTEN)
def test_a_field_that_is_not_written_has_a_reason(name: str) -> None:
    """And exists."""
    assert hasattr(an_image(), name)
    assert name not in image_to_json(an_image())
    assert NOT_WRITTEN[name]
