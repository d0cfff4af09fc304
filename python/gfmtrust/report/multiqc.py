"""MultiQC custom content: one row per sample in the general table, and bars of flags and of
reasons.

MultiQC does not escape table cells, so every text is escaped here, and all values are numbers.
Source: MultiQC documentation, "Custom content".
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable

from gfmtrust.annotate import meanings
from gfmtrust.calibration.level_cells import level_cells, own_outcome
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.core.contracts.audit import Audit
from gfmtrust.core.contracts.counts import Counts
from gfmtrust.core.vocabulary import STATUS_ORDER, Status

GENERAL = "gfmtrust_general_stats_mqc.json"
FLAGS = "gfmtrust_flags_mqc.json"
STATUSES = "gfmtrust_statuses_mqc.json"
REGIONS = "gfmtrust_regions_mqc.json"
OWN_ALLELES = "gfmtrust_own_alleles_mqc.json"
AUDIT = "gfmtrust_audit_mqc.json"
FILES = (GENERAL, FLAGS, STATUSES, REGIONS, OWN_ALLELES, AUDIT)
COLOURS = {flag.name: colour for flag, colour in meanings.COLOURS.items()}
PALETTE = (
    "#56b4e9",
    "#009e73",
    "#cc79a7",
    "#f0e442",
    "#999933",
    "#882255",
    "#44aa99",
    "#332288",
    "#aa4499",
    "#117733",
    "#88ccee",
    "#6e6e6e",
    "#ddcc77",
    "#1a1a1a",
)
PARENT = {
    "parent_id": "gfmtrust",
    "parent_name": "gfmtrust",
    "parent_description": "How far a genomic model can be trusted at each variant. Research use only; not ACMG evidence.",
}


def files(
    counts: list[Counts], calibration: RunCalibration, audits: tuple[Audit, ...] = ()
) -> dict[str, str]:
    """File name -> content of the *_mqc files. counts: the counts.json of every annotated file; {}
    without any, without own alleles that carry a level, and without audits."""
    vcfs = [file for file in counts if file.kind == "vcf"]
    beds = [file for file in counts if file.kind == "bed"]
    contents = {}
    if vcfs:
        contents[GENERAL] = general_stats(vcfs)
        contents[FLAGS] = bar_graph(
            "gfmtrust_flags",
            "Flags",
            "Alleles of each file by confidence flag.",
            vcfs,
            flag_data,
            COLOURS,
        )
        contents[STATUSES] = bar_graph(
            "gfmtrust_statuses",
            "Why alleles were not scored",
            "Alleles of each file that were not scored, by reason.",
            vcfs,
            reason_data,
            dict(zip(map(str, STATUS_ORDER), PALETTE, strict=True)),
        )
    if beds:
        contents[REGIONS] = bar_graph(
            "gfmtrust_regions",
            "Regions by flag",
            "Lines of each BED file by confidence flag.",
            beds,
            flag_data,
            COLOURS,
        )
    rows = own_allele_data(calibration)
    if rows:
        contents[OWN_ALLELES] = own_alleles(rows)
    if audited := audit_data(audits):
        contents[AUDIT] = audit_table(audited)
    return {name: json.dumps(content, indent=1) + "\n" for name, content in contents.items()}


AUDITED = {
    "bits": ("league", "the model", "Bits per base", 2),
    "skill": ("league", "skill", "Skill", 2),
    "uniform": ("entropy", "near-uniform share", "Nearly uniform", 3),
    "context": ("context_gain", "effective context", "Effective context (bp)", 0),
    "horizon": ("copy", "recall horizon", "Recall horizon (bp)", 0),
}
"""Column -> measure of an audit, label of its number, title, decimals."""


def audit_data(audits: tuple[Audit, ...]) -> dict[str, dict]:
    """A row per audited model; a number that it does not have is left out."""
    return {
        escaped(audit.model.id): {
            column: round(row.value, digits)
            for column, (measure, label, _, digits) in AUDITED.items()
            if (row := audit.number(measure, label)) and row.value is not None
        }
        for audit in audits
    }


def audit_table(rows: dict[str, dict]) -> dict:
    """The table of audits by model."""
    return {
        "id": "gfmtrust_audit",
        **PARENT,
        "section_name": "Audit of the models",
        "description": "What each model knows of this genome: skill 1 equals counts of the genome, 0 "
        "knows its composition only.",
        "plot_type": "table",
        "pconfig": {"id": "gfmtrust_audit_table", "title": "gfmtrust: Audit of the models"},
        "headers": {
            column: {"title": title, "scale": False, "format": f"{{:,.{digits}f}}"}
            for column, (_, _, title, digits) in AUDITED.items()
        },
        "data": rows,
    }


def own_allele_data(calibration: RunCalibration) -> dict[str, dict]:
    """A row per level and cell that an own allele carries: promised and observed error with its
    bounds, percent, and the outcome."""
    return {
        escaped(f"{cell.level} {cell.name}"): {
            "promised": 100 * cell.certificate.alpha,
            "wrong": round(100 * cell.own_alleles.errors / cell.own_alleles.n, 2),
            "low": round(100 * cell.own_alleles.low, 2),
            "high": round(100 * cell.own_alleles.high, 2),
            "n": cell.own_alleles.n,
            "outcome": own_outcome(cell.own_alleles),
        }
        for cell in level_cells(calibration)
        if cell.own_alleles is not None and cell.own_alleles.n
    }


def own_alleles(rows: dict[str, dict]) -> dict:
    """The table of own alleles by level and cell."""
    percent = {"min": 0, "max": 100, "suffix": "%", "format": "{:,.1f}"}
    return {
        "id": "gfmtrust_own_alleles",
        **PARENT,
        "section_name": "Own alleles",
        "description": "How often the model misses the reference base at the SNVs of the run that carry a level, "
        "beside the error that the level promises.",
        "plot_type": "table",
        "pconfig": {"id": "gfmtrust_own_alleles_table", "title": "gfmtrust: Own alleles"},
        "headers": {
            "promised": {"title": "Promised", "scale": False, **percent},
            "wrong": {"title": "Wrong", "scale": "Oranges", **percent},
            "low": {"title": "Lower bound", "scale": False, **percent},
            "high": {"title": "Upper bound", "scale": False, **percent},
            "n": {"title": "Alleles", "scale": False, "format": "{:,.0f}"},
            "outcome": {"title": "Outcome"},
        },
        "data": rows,
    }


def general_stats(vcfs: list[Counts]) -> dict:
    """Number of scored alleles and flags of each file, for the first table of MultiQC."""
    data = {
        escaped(file.id): {
            "scored": file.statuses.get(Status.SCORED, 0),
            **{flag: file.ranks[flag] for flag in ("HIGH", "MEDIUM", "LOW")},
        }
        for file in vcfs
    }
    plain = {"min": 0, "format": "{:,.0f}", "placement": 1000, "namespace": "gfmtrust"}
    headers = [
        {
            "scored": {
                "title": "Scored",
                "description": "ALT alleles scored by the models",
                "scale": "Greys",
                **plain,
            }
        },
        {
            "HIGH": {
                "title": "HIGH",
                "description": "Alleles flagged HIGH",
                "scale": "Blues",
                **plain,
            }
        },
        {
            "MEDIUM": {
                "title": "MEDIUM",
                "description": "Alleles flagged MEDIUM",
                "scale": "Oranges",
                **plain,
            }
        },
        {
            "LOW": {
                "title": "LOW",
                "description": "Alleles scored and flagged LOW",
                "scale": "Reds",
                "hidden": True,
                **plain,
            }
        },
    ]
    return {
        "id": "gfmtrust_general_stats",
        "plot_type": "generalstats",
        "pconfig": headers,
        "data": data,
    }


def bar_graph(
    plot_id: str,
    name: str,
    description: str,
    counts: list[Counts],
    of_file: Callable[[Counts], dict[str, int]],
    colours: dict[str, str],
) -> dict:
    """One bar per file, with its parts in the order of `colours`; parts that no file has are left
    out."""
    data = {escaped(file.id): of_file(file) for file in counts}
    present = [part for part in colours if any(row.get(part) for row in data.values())] or list(
        colours
    )[:1]
    return {
        "id": plot_id,
        **PARENT,
        "section_name": name,
        "description": description,
        "plot_type": "bargraph",
        "pconfig": {"id": f"{plot_id}_plot", "title": f"gfmtrust: {name}", "ylab": "count"},
        "categories": {
            part: {"name": part.replace("_", " "), "color": colours[part]} for part in present
        },
        "data": {
            sample: {part: row.get(part, 0) for part in present} for sample, row in data.items()
        },
    }


def flag_data(file: Counts) -> dict[str, int]:
    return file.ranks


def reason_data(file: Counts) -> dict[str, int]:
    return {name: n for name, n in file.statuses.items() if name != Status.SCORED}


def escaped(text: str) -> str:
    """A name that a user chose, escaped so that no browser reads it as markup."""
    return html.escape(text, quote=True)
