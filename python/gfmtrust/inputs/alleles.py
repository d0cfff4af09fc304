"""The cohort's alleles: merged spellings split into single alleles, each with a status."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gfmtrust.core.alphabet import N, encode
from gfmtrust.core.vocabulary import Status
from gfmtrust.inputs.allele_counts import FIELDS, frequencies
from gfmtrust.inputs.spelling_merge import KEY
from gfmtrust.io.vcf.reader import text_status


def single_alleles(spellings: pd.DataFrame) -> pd.DataFrame:
    """Each distinct single allele of the spellings, in order; columns contig, contig_index, pos,
    ref, alt, and af and an over all of its spellings. spellings: with COLUMNS."""
    alleles = (
        spellings[KEY]
        .assign(alt=spellings["alts"].str.split(","))
        .explode("alt", ignore_index=True)
    )
    key = ["contig_index", "contig", "pos", "ref", "alt"]
    order = alleles[key].sort_values(key, kind="stable").index.to_numpy()
    alleles = alleles[key].iloc[order]
    first = ~alleles.duplicated().to_numpy()
    counts = np.concatenate([np.empty(0), *spellings["counts"]]).reshape(-1, FIELDS)[order]
    summed = np.add.reduceat(counts, np.flatnonzero(first)) if len(counts) else counts
    af, an = frequencies(summed)
    return alleles[first].reset_index(drop=True).assign(af=af, an=an)


def classify(alleles: pd.DataFrame, genome, selected=None) -> np.ndarray:
    """Status of each allele, object array (n,): SCORED where a model may be asked, else the first
    reason that fits.

    alleles: columns contig_index (-1: not in the genome), pos (0-based), ref, alt (upper case).
    selected: function (contig name of the genome, pos array) -> bool array, None = everything is.
    What a window holds is not seen here: `scoring.window_status` adds that.
    """
    status = np.full(len(alleles), Status.SCORED, dtype=object)
    ref, alt = alleles["ref"].to_numpy(object), alleles["alt"].to_numpy(object)
    contig_index, pos = (
        alleles["contig_index"].to_numpy(np.int64),
        alleles["pos"].to_numpy(np.int64),
    )
    length = np.fromiter((len(text) for text in ref), np.int64, len(ref))
    snv = (length == 1) & np.fromiter((len(text) == 1 for text in alt), bool, len(alt))
    lengths = np.array([*genome.contigs.values(), 0], dtype=np.int64)  # the last answers index -1
    outside = (pos < 0) | (pos + length > lengths[contig_index])

    for row in np.flatnonzero(~snv):
        status[row] = _long_allele(
            ref[row], alt[row], genome, contig_index[row], pos[row], outside[row]
        )
    _snv_status(status, np.flatnonzero(snv), ref, alt, genome, contig_index, pos, outside)
    if selected is not None:
        for index in np.unique(contig_index):
            rows = np.flatnonzero(contig_index == index)
            inside = (
                selected(genome.names[index], pos[rows])
                if index >= 0
                else np.zeros(len(rows), bool)
            )
            status[rows[~inside]] = Status.NOT_SELECTED
    return status


def _snv_status(status, rows, ref, alt, genome, contig_index, pos, outside) -> None:
    """Statuses of one-letter alleles, many at a time."""
    letters = encode("".join(ref[rows]))
    others = encode("".join(alt[rows]))
    text = (
        np.array(
            [text_status(r, a) or "" for r, a in zip(ref[rows], alt[rows], strict=True)],
            dtype=object,
        )
        if (others >= N).any() or (letters >= N).any()
        else np.full(len(rows), "", object)
    )
    on_genome = (contig_index[rows] >= 0) & ~outside[rows]
    there = np.full(len(rows), N, np.uint8)
    for index in np.unique(contig_index[rows][on_genome]):
        on_contig = np.flatnonzero(on_genome & (contig_index[rows] == index))
        there[on_contig] = genome.windows(genome.names[index], pos[rows[on_contig]], 1)[:, 0]
    judged = np.full(len(rows), Status.SCORED, dtype=object)
    judged[there != letters] = Status.REF_MISMATCH
    judged[there >= N] = Status.AMBIGUOUS_BASE
    judged[text == Status.AMBIGUOUS_BASE] = Status.AMBIGUOUS_BASE
    judged[outside[rows]] = Status.OUT_OF_RANGE
    judged[contig_index[rows] < 0] = Status.NO_CONTIG
    early = (text != "") & (text != Status.AMBIGUOUS_BASE)
    judged[early] = text[early]
    status[rows] = judged


def _long_allele(ref: str, alt: str, genome, index: int, pos: int, outside: bool) -> Status:
    """Status of an allele of more than one letter; its length is judged once it is normalised."""
    text = text_status(ref, alt)
    if text is not None and text != Status.AMBIGUOUS_BASE:
        return text
    if index < 0:
        return Status.NO_CONTIG
    if outside:
        return Status.OUT_OF_RANGE
    there = genome.codes(genome.names[index], pos, pos + len(ref))
    if text is not None or (there >= N).any():
        return text or Status.AMBIGUOUS_BASE
    if (there != encode(ref)).any():
        return Status.REF_MISMATCH
    return Status.SCORED
