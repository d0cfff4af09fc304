"""Scores of one changed base count however an allele is written: a record with an indel beside an
SNV pads the SNV."""

import numpy as np
import pytest

from gfmtrust.core.alphabet import BASES
from gfmtrust.core.errors import BadDataError
from gfmtrust.export.import_scores import import_scores
from gfmtrust.io import tables

HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
GENOME = "ACGTACGTACGTTTGCA"


def read(folder, records: str) -> tuple[dict[int, dict[str, float]], int]:
    """Position -> ALT -> the ratio that the bundle keeps; and the number of indels."""
    (folder / "g.fa").write_text(f">c\n{GENOME}\n")
    (folder / "s.vcf").write_text(HEADER + records)
    bundle = import_scores(folder / "s.vcf", "s", folder / "g.fa", folder / "models")
    kept = {}
    sites = tables.read(bundle.directory / "sites.parquet")
    for pos, probs in zip(sites["pos"].to_pylist(), sites["probs"].to_pylist(), strict=True):
        ratios = np.log(probs) - np.log(probs[BASES.index(GENOME[pos])])
        kept[pos + 1] = {
            base: round(float(ratio), 4)
            for base, ratio in zip(BASES, ratios, strict=True)
            if ratio != 0 and np.isfinite(ratio)
        }
    return kept, tables.read(bundle.directory / "variants.parquet").num_rows


def test_an_snv_beside_an_indel_keeps_its_score(tmp_path):
    kept, indels = read(tmp_path, "c\t2\t.\tCG\tC,TG,CA\t.\t.\tSCORE=-1,-2,-3\n")
    assert (kept, indels) == ({2: {"T": -2.0}, 3: {"A": -3.0}}, 1)


def test_the_genomes_own_base_among_the_alts_is_no_answer(tmp_path):
    kept, _ = read(tmp_path, "c\t5\t.\tA\tA,C\t.\t.\tSCORE=-9,-1\nc\t6\t.\tC\tC\t.\t.\tSCORE=1\n")
    assert kept == {5: {"C": -1.0}}


@pytest.mark.bad_input
def test_two_spellings_with_two_scores_are_refused(tmp_path):
    with pytest.raises(BadDataError, match="c:2 is answered twice"):
        read(tmp_path, "c\t2\t.\tC\tT\t.\t.\tSCORE=-1\nc\t2\t.\tCG\tTG\t.\t.\tSCORE=-2\n")
