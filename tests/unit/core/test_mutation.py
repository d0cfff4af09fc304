"""The mutation class against its definition, written out letter by letter."""

import itertools

import numpy as np
import pytest

from gfmtrust.core.alphabet import BASES, COMPLEMENT
from gfmtrust.core.mutation import CPG, TRANSITION, TRANSVERSION, mutation_class

ALL = np.array(
    [
        quad
        for quad in itertools.product(range(4), range(4), range(5), range(5))
        if quad[0] != quad[1]
    ]
)


def by_definition(one: int, other: int, left: int, right: int) -> str:
    letters = BASES + "N"
    words = [letters[left] + letters[allele] + letters[right] for allele in (one, other)]
    if any("CG" in word for word in words):
        return CPG
    return TRANSITION if {BASES[one], BASES[other]} in ({"A", "G"}, {"C", "T"}) else TRANSVERSION


def test_every_substitution_with_every_pair_of_neighbours():
    assert list(mutation_class(*ALL.T)) == [by_definition(*quad) for quad in ALL.tolist()]


def test_no_class_changes_when_the_alleles_or_the_strands_trade_places():
    one, other, left, right = ALL.T
    classes = list(mutation_class(one, other, left, right))
    assert list(mutation_class(other, one, left, right)) == classes
    turned = np.append(COMPLEMENT[:4], 4)
    assert list(mutation_class(turned[one], turned[other], turned[right], turned[left])) == classes


@pytest.mark.bad_input
def test_unknown_neighbours_make_no_cpg():
    assert list(mutation_class(np.array([1]), np.array([3]), np.array([4]), np.array([4]))) == [
        TRANSITION
    ]


def test_no_alleles():
    assert len(mutation_class(*np.empty((4, 0), np.int64))) == 0
