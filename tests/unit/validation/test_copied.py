"""The model that knows the copy rule alone, beside a slow twin; what it and the law earn on a small
genome with copies."""

import numpy as np
import pandas as pd
import pytest

from gfmtrust.core.alphabet import reverse_complement
from gfmtrust.validation.benchmark import copied
from gfmtrust.validation.benchmark.pool import Pool
from gfmtrust.validation.oracle.copy_rule import WORD, copy_rule, copy_votes


def genome_with_copies() -> list[np.ndarray]:
    """Two contigs of random letters, with a direct and an inverted copy of 80 letters each."""
    rng = np.random.default_rng(1)
    one, other = ((rng.random(size) * 4).astype(np.uint8) for size in (700, 500))
    other[100:180] = one[50:130]
    one[400:480] = reverse_complement(one[200:280])
    other[130] = (other[130] + 1) % 4  # a diverged letter
    return [one, other]


def slow_votes(codes: list[np.ndarray]) -> list[np.ndarray]:
    """The votes by comparing every base with every other one, on both strands."""
    strands = [(part, index, False) for index, part in enumerate(codes)]
    strands += [(reverse_complement(part), index, True) for index, part in enumerate(codes)]
    places: dict[bytes, list[tuple[int, int, bool]]] = {}
    for letters, index, is_reverse in strands:
        for pos in range(WORD, len(letters)):
            word = letters[pos - WORD : pos].tobytes()
            places.setdefault(word, []).append((index, pos, is_reverse))
    votes = [np.zeros((len(part), 4)) for part in codes]
    for copied_places in places.values():
        for one in copied_places:
            for other in copied_places:
                if one == other:
                    continue
                index, pos, is_reverse = other
                letters = reverse_complement(codes[index]) if is_reverse else codes[index]
                letter = int(letters[pos])
                if one[2]:
                    votes[one[0]][len(codes[one[0]]) - 1 - one[1], 3 - letter] += 1
                else:
                    votes[one[0]][one[1], letter] += 1
    return votes


def test_the_votes_are_those_of_a_comparison_of_all_bases():
    codes = genome_with_copies()
    for votes, slow in zip(copy_votes(codes), slow_votes(codes), strict=True):
        np.testing.assert_array_equal(votes, slow)


def test_a_base_inside_a_copy_is_the_letter_of_the_other_copy():
    codes = genome_with_copies()
    one, other = copy_rule(codes, np.random.default_rng(2))
    assert one[80].argmax() == codes[1][130]  # the diverged letter of the copy
    assert other[130].argmax() == codes[0][80]
    assert one[90].argmax() == codes[1][140] == codes[0][90]
    assert one[440].argmax() == codes[0][440]
    np.testing.assert_allclose(one[600], 0.25, atol=0.02)
    np.testing.assert_allclose(one.sum(axis=1), 1)


def test_the_number_of_probes_is_that_of_the_cells():
    alleles = pd.DataFrame(
        {
            "copy_class": ["single_copy"] * 90 + ["near_copy"] * 60 + ["repeat_family"] * 29,
            "mutation_class": ["cpg", "transition", "transversion"] * 59 + ["cpg", "transition"],
        }
    )
    many = pd.concat([alleles.assign(copy_class=name) for name in alleles["copy_class"].unique()])
    for table, n in ((alleles.assign(copy_class="single_copy"), 8_000), (many, 13_500)):
        table = table.assign(region_class=table["copy_class"])
        pool = Pool(table, np.empty(0), np.empty(0), table, True, "fp32", ())
        assert copied.auto_number(pool) == n


@pytest.mark.slow
def test_the_copy_rule_earns_nothing_in_single_copies_and_the_law_keeps_its_high(tmp_path):
    rows = copied.copies(tmp_path, 10, 160_000, 16_000)
    assert all(row.keeps_promise for row in rows if row.model == copied.LAW)
    rule = [row for row in rows if row.model == copied.RULE]
    assert not any(row.exists for row in rule if row.stratum.startswith("single_copy"))
    assert sum(row.exists for row in rule if row.stratum.startswith("near_copy")) > 10
    given = {genome: 0 for genome in (copied.COPIES, copied.NO_COPIES)}
    for row in rows:
        of_single_copies = row.stratum.startswith("single_copy") and row.level == "HIGH"
        if row.model == copied.LAW and of_single_copies:
            given[row.genome] += row.exists * (1 + row.stratum.count("+"))
    # copies that the index does not find cost some HIGH, on so small a genome up to half of it
    assert given[copied.COPIES] >= 0.5 * given[copied.NO_COPIES] > 10


@pytest.mark.bad_input
def test_contigs_shorter_than_a_word_know_nothing():
    votes = copy_votes([np.zeros(WORD, np.uint8), np.zeros(3, np.uint8)])
    assert [part.shape for part in votes] == [(WORD, 4), (3, 4)]
    assert not any(part.any() for part in votes)
