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
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from gfmtrust.bundle import bundle, graph_contract, schema
from gfmtrust.core.alphabet import BASES
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.export import sanity_check
from gfmtrust.export.score_files import (
    KEY,
    SUM_TOLERANCE,
    check_alleles,
    is_vcf,
    one_answer,
    read_table,
    read_vcf,
    refuse,
)
from gfmtrust.inputs import training
from gfmtrust.inputs.variants import normalised
from gfmtrust.io import tables
from gfmtrust.io.genome import Genome
from gfmtrust.readers.external import SITES, SITES_FILE, VARIANTS, VARIANTS_FILE

log = logging.getLogger(__name__)

LONGEST_LLR = 80.0
"""Nats; a probability of e^-80 is float32's last but few, and no measure tells larger ratios
apart."""


def import_scores(
    scores: Path,
    name: str,
    fasta: Path,
    out_dir: Path,
    key: str = "SCORE",
    contig_map: str | Path = "none",
    licence: str = "",
    heldout_contigs: Sequence[str] = (),
) -> bundle.Bundle:
    """Write the bundle out_dir/<name>/ of family `external`.

    scores: table (.tsv, .tsv.gz) or VCF; key: of the VCF's INFO; heldout_contigs: that the model
    never saw in its training. A base is answered for where all
    three ALTs, or its four probabilities, are given. Raises BadDataError (65) for a line that is no
    answer, a contig, base or REF that is not the genome's, an allele answered twice with different
    values, or no answer at all; UsageError (64) for a held-out contig that the genome lacks.
    """
    scores = Path(scores)
    with Genome.open(fasta) as genome:
        heldout = training.contigs_of(heldout_contigs, genome.names, genome.name)
        read = (
            read_vcf(scores, key, genome, contig_map)
            if is_vcf(scores)
            else read_table(scores, genome, contig_map)
        )
        if "score" in read:
            check_alleles(scores.name, read, genome)
            sites, variants = _sites_of_alleles(scores.name, read, genome), _variants(read, genome)
        else:
            sites, variants = (
                _sites_of_laws(scores.name, read, genome),
                pd.DataFrame(columns=VARIANTS.names),
            )
        if not len(sites) + len(variants):
            raise BadDataError(
                message(
                    scores.name,
                    "no base with all three ALTs and no indel",
                    "answers; list_sites says which are asked",
                )
            )
        judged = _gate(sites, genome)
    meta = _meta(
        name,
        licence,
        quantity="likelihood" if "score" in read else "direct",
        judged=judged,
        source={scores.name: graph_contract.file_sha256(scores)},
    )
    if heldout:
        meta["training"] = training.with_heldout({}, heldout)
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


def _sites_of_alleles(name: str, read: pd.DataFrame, genome) -> pd.DataFrame:
    """Bases all of whose ALTs have a score, as the distribution whose ratios those are."""
    snv = read[(read["ref"].str.len() == 1) & (read["alt"].str.len() == 1)].drop_duplicates(KEY)
    codes = np.full((0, 4), np.nan)
    if not len(snv):
        return pd.DataFrame(
            {"contig": np.empty(0, object), "pos": np.empty(0, np.int64), "probs": list(codes)}
        )
    place, first = (
        snv.groupby(["contig_index", "pos"], sort=True).ngroup().to_numpy(),
        snv.drop_duplicates(["contig_index", "pos"]),
    )
    first = first.sort_values(["contig_index", "pos"])
    ratios = np.full((len(first), 4), np.nan)
    ratios[place, snv["ref"].map(BASES.index)] = 0.0
    ratios[place, snv["alt"].map(BASES.index)] = np.clip(snv["score"], -LONGEST_LLR, LONGEST_LLR)
    whole = np.asarray(np.isfinite(ratios).all(axis=1))
    if not whole.all():
        log.warning(
            "%s: %d of %d bases have scores of some ALTs only; they stay unanswered (list_sites asks for all three)",
            name,
            int((~whole).sum()),
            len(whole),
        )
    weight = np.exp(ratios[whole] - ratios[whole].max(axis=1, keepdims=True))
    return pd.DataFrame(
        {
            "contig": first["contig"].to_numpy(object)[whole],
            "pos": first["pos"].to_numpy(np.int64)[whole],
            "probs": list((weight / weight.sum(axis=1, keepdims=True)).astype(np.float32)),
        }
    )


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
    one_answer(name, read, ["contig", "pos"], list(BASES))
    kept = read.assign(probs=list((law / law.sum(axis=1, keepdims=True)).astype(np.float32)))
    return kept.drop_duplicates(["contig", "pos"]).sort_values(["contig_index", "pos"])[
        ["contig", "pos", "probs"]
    ]


def _variants(read: pd.DataFrame, genome) -> pd.DataFrame:
    """Alleles that change the length, in their one spelling; what substitutes several bases is told
    by the bases' own answers."""
    rows = []
    for row in read[read["ref"].str.len() != read["alt"].str.len()].itertuples():
        allele = normalised(genome, row.contig, row.pos, row.ref, row.alt)
        rows.append((row.contig, allele.pos, allele.ref, allele.alt, row.score))
    kept = pd.DataFrame(rows, columns=VARIANTS.names)
    one_answer("indels", kept.assign(score=kept["llr"]), KEY, ["score"])
    return kept.drop_duplicates(KEY).sort_values(KEY)


def _gate(sites: pd.DataFrame, genome) -> dict:
    """As the export asks a network: do the answers know the genome's own bases better than chance?
    Informative: calibration decides."""
    nll = []
    for contig, rows in sites.groupby("contig", sort=False):
        codes = genome.windows(contig, rows["pos"].to_numpy(np.int64), 1)[:, 0]
        known = codes < len(BASES)
        law = np.stack(rows["probs"].to_numpy())[known].astype(np.float64)
        nll.append(
            -np.log(np.maximum(law[np.arange(len(law)), codes[known]], np.finfo(np.float32).tiny))
        )
    every = np.concatenate(nll) if nll else np.empty(0)
    mean = float(every.mean()) if len(every) else float("nan")
    passed = mean < sanity_check.THRESHOLD_NATS
    if not passed:
        log.warning(
            "mean NLL of the genome's own bases is %.3f, chance is %.3f: the scores do not prefer them",
            mean,
            sanity_check.THRESHOLD_NATS,
        )
    return {
        "gate": "passed" if passed else "failed",
        "nll_nats": round(mean, 6) if len(every) else -1.0,
        "n_bases": len(every),
    }


def _meta(name: str, licence: str, quantity: str, judged: dict, source: dict) -> dict:
    """Groups of bundle.json of a model that is a table: one base wide, one strand, nothing to
    run."""
    return {
        "identity": {
            "model_id": name,
            "family": schema.EXTERNAL,
            "repository": "",
            "revision": "",
            "licence": licence,
            "licence_url": "",
            "n_parameters": 0,
            "citation": "",
        },
        "text": {
            "k": 1,
            "vocabulary": {},
            "mask": "",
            "unknown": "",
            "outside": "",
            "prefix": [],
            "suffix": [],
            "lower_case": False,
            "vocabulary_sha256": "",
        },
        "scoring": {
            "causal": False,
            "quantity": quantity,
            "kmer_method": "",
            "n_members": 1,
            "rc_equivariant": True,
            "neighbour_offsets": [],
            "neighbours_in_same_pass": False,
        },
        "window": {
            "window_bp": 1,
            "trained_bp": 1,
            "site_forward": 0,
            "site_reverse": 0,
            "shifts": [],
            "batch": 0,
        },
        "source": {"sha256": source},
        "proof": judged,
        "golden": [],
    }
