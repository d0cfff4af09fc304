"""A change of the way of reading must raise READING_VERSION, or stores would hold stale answers."""

import hashlib
import json

import fake_bundle
import numpy as np
from fake_genome import FakeGenome, genome_letters
from stored_rows import WholeWindowScorer

from gfmtrust.inputs.variants import Variant
from gfmtrust.readers.options import ReadingOptions
from gfmtrust.readers.reader import READING_VERSION
from gfmtrust.readers.registry import reader_of

READINGS = {
    "masked": {"shifts": (-8, 8), "neighbour_offsets": (-10, -5, 5, 10)},
    "kmer": {"quantity": "kmer", "k": 6, "window_bp": 66, "shifts": (-1, 1)},
    "causal": {"causal": True, "neighbour_offsets": (-10, -5)},
}
DIGESTS = {1: "5168cc81f3c64b10", 2: "f27d81b9fc2d4982"}
"""Version of the way of reading -> digest of the answers below, to four decimals. Where the test
fails after an intended change of the answers: raise READING_VERSION and add its line."""


def answers_of_all_readers() -> str:
    """A digest of sites and haplotypes of three readers on a fixed genome."""
    genome = FakeGenome(
        c=genome_letters(6, 300),
        d=genome_letters(7, 60) + "N" * 6 + "ACGT" * 20,
        tract=genome_letters(8, 99) + "G" + "CA" * 30 + genome_letters(9, 100),
    )
    contig_index = np.array([0] * 6 + [1] * 5)
    pos = np.array([0, 3, 40, 150, 280, 299, 0, 30, 63, 90, 145])
    text = "".join("ACGT"[code] for code in genome.codes("c", 0, 300))
    variants = [Variant(150, "", "ACG"), Variant(100, text[100:104], ""), Variant(298, "", "T")]
    variants += [Variant(100, "CA", ""), Variant(100, "", "CA")]
    contigs = np.array([0, 0, 0, 2, 2])
    result = []
    for changes in READINGS.values():
        reader = reader_of(fake_bundle.FakeBundle(**{"window_bp": 64, **changes}))
        reading, scorer = ReadingOptions("thorough", max_n=0.2), WholeWindowScorer()
        scores = reader.score_sites(scorer, genome, contig_index, pos, reading)
        haplotypes = reader.score_variants(scorer, genome, contigs, variants, reading)
        columns = (scores.probs, scores.local_surprisal, scores.n_share, scores.pad_share)
        for values in (*columns, haplotypes.llr):
            result.append(np.round(values.astype(float), 4).ravel().tolist())
        result.append([*map(str, scores.status), *map(str, haplotypes.status)])
    text = json.dumps(result).replace("-0.0,", "0.0,")
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def test_the_version_of_the_reading_stands_for_its_answers():
    assert DIGESTS[READING_VERSION] == answers_of_all_readers()
