"""A digest as JSON: the same one comes back, and the published schema holds."""

import json
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from lib.models import (
    Age,
    DeliveryId,
    Destination,
    Digest,
    Moment,
    OmissionKind,
    PackageDigest,
    RepositoryDigest,
    ResolvedVulnerability,
    Severity,
    StreamId,
    UnscannedImage,
)
from lib.wire.digest import digest_to_json
from tests.support.strategies import IMAGES, TEXT, TIMES, WORDS

SCHEMA = Draft202012Validator(
    json.loads((Path(__file__).parents[2] / "schemas/digest-1.0.0.json").read_text("utf-8"))
)
NUMBER = st.integers(0, 10**6)
COUNTS = st.dictionaries(st.sampled_from(Severity), st.integers(1, 999))
DIGESTS = st.builds(
    Digest,
    delivery_id=TEXT.map(DeliveryId),
    destination=TEXT.map(Destination),
    stream=TEXT.map(StreamId),
    since=TIMES,
    until=TIMES,
    routes=WORDS,
    images=NUMBER,
    clean=NUMBER,
    counts=COUNTS,
    fixable=NUMBER,
    exploitable=NUMBER,
    open_before=COUNTS,
    new=COUNTS,
    resolved=COUNTS,
    resolved_vulnerabilities=st.lists(
        st.builds(ResolvedVulnerability, TEXT, st.sampled_from(Severity), TEXT, NUMBER), max_size=3
    ).map(tuple),
    ages=st.lists(st.builds(Age, TEXT, COUNTS), max_size=3).map(tuple),
    oldest_open_since=st.none() | TIMES,
    repositories=st.lists(
        st.builds(RepositoryDigest, TEXT, TEXT, TEXT, NUMBER, COUNTS, NUMBER, NUMBER), max_size=3
    ).map(tuple),
    trend=st.lists(st.builds(Moment, TIMES, COUNTS), max_size=3).map(tuple),
    unscanned=st.lists(st.builds(UnscannedImage, IMAGES, TEXT, st.booleans()), max_size=3).map(
        tuple
    ),
    warnings=WORDS,
    packages=st.lists(
        st.builds(
            PackageDigest,
            TEXT,
            COUNTS,
            st.booleans(),
            st.lists(IMAGES, max_size=3).map(tuple),
            TEXT,
            WORDS,
            st.none() | TEXT,
            NUMBER,
        ),
        max_size=3,
    ).map(tuple),
    omitted=st.dictionaries(st.sampled_from(OmissionKind), COUNTS),
    occasion=TEXT,
)


@given(DIGESTS)
def test_a_digest_is_written_as_its_schema_says(digest: Digest) -> None:
    """What was attempted is no part of it."""
    document = json.loads(json.dumps(digest_to_json(digest)))

    assert not list(SCHEMA.iter_errors(document))
    assert digest_to_json(replace(digest, attempt=3, possible_repeat=True)) == digest_to_json(
        digest
    )
