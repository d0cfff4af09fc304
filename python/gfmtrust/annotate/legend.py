"""legend.json: what every GFM_ key, flag, reason and status means, with thresholds and colours, so
that a viewer (seqr, scout, IGV) can show a flag for what it is."""

from __future__ import annotations

from pathlib import Path

from gfmtrust import __version__
from gfmtrust.annotate.header_lines import RESEARCH_USE, SAFE_FILTER
from gfmtrust.annotate.meanings import COLOURS, FLAG_MEANING, FLAGS, REASONS, STATUSES
from gfmtrust.calibration.caps import HIGH_ENTROPY_BITS
from gfmtrust.calibration.level_cells import level_cells
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.core.column import Column
from gfmtrust.core.columns import INFO_COLUMNS
from gfmtrust.core.vocabulary import STATUS_ORDER, Basis, Rank
from gfmtrust.io import tables

FILE = "legend.json"
VERSION = 1
BASES = {
    Basis.DECOY: "decoys: the model recognises the sequence",
    Basis.LABELS: "labelled alleles: the calls of the model agree with them",
    Basis.LOCUS_LABELS: "labelled alleles of one locus; the level holds there alone",
}
THRESHOLDS = {
    "GFM_RANK": {"at_least": int(Rank.MEDIUM), "meaning": "MEDIUM or HIGH"},
    "GFM_ENT": {"above": HIGH_ENTROPY_BITS, "meaning": "the models nearly guess"},
    "GFM_LLR": {"above": 0, "meaning": "the model prefers ALT"},
    "GFM_GAIN": {"above": 0, "meaning": "the models know more than the context model"},
    "GFM_COPIES": {"at_least": 1, "meaning": "the sequence stands at another place too"},
}


def write_legend(calibration: RunCalibration, out_dir: Path) -> None:
    """Write legend.json to `out_dir`; the same calibration gives the same bytes."""
    tables.write_json(out_dir / FILE, legend(calibration))


def legend(calibration: RunCalibration) -> dict:
    """The content of legend.json."""
    options = calibration.options
    alphas = {Rank.HIGH: options.alpha_high, Rank.MEDIUM: options.alpha_medium}
    cells = level_cells(calibration)
    given = {Rank[cell.level] for cell in cells if cell.is_given}
    return {
        "version": VERSION,
        "gfmtrust": __version__,
        "about": FLAG_MEANING,
        "use": RESEARCH_USE,
        "filter": SAFE_FILTER,
        "keys": [_key(column) for column in INFO_COLUMNS],
        "flags": [
            {
                "flag": rank.name,
                "rank": int(rank),
                "meaning": FLAGS[rank],
                "colour": COLOURS[rank],
                "promised_error": alphas.get(rank),
                "given_in_this_run": rank in given if rank in alphas else True,
            }
            for rank in sorted(Rank, reverse=True)
        ],
        "cut_offs": [
            {
                "level": cell.level,
                "variant_class": cell.kind,
                "cell": cell.name,
                "reliability_from": cell.certificate.threshold,
            }
            for cell in cells
            if cell.is_given
        ],
    }


def _key(column: Column) -> dict:
    """The entry of one INFO key, generated from its column."""
    info = column.info_key
    assert info is not None, "an INFO column has a key"
    lowest, highest = column.bounds
    entry = {
        "key": info.id,
        "number": info.number,
        "type": info.type,
        "meaning": info.description,
        "unit": column.unit,
        "lowest": lowest,
        "highest": highest,
    }
    if info.id in THRESHOLDS:
        entry["threshold"] = THRESHOLDS[info.id]
    values = VALUES.get(info.id)
    return entry | ({"values": values} if values else {})


VALUES: dict[str, list[dict]] = {
    "GFM_RANK": [
        {"value": int(rank), "meaning": rank.name, "colour": COLOURS[rank]}
        for rank in sorted(Rank, reverse=True)
    ],
    "GFM_CONF": [
        {"value": rank.name, "meaning": FLAGS[rank], "colour": COLOURS[rank]}
        for rank in (Rank.HIGH, Rank.MEDIUM, Rank.LOW)
    ],
    "GFM_WHY": [{"value": why.value, "meaning": text} for why, text in REASONS.items()],
    "GFM_STATUS": [
        {"value": status.value, "meaning": f"The allele {STATUSES[status]}."}
        for status in STATUS_ORDER
    ],
    "GFM_BASIS": [
        {"value": basis.value, "meaning": f"The level was certified on {text}."}
        for basis, text in BASES.items()
    ],
}
"""The values of the keys that have few: key -> value, meaning and, for flags, colour."""
