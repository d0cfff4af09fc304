"""IMPORT_SCORES: a table or VCF of somebody else's scores becomes a bundle that the run reads as it
reads a model's.

A table has a header line and tabs: `chrom pos ref alt score` with the natural log-likelihood ratio
of ALT over REF, or `chrom pos A C G T` with the probabilities of the four bases; positions count
from 1. A VCF holds the ratio in an INFO key. Nothing is guessed: an allele that does not fit the
genome, or two answers to one question, end the import.
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from gfmtrust.bundle import bundle, graph_contract
from gfmtrust.core.alphabet import BASES, decode
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.export.external_bundle import (
    ScoresStated,
    groups,
    judged,
    quantity_of,
    say_meaning,
    say_only_differences,
)
from gfmtrust.export.options import checked_id
from gfmtrust.export.register_scores import register_scores
from gfmtrust.export.score_files import (
    KEY,
    check_alleles,
    has_only_differences,
    is_vcf,
    one_answer,
    read_table,
    read_vcf,
    refuse,
)
from gfmtrust.inputs.variants import normalised
from gfmtrust.io import tables
from gfmtrust.io.genome import Genome
from gfmtrust.readers.external import SITES, SITES_FILE, VARIANTS, VARIANTS_FILE
from gfmtrust.score_tables.examine import WHOLE_BASES, is_indexed, refuse_other_assembly
from gfmtrust.score_tables.layout import Meaning, parse
from gfmtrust.score_tables.rows import SUM_TOLERANCE
from gfmtrust.score_tables.values import LONGEST_LLR, as_probabilities, say_cut

log = logging.getLogger(__name__)


def import_scores(
    scores: Path,
    name: str,
    fasta: Path,
    out_dir: Path,
    stated: ScoresStated = ScoresStated(),  # noqa: B008  (frozen: safe)
) -> bundle.Bundle:
    """Write the bundle out_dir/<name>/ of family `external`.

    scores: a table or VCF, or a bigWig. One with an index of tabix, or a bigWig, is examined at a
    few thousand bases and stays where it is; any other is read whole into the bundle. A base is answered for where all three ALTs, or its four
    probabilities, are given. Raises BadDataError (65) for a line that is no answer, a contig, base
    or REF that is not the genome's, an allele answered twice with different values, or no answer at
    all; UsageError (64) for a layout that is none or a held-out contig that the genome lacks;
    ConfigurationError (78) for a name that no bundle can carry.
    """
    scores, name = Path(scores), checked_id(name)
    with Genome.open(fasta) as genome:
        if is_indexed(scores):
            return register_scores(scores, name, genome, out_dir, stated)
        return _read_whole(scores, name, genome, out_dir, stated)


def _read_whole(
    scores: Path, name: str, genome: Genome, out_dir: Path, stated: ScoresStated
) -> bundle.Bundle:
    """Write the bundle of a table that is read and checked row by row."""
    layout = parse(stated.layout) if stated.layout else None
    meaning = layout.meaning if layout else Meaning.PREFERENCE
    if is_vcf(scores) and not (layout and layout.columns):
        key = layout.info if layout else stated.key
        read = read_vcf(scores, key, genome, stated.contig_map)
        if layout:
            read["score"] = read["score"] * layout.factor
    else:
        read = read_table(scores, genome, stated.contig_map, layout)
    if "score" not in read:
        sites = _sites_of_laws(scores.name, read, genome)
        variants = pd.DataFrame(columns=VARIANTS.names)
        quantity = "score" if has_only_differences(scores, layout) else "direct"
    else:
        check_alleles(scores.name, read, genome)
        say_cut(scores.name, read["score"].to_numpy(np.float64))
        variants = _variants(scores.name, read, genome)
        sites, n_whole = _sites_of_alleles(read)
        quantity = quantity_of(meaning, n_whole > WHOLE_BASES * len(sites))
        if quantity == "direct":
            sites = _whole_only(scores.name, sites)
    if not len(sites) + len(variants):
        raise BadDataError(
            message(
                scores.name, "no scores of bases or indels", "answers; list_sites asks for them"
            )
        )
    if quantity == "score" and "score" not in read:
        say_only_differences(name)
    else:
        say_meaning(name, quantity, meaning)
    verdict = _gate(sites, genome) if quantity == "direct" else judged(float("nan"), 0)
    source = {scores.name: graph_contract.file_sha256(scores)}
    meta = stated.written(groups(name, stated.licence, quantity, verdict, source), genome)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        for file, schema, table in (
            (SITES_FILE, SITES, sites),
            (VARIANTS_FILE, VARIANTS, variants),
        ):
            tables.write(
                scratch / file,
                {column: table[column].to_numpy() for column in schema.names},
                schema,
                {},
            )
        written = bundle.write(
            Path(out_dir) / name, meta, None, files=(scratch / SITES_FILE, scratch / VARIANTS_FILE)
        )
    log.info("%s: %d bases and %d indels answered for", name, len(sites), len(variants))
    return written


def _sites_of_alleles(read: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Bases any of whose ALTs has a score, with the distribution whose ratios those are (NaN for an
    ALT without one), and how many of them have all three."""
    snv = read[(read["ref"].str.len() == 1) & (read["alt"].str.len() == 1)].drop_duplicates(KEY)
    snv = snv[snv["ref"] != snv["alt"]]  # the ratio of the genome's own base is 0, stated or not
    if not len(snv):
        return pd.DataFrame(
            {
                "contig": np.empty(0, object),
                "pos": np.empty(0, np.int64),
                "probs": np.empty(0, object),
            }
        ), 0
    place = snv.groupby(["contig_index", "pos"], sort=True).ngroup().to_numpy()
    first = snv.drop_duplicates(["contig_index", "pos"]).sort_values(["contig_index", "pos"])
    ratios = np.full((len(first), 4), np.nan)
    ratios[place, snv["ref"].map(BASES.index)] = 0.0
    ratios[place, snv["alt"].map(BASES.index)] = np.clip(snv["score"], -LONGEST_LLR, LONGEST_LLR)
    sites = pd.DataFrame(
        {
            "contig": first["contig"].to_numpy(object),
            "pos": first["pos"].to_numpy(np.int64),
            "probs": list(as_probabilities(ratios, needs_all=False)),
        }
    )
    return sites, int(np.isfinite(ratios).all(axis=1).sum())


def _whole_only(name: str, sites: pd.DataFrame) -> pd.DataFrame:
    """The bases with a score of all three ALTs, which are distributions."""
    whole = np.isfinite(np.stack(sites["probs"].to_numpy())).all(axis=1)
    if not whole.all():
        log.warning(
            "%s: %d of %d bases have scores of some ALTs only; they stay unanswered (list_sites asks for all three)",
            name,
            int((~whole).sum()),
            len(sites),
        )
    return sites[whole].reset_index(drop=True)


def _sites_of_laws(name: str, read: pd.DataFrame, genome) -> pd.DataFrame:
    law = read[list(BASES)].to_numpy(np.float64)
    refuse(
        name,
        read.assign(sum=law.sum(axis=1)),
        (law < 0).any(axis=1) | (abs(law.sum(axis=1) - 1) > SUM_TOLERANCE),
        "sum",
        "probabilities of A, C, G and T that sum to 1",
    )
    lengths = np.array([*genome.contigs.values(), 0], dtype=np.int64)
    refuse(
        name,
        read,
        (read["pos"] >= lengths[read["contig_index"]]).to_numpy(),
        "chrom",
        "a contig of the genome, and a place inside it",
    )
    if "ref" in read:
        differs = _other_ref(read, genome)
        refuse_other_assembly(name, int((~differs).sum()), differs)
        read, law = read[~differs], law[~differs]
    one_answer(name, read, ["contig", "pos"], list(BASES))
    kept = read.assign(probs=list((law / law.sum(axis=1, keepdims=True)).astype(np.float32)))
    return kept.drop_duplicates(["contig", "pos"]).sort_values(["contig_index", "pos"])[
        ["contig", "pos", "probs"]
    ]


def _other_ref(read: pd.DataFrame, genome) -> np.ndarray:
    """Which rows state another REF than the genome's base, bool (n,); an N says nothing."""
    there = np.full(len(read), "N", dtype=object)
    contig, pos = read["contig"].to_numpy(object), read["pos"].to_numpy(np.int64)
    for name in read["contig"].unique():
        rows = np.flatnonzero(contig == name)
        there[rows] = list(decode(genome.windows(name, pos[rows], 1)[:, 0]))
    return (there != "N") & (read["ref"].str.upper().to_numpy(object) != there)


def _variants(name: str, read: pd.DataFrame, genome) -> pd.DataFrame:
    """Alleles that change the length, in their normalised form. What substitutes several bases has
    the answers of these bases. Raises BadDataError (65) for two scores of one allele."""
    rows = []
    for row in read[read["ref"].str.len() != read["alt"].str.len()].itertuples():
        allele = normalised(genome, row.contig, row.pos, row.ref, row.alt)
        llr = min(max(row.score, -LONGEST_LLR), LONGEST_LLR)
        rows.append((row.contig, allele.pos, allele.ref, allele.alt, llr))
    kept = pd.DataFrame(rows, columns=VARIANTS.names)
    one_answer(name, kept.assign(score=kept["llr"]), KEY, ["score"])
    return kept.drop_duplicates(KEY).sort_values(KEY)


def _gate(sites: pd.DataFrame, genome) -> dict:
    """As the export asks a network: do the answers know the genome's own bases better than chance?
    Informative: calibration decides."""
    nll = []
    for contig, rows in sites.groupby("contig", sort=False):
        codes = genome.windows(contig, rows["pos"].to_numpy(np.int64), 1)[:, 0]
        is_base = codes < len(BASES)
        law = np.stack(rows["probs"].to_numpy())[is_base].astype(np.float64)
        nll.append(
            -np.log(np.maximum(law[np.arange(len(law)), codes[is_base]], np.finfo(np.float32).tiny))
        )
    every = np.concatenate(nll) if nll else np.empty(0)
    mean = float(every.mean()) if len(every) else float("nan")
    return judged(mean, len(every))
