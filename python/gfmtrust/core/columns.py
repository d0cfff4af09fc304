"""Every column that gfmtrust writes, declared once: what it contains, where it is written, and what
reads it.

The INFO lines, the BED header, the Parquet schemas, the predictors of the reliability and the
tables of the docs are derived from here. A new measure is one entry in SITE_COLUMNS and one
function in `measures` that is registered under its name. This module does no arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable

from gfmtrust.core.column import At, Column, InfoKey, Shown
from gfmtrust.core.genome_columns import GENOME_COLUMNS
from gfmtrust.core.row_columns import REGION_COLUMNS, ROW_COLUMNS, VERDICTS

SITE_COLUMNS: tuple[Column, ...] = (
    Column(
        "rel",
        "Reliability: estimated probability that the preference between REF and ALT finds the base of the genome; "
        "if labels certify the allele, that its call agrees with the label",
        "allele",
        bounds=(0.0, 1.0),
        better="high",
        over_sites="",
        vcf="GFM_REL",
        sites=True,
        bases=At(15),
        bed=At(20, "reliability"),
    ),
    Column(
        "llr",
        "Log-likelihood ratio ln p(ALT)/p(REF), mean over views, nats; negative means ALT is disfavoured",
        "allele",
        unit="nats",
        better="none",
        over_sites="llrs",
        vcf="GFM_LLR",
        sites=True,
        decides=True,
    ),
    Column(
        "llr_sd",
        "Standard deviation of the log-likelihood ratio over views, nats",
        "allele",
        unit="nats",
        bounds=(0.0, None),
        better="low",
        over_sites="llrs",
        vcf="GFM_LLR_SD",
        sites=True,
        decides=True,
    ),
    Column(
        "pct",
        "Percent of the background SNVs of its class, and itself, with a GFM_LLR as low or lower; makes no claim of an effect",
        "allele",
        unit="%",
        bounds=(0.0, 100.0),
        over_sites="",
        over_bases="",
        vcf="GFM_PCT",
        sites=True,
        decimals=2,
    ),
    Column(
        "models_pct",
        "Percent rank of the allele among the run's SNVs, mean over the models; low is disfavoured; missing with one model",
        "allele",
        unit="%",
        bounds=(0.0, 100.0),
        over_sites="",
        over_bases="",
        vcf="GFM_MODELS_PCT",
        sites=True,
        decimals=2,
    ),
    Column(
        "models_sd",
        "Disagreement of the models by rank: standard deviation of that percent rank over the models; missing with one model",
        "allele",
        unit="%",
        bounds=(0.0, 50.0),
        better="low",
        over_sites="",
        over_bases="",
        vcf="GFM_MODELS_SD",
        sites=True,
        decimals=2,
    ),
    Column(
        "ent",
        "Shannon entropy of the mean distribution over A C G T, bits; 0 is certain and 2 is uniform",
        "site",
        unit="bits",
        bounds=(0.0, 2.0),
        better="low",
        vcf="GFM_ENT",
        sites=True,
        bases=At(11),
        bed=At(10, "entropy"),
        report=Shown("mean entropy", ".3f"),
        predictor=At(3),
    ),
    Column(
        "dis",
        "Disagreement: mutual information between views and base, bits; 0 means that all views agree",
        "site",
        unit="bits",
        bounds=(0.0, 2.0),
        better="low",
        vcf="GFM_DIS",
        sites=True,
        bases=At(12),
        bed=At(16, "disagreement"),
        report=Shown("mean disagreement", ".3f"),
        predictor=At(4),
    ),
    Column(
        "dis_between",
        "Part of the disagreement between models, bits; missing with one model",
        "site",
        unit="bits",
        bounds=(0.0, 2.0),
        better="low",
        sites=True,
    ),
    Column(
        "dis_within",
        "Part of the disagreement within models, bits; it cannot detect an error that all views share",
        "site",
        unit="bits",
        bounds=(0.0, 2.0),
        better="low",
    ),
    Column(
        "dis_strand",
        "Part of dis_within between the strands, bits; missing where no model read both",
        "site",
        unit="bits",
        bounds=(0.0, 2.0),
        better="low",
        sites=True,
    ),
    Column(
        "dis_shift",
        "Part of dis_within between shifts, phases, contexts and members on one strand, bits; missing with one of them",
        "site",
        unit="bits",
        bounds=(0.0, 2.0),
        better="low",
        sites=True,
    ),
    Column(
        "gain",
        "Local gain over the context model, bits per base, the site left out; above 0 the models know more",
        "site",
        unit="bits/base",
        better="high",
        vcf="GFM_GAIN",
        sites=True,
        bases=At(13),
        bed=At(15),
        report=Shown("mean gain", "+.3f"),
        predictor=At(9),
    ),
    Column(
        "surprisal",
        "Surprisal of the base of the genome, -log2 of its mean probability, bits",
        "base",
        unit="bits",
        bounds=(0.0, None),
        better="low",
        over_sites="",
        bases=At(10),
        bed=At(18),
    ),
    Column(
        "context_site_surprisal",
        "Surprisal of the base of the genome under the context model, bits",
        "base",
        unit="bits",
        bounds=(0.0, None),
        over_sites="",
    ),
    Column(
        "abs_llr",
        "Absolute log-likelihood ratio, nats; the comparator that every other measure must beat",
        "allele",
        unit="nats",
        bounds=(0.0, None),
        better="high",
        over_sites="llrs",
        predictor=At(1),
    ),
    Column(
        "margin",
        "Absolute log-likelihood ratio in units of its spread over views",
        "allele",
        bounds=(0.0, None),
        better="high",
        over_sites="",
        predictor=At(2),
    ),
    Column(
        "sign_agreement",
        "Weight of the views with one sign of the log-likelihood ratio minus that of the others, absolute value",
        "allele",
        bounds=(0.0, 1.0),
        better="high",
        over_sites="llrs",
        sites=True,
        predictor=At(5),
    ),
    Column(
        "strand_jsd",
        "Jensen-Shannon divergence of the two strands, bits; missing where they are equal by construction",
        "site",
        unit="bits",
        bounds=(0.0, 1.0),
        better="low",
        sites=True,
        bases=At(14),
        bed=At(17),
        predictor=At(6),
    ),
    Column(
        "strand_llr",
        "Absolute difference of the two strands' log-likelihood ratios, nats",
        "allele",
        unit="nats",
        bounds=(0.0, None),
        better="low",
        over_sites="llrs",
        sites=True,
        predictor=At(7),
    ),
    Column(
        "strand_flip",
        "1 where the two strands prefer different alleles, else 0",
        "allele",
        over_sites="llrs",
        decides=True,
    ),
    Column("n_views", "Number of views that answered", "allele", over_sites="llrs"),
    Column(
        "local_surprisal",
        "Mean surprisal of the bases near the site, the site left out, bits",
        "site",
        unit="bits",
        bounds=(0.0, None),
        better="low",
        sites=True,
        predictor=At(8),
    ),
    *GENOME_COLUMNS,
)
"""The order of these columns is the order in sites.parquet and of the INFO keys."""

COLUMNS: tuple[Column, ...] = (*ROW_COLUMNS, *VERDICTS, *SITE_COLUMNS, *REGION_COLUMNS)
"""Every column, once."""


def _placed(place: Callable[[Column], At | None]) -> tuple[Column, ...]:
    """The columns that have a place in a file, in the order of that file."""
    places = ((place(column), column) for column in COLUMNS)
    return tuple(
        column
        for at, column in sorted(
            ((at.place, column) for at, column in places if at is not None),
            key=lambda pair: pair[0],
        )
    )


MEASURES = tuple(column for column in COLUMNS if column.better)
"""The columns that measure trust."""

INFO_COLUMNS = tuple(column for column in COLUMNS if column.vcf)
"""The columns with an INFO key, in the order in which the keys are written."""

INFO_KEYS: tuple[InfoKey, ...] = tuple(
    column.info_key for column in INFO_COLUMNS if column.info_key
)

SITES_COLUMNS = tuple(column for column in COLUMNS if column.sites)
"""The columns of sites.parquet that follow those that identify the allele of a row."""

BASES_COLUMNS = _placed(lambda column: column.bases)
"""The columns of bases.parquet that follow those that identify the base of a row."""

BED_COLUMNS = _placed(lambda column: column.bed)
"""The columns that are appended to a BED."""

PREDICTORS = tuple(column.name for column in _placed(lambda column: column.predictor))
"""Predictors of the reliability. Their order determines which is named first; it does not change
the fit."""


def column_of(name: str) -> Column:
    """The entry with that name. Raises ValueError that lists the defined names."""
    for entry in COLUMNS:
        if entry.name == name:
            return entry
    raise ValueError(
        f"column {name!r} is not in COLUMNS: {', '.join(entry.name for entry in COLUMNS)}"
    )


def info_header_lines() -> list[str]:
    """The `##INFO` lines of all our keys, without line ends."""
    return [key.header_line for key in INFO_KEYS]
