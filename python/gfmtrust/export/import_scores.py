"""IMPORT_SCORES: a table or VCF of somebody else's scores becomes a bundle that the run reads as it
reads a model's.

A table has a header line and tabs: `chrom pos ref alt score` with the natural log-likelihood ratio
of ALT over REF, or `chrom pos A C G T` with the probabilities of the four bases; positions count
from 1. A VCF holds the ratio in an INFO key. Nothing is guessed: an allele that does not fit the
genome, or two answers to one question, end the import.
"""

from __future__ import annotations

import logging
import re
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from gfmtrust.bundle import bundle
from gfmtrust.core.alphabet import BASES
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.core.vocabulary import Status
from gfmtrust.core.warning_counts import shown
from gfmtrust.export import sanity_check
from gfmtrust.inputs.alleles import classify
from gfmtrust.inputs.contig_names import ContigRule, match
from gfmtrust.inputs.labels import info_value
from gfmtrust.inputs.variants import normalised
from gfmtrust.io import tables
from gfmtrust.io.genome import Genome
from gfmtrust.io.vcf import reader as vcf_reader
from gfmtrust.readers.external import SITES, SITES_FILE, VARIANTS, VARIANTS_FILE

log = logging.getLogger(__name__)

ALLELES = ("chrom", "pos", "ref", "alt", "score")
LAWS = ("chrom", "pos", *BASES)
SUM_TOLERANCE = 1e-3
"""Four printed probabilities may miss 1 by so much; they are divided by their sum."""
LONGEST_LLR = 80.0
"""Nats; a probability of e^-80 is float32's last but few, and no measure tells larger ratios
apart."""
KEY = ["contig", "pos", "ref", "alt"]


def import_scores(
    scores: Path,
    name: str,
    fasta: Path,
    out_dir: Path,
    key: str = "SCORE",
    contig_map: str | Path = "none",
    licence: str = "",
) -> bundle.Bundle:
    """Write the bundle out_dir/<name>/ of family `external`.

    scores: table (.tsv, .tsv.gz) or VCF; key: of the VCF's INFO. A base is answered for where all
    three ALTs, or its four probabilities, are given. Raises BadDataError (65) for a line that is no
    answer, a contig, base or REF that is not the genome's, an allele answered twice with different
    values, or no answer at all.
    """
    scores = Path(scores)
    with Genome.open(fasta) as genome:
        read = (
            _read_vcf(scores, key, genome, contig_map)
            if _is_vcf(scores)
            else _read_table(scores, genome, contig_map)
        )
        if "score" in read:
            _check_alleles(scores.name, read, genome)
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
        source={scores.name: bundle.file_sha256(scores)},
    )
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
        made = bundle.write(
            Path(out_dir) / name, meta, None, files=(scratch / SITES_FILE, scratch / VARIANTS_FILE)
        )
    log.info("%s: %d bases and %d indels answered for", name, len(sites), len(variants))
    return made


def _is_vcf(path: Path) -> bool:
    return re.search(r"\.vcf(\.b?gz)?$", path.name, re.IGNORECASE) is not None


def _read_table(path: Path, genome, contig_map: str | Path) -> pd.DataFrame:
    """Columns contig_index (-1: not in the genome), contig, pos (0-based), line, and ref, alt,
    score or A, C, G, T."""
    try:
        read = pd.read_csv(
            path,
            sep="\t",
            dtype=str,
            keep_default_na=False,
            compression="gzip" if path.suffix in (".gz", ".bgz") else None,
        )
    except (ValueError, OSError, EOFError) as error:
        raise BadDataError(
            message(
                path.name, f"no table ({str(error).splitlines()[0]})", "columns separated by tabs"
            )
        ) from error
    columns = next((wanted for wanted in (ALLELES, LAWS) if tuple(read.columns) == wanted), None)
    if columns is None:
        raise BadDataError(
            message(
                path.name,
                f"columns {shown(' '.join(map(str, read.columns)))}",
                f"{' '.join(ALLELES)}, or {' '.join(LAWS)}, in this order",
            )
        )
    read["line"] = np.arange(2, len(read) + 2)
    place = [vcf_reader.parse_position(text) for text in read["pos"]]
    _refuse(
        path.name,
        read,
        np.array([pos is None or pos < 0 for pos in place], bool),
        "pos",
        "a whole number from 1 on",
    )
    read["pos"] = np.array(place, dtype=np.int64)
    for name in ("score",) if columns is ALLELES else BASES:
        numbers = pd.to_numeric(read[name], errors="coerce").to_numpy(np.float64)
        _refuse(path.name, read, ~np.isfinite(numbers), name, "a finite number")
        read[name] = numbers
    return _placed(read, genome, contig_map)


def _read_vcf(path: Path, key: str, genome, contig_map: str | Path) -> pd.DataFrame:
    """As `_read_table`, from INFO/key of every ALT; an allele with '.' for it has no answer."""
    header, records = vcf_reader.read(path)
    rows = []
    for record in records:
        text = info_value(record.info, key)
        values = [] if text in (None, "") else text.split(",")
        if values and len(values) != len(record.alts):
            raise BadDataError(
                message(
                    vcf_reader.place(path, record),
                    f"{len(values)} values of {key}",
                    f"{len(record.alts)}, one an ALT",
                )
            )
        for alt, value in zip(record.alts, values, strict=False):
            if value == ".":
                continue
            try:
                score = float(value)
            except ValueError:
                score = np.nan
            if not np.isfinite(score):
                raise BadDataError(
                    message(
                        vcf_reader.place(path, record),
                        f"{key} is {shown(value)}",
                        "a finite number or '.'",
                    )
                )
            rows.append((record.contig, record.pos, record.ref, alt, score, record.line_no))
    if not rows:
        raise BadDataError(
            message(path.name, f"no record has INFO/{key}", "scores", "see --external_key")
        )
    read = pd.DataFrame(rows, columns=["chrom", "pos", "ref", "alt", "score", "line"])
    return _placed(read, genome, contig_map, header.contig_lengths())


def _placed(
    read: pd.DataFrame, genome, contig_map: str | Path, lengths: dict[str, int] | None = None
) -> pd.DataFrame:
    naming = ContigRule.of(contig_map, genome.contigs)
    index = {name: place for place, name in enumerate(genome.names)}
    matches = {
        name: match(name, (lengths or {}).get(name), naming, genome.contigs)
        for name in read["chrom"].unique()
    }
    contig = read["chrom"].map(matches)
    return read.assign(contig=contig, contig_index=contig.map(index).fillna(-1).astype(np.int64))


def _refuse(name: str, read: pd.DataFrame, wrong: np.ndarray, column: str, expected: str) -> None:
    if wrong.any():
        row = read.iloc[int(np.flatnonzero(wrong)[0])]
        raise BadDataError(
            message(
                f"{name} line {row['line']}", f"{column} is {shown(str(row[column]))}", expected
            )
        )


def _check_alleles(name: str, read: pd.DataFrame, genome) -> None:
    """Refuse an allele that the genome does not have, or that is answered twice with different
    scores."""
    read["ref"], read["alt"] = read["ref"].str.upper(), read["alt"].str.upper()
    status = classify(read, genome)
    wrong = np.flatnonzero(status != Status.SCORED)
    if len(wrong):
        row = read.iloc[int(wrong[0])]
        found = f"{row['chrom']}:{row['pos'] + 1} {shown(row['ref'])}>{shown(row['alt'])} is {status[wrong[0]]} ({len(wrong)} such)"
        raise BadDataError(
            message(
                f"{name} line {row['line']}",
                found,
                "alleles of the genome",
                "is it this FASTA? see --contig_map",
            )
        )
    _one_answer(name, read, KEY, ["score"])


def _one_answer(name: str, read: pd.DataFrame, key: list[str], values: list[str]) -> None:
    twice = read[read.duplicated(key, keep=False)]
    differing = (
        twice.groupby(key)[values].nunique().max(axis=1) if len(twice) else pd.Series(dtype=int)
    )
    if (differing > 1).any():
        where = differing.index[int(np.flatnonzero(differing > 1)[0])]
        raise BadDataError(
            message(
                name,
                f"{where[0]}:{where[1] + 1} is answered twice, with different values",
                "one answer each",
            )
        )


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
    whole = np.isfinite(ratios).all(axis=1)
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
    _refuse(
        name,
        read.assign(sum=law.sum(axis=1)),
        (law < 0).any(axis=1) | (abs(law.sum(axis=1) - 1) > SUM_TOLERANCE),
        "sum",
        "probabilities of A, C, G and T that sum to 1",
    )
    lengths = np.array([*genome.contigs.values(), 0], dtype=np.int64)
    _refuse(
        name,
        read,
        (read["pos"] >= lengths[read["contig_index"]]).to_numpy(),
        "chrom",
        "a contig of the genome, and a place inside it",
    )
    _one_answer(name, read, ["contig", "pos"], list(BASES))
    kept = read.assign(probs=list((law / law.sum(axis=1, keepdims=True)).astype(np.float32)))
    return kept.drop_duplicates(["contig", "pos"]).sort_values(["contig_index", "pos"])[
        ["contig", "pos", "probs"]
    ]


def _variants(read: pd.DataFrame, genome) -> pd.DataFrame:
    """Alleles that change the length, in their one spelling; what substitutes several bases is told
    by the bases' own answers."""
    rows = []
    for row in read[read["ref"].str.len() != read["alt"].str.len()].itertuples():
        found = normalised(genome, row.contig, row.pos, row.ref, row.alt)
        rows.append((row.contig, found.pos, found.ref, found.alt, row.score))
    kept = pd.DataFrame(rows, columns=VARIANTS.names)
    _one_answer("indels", kept.assign(score=kept["llr"]), KEY, ["score"])
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
            "family": bundle.EXTERNAL,
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
