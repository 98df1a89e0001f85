"""Which ids are one vulnerability, by what they name."""

from hypothesis import given
from hypothesis import strategies as st

from lib.core.aliases import joined

IDS = st.sampled_from(["CVE-1", "CVE-2", "CVE-3", "GHSA-A", "GHSA-B", "SNYK-X", "USN-1"])
ALIASES = st.dictionaries(IDS, st.sets(IDS, max_size=4), max_size=7)


def names(aliases: dict[str, set[str]]) -> list[tuple[str, ...]]:
    """Return the names of each vulnerability, for what each id names."""
    return sorted(found for _, found in joined(aliases))


def test_ids_that_name_each_other_are_one_shown_by_the_cve() -> None:
    """Whatever the order."""
    assert names({"GHSA-A": {"CVE-2"}, "CVE-2": {"GHSA-A"}}) == [("CVE-2", "GHSA-A")]


def test_an_id_that_nothing_else_names_joins_the_one_that_names_it() -> None:
    """One direction is enough where it is exclusive."""
    assert names({"GHSA-A": {"CVE-2"}, "CVE-2": set()}) == [("CVE-2", "GHSA-A")]
    assert names({"CVE-2": {"SNYK-X"}, "SNYK-X": set()}) == [("CVE-2", "SNYK-X")]


def test_an_id_names_itself_in_vain() -> None:
    """Sources list the id among its own aliases."""
    assert names({"CVE-1": {"CVE-1"}}) == [("CVE-1",)]
    assert names({"CVE-1": {"USN-1"}, "USN-1": {"USN-1"}}) == [("CVE-1", "USN-1")]


def test_an_advisory_that_several_ids_name_joins_nothing() -> None:
    """USN-1 fixes both, and neither of them is the other."""
    named = {"CVE-1": {"USN-1"}, "CVE-2": {"USN-1"}}

    assert names(named) == [("CVE-1",), ("CVE-2",)]
    assert names(named | {"USN-1": set()}) == [("CVE-1",), ("CVE-2",), ("USN-1",)]


def test_an_id_named_by_two_names_of_one_vulnerability_belongs_to_it() -> None:
    """Namers that name each other count as one."""
    named = {"CVE-1": {"GHSA-A", "SNYK-X"}, "GHSA-A": {"CVE-1", "SNYK-X"}}

    assert names(named) == [("CVE-1", "GHSA-A", "SNYK-X")]
    assert names(named | {"SNYK-X": set()}) == [("CVE-1", "GHSA-A", "SNYK-X")]


def test_two_cve_ids_are_one_only_where_they_name_each_other() -> None:
    """Related CVE ids are often only related."""
    assert names({"CVE-1": {"CVE-2"}, "CVE-2": set()}) == [("CVE-1",), ("CVE-2",)]
    assert names({"CVE-1": {"CVE-2"}, "CVE-2": {"CVE-1"}}) == [("CVE-1", "CVE-2")]
    assert names({"CVE-1": {"CVE-2"}}) == [("CVE-1",)]


def test_an_advisory_joins_no_two_cve_ids() -> None:
    """What would bring two of them together stays apart, and is neither."""
    advisory = {"GHSA-A": {"CVE-1", "CVE-2"}}

    assert names(advisory | {"CVE-1": {"GHSA-A"}, "CVE-2": {"GHSA-A"}}) == [
        ("CVE-1",),
        ("CVE-2",),
        ("GHSA-A",),
    ]
    assert names(advisory) == [("GHSA-A",)]


def test_an_advisory_of_two_cve_ids_that_are_one_is_theirs() -> None:
    """The CVE list has it twice, and says so."""
    named = {"CVE-1": {"CVE-2", "GHSA-A"}, "CVE-2": {"CVE-1"}, "GHSA-A": {"CVE-1", "CVE-2"}}

    assert names(named) == [("CVE-1", "CVE-2", "GHSA-A")]
    assert names(named | {"CVE-1": {"CVE-2"}}) == [("CVE-1", "CVE-2"), ("GHSA-A",)]


def test_a_chain_of_advisories_between_two_cve_ids_is_cut() -> None:
    """Each advisory stays with the CVE next to it; one between two others stays alone."""
    named = {
        "CVE-1": {"GHSA-A"},
        "GHSA-A": {"CVE-1", "SNYK-X"},
        "SNYK-X": {"GHSA-A", "GHSA-B"},
        "GHSA-B": {"SNYK-X", "CVE-2"},
        "CVE-2": {"GHSA-B"},
    }

    assert names(named) == [("CVE-1", "GHSA-A"), ("CVE-2", "GHSA-B"), ("SNYK-X",)]


def test_ids_are_one_by_a_chain() -> None:
    """With the one CVE that is next to any of them."""
    named = {"GHSA-A": {"SNYK-X"}, "SNYK-X": {"USN-1"}, "USN-1": set[str]()}

    assert names(named) == [("GHSA-A", "SNYK-X", "USN-1")]
    assert names(named | {"CVE-1": {"GHSA-A"}}) == [("CVE-1", "GHSA-A", "SNYK-X", "USN-1")]


def test_who_names_each_other_stays_together_whatever_one_of_them_names_beside() -> None:
    """A one-sided alias does not undo a mutual one."""
    named = {"CVE-1": {"GHSA-A"}, "GHSA-A": {"CVE-1", "CVE-2"}, "CVE-2": set[str]()}

    assert names(named) == [("CVE-1", "GHSA-A"), ("CVE-2",)]


def test_a_vulnerability_is_shown_by_a_cve_that_has_no_rows() -> None:
    """Rows of an advisory that names its CVE are shown by that."""
    assert names({"GHSA-A": {"CVE-2", "SNYK-X"}}) == [("CVE-2", "GHSA-A", "SNYK-X")]


def test_names_have_an_order() -> None:
    """The CVE, the ids of rows, and then the others, each sorted."""
    others = {f"SNYK-{number}" for number in range(9)}

    assert names({"USN-1": {"GHSA-A", "CVE-2", *others}, "GHSA-A": set()}) == [
        ("CVE-2", "GHSA-A", "USN-1", *sorted(others))
    ]


def test_a_long_chain_is_no_problem() -> None:
    """The effort grows with the number of ids, and nothing is called within itself."""
    chain = {f"GHSA-{number:05}": {f"GHSA-{number + 1:05}"} for number in range(20_000)}

    ((ids, found),) = joined(chain)

    assert (len(ids), len(found)) == (20_000, 20_001)


@given(ALIASES.flatmap(lambda found: st.tuples(st.just(found), st.permutations(list(found)))))
def test_the_order_of_ids_does_not_matter(case: tuple[dict[str, set[str]], list[str]]) -> None:
    """The same ids are the same vulnerabilities."""
    aliases, order = case

    assert names({id_: aliases[id_] for id_ in order}) == names(aliases)


@given(ALIASES)
def test_every_id_belongs_to_one_vulnerability(aliases: dict[str, set[str]]) -> None:
    """No name leads to two of them, and only what somebody names is a name."""
    found = joined(aliases)

    ids = [id_ for group, _ in found for id_ in group]
    every_name = [name for _, group in found for name in group]
    assert sorted(ids) == sorted(aliases)
    assert len(every_name) == len(set(every_name))
    assert set(every_name) <= set(aliases).union(*aliases.values())
    assert all(set(group) <= set(known) for group, known in found)


@given(ALIASES)
def test_cve_ids_that_are_one_name_each_other(aliases: dict[str, set[str]]) -> None:
    """Nothing else joins two of them: neither an advisory nor one side alone."""
    for _, found in joined(aliases):
        cves = {name for name in found if name.startswith("CVE-")}
        mutual = [
            cve
            for cve in cves
            for other in cves - {cve}
            if other in aliases.get(cve, ()) and cve in aliases.get(other, ())
        ]
        assert len(cves) < 2 or set(mutual) == cves


@given(ALIASES)
def test_ids_that_are_one_are_linked_by_names(aliases: dict[str, set[str]]) -> None:
    """Every id names another id of its vulnerability, or is named by one."""
    for ids, _ in joined(aliases):
        for id_ in ids:
            others = set(ids) - {id_}
            linked = aliases[id_] & others or {other for other in others if id_ in aliases[other]}
            assert not others or linked
