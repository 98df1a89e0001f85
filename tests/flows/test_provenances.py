"""Where images are made from: asked once, and never in the way."""

from dataclasses import replace

from lib.errors import SourceError
from lib.flows.provenances import provenance_of, speaking_part
from lib.models import Part, Provenance
from tests.support.builders import a_report
from tests.support.fakes import ScriptedProvenances

STATED = Provenance(commit="1a2b3c4", evidence={"commit": "label"})


def test_an_index_speaks_with_the_first_of_its_images_that_has_a_result() -> None:
    """Without any, with the first."""
    counted = Part("linux/arm64", "sha256:b", "COMPLETE", {})
    parts = (Part("linux/amd64", "sha256:a", "FAILED"), counted)

    assert speaking_part(replace(a_report(), parts=parts)) == "sha256:b"
    assert speaking_part(replace(a_report(), parts=parts[:1])) == "sha256:a"
    assert speaking_part(a_report()) is None


def test_what_an_image_said_is_not_asked_for_again() -> None:
    """Annotations and labels of a digest never change."""
    provenances = ScriptedProvenances(STATED)

    assert provenance_of(a_report(), provenances) == (STATED, None)
    assert provenance_of(a_report(), provenances, stated=STATED) == (STATED, None)
    assert len(provenances.asked) == 1


def test_nobody_is_asked_where_it_is_switched_off() -> None:
    """What was read before stays."""
    assert provenance_of(a_report(), None) == (None, None)
    assert provenance_of(a_report(), None, stated=STATED) == (STATED, None)


def test_an_image_whose_provenance_cannot_be_read_says_why() -> None:
    """Whatever is wrong."""
    error = SourceError("ECR did not answer")

    provenance, reason = provenance_of(a_report(), ScriptedProvenances(error))

    assert provenance is not None
    assert (provenance.unread_reason, reason) == ("ECR did not answer", error)
