"""Rows of the report's tables: numbers as texts and small figures, one function per table.
Sentences are in `wording`."""

from __future__ import annotations

import numpy as np

from gfmtrust.annotate.header_lines import shift_text
from gfmtrust.calibration.certificates import Certificate
from gfmtrust.calibration.class_calibration import SplitCounts
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.core.columns import BED_COLUMNS
from gfmtrust.core.contracts.checks import CheckedInput, Checks
from gfmtrust.core.contracts.counts import Counts, RegionCounts, VcfCounts
from gfmtrust.core.vocabulary import Rank, Status
from gfmtrust.core.warning_counts import CountedWarning
from gfmtrust.io.vcf.reader import format_position
from gfmtrust.report import loci
from gfmtrust.report import svg as report_svg
from gfmtrust.report.groups import Contigs, Groups
from gfmtrust.report.numbers import LeagueRow

MISSING = "–"
SHOWN_CONTIGS = 60
SHADES = (0.02, 0.05, 0.1, 0.2)
"""Divergences, bits, from which on a cell of the matrix is one shade darker."""
SHOWN_ALLELE = 24
"""Number of letters of REF and ALT that are shown; the length follows where there are more."""


def shares(counts: dict[str, int], total: int) -> list[tuple[str, str, str]]:
    """(name, count, share of total), most frequent first, equal ones by name."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))
    return [(str(name), f"{n:,}", f"{n / total:.1%}") for name, n in ordered if n]


def certificate(kind: str, record: Certificate) -> dict[str, str]:
    outcome = "certified" if record.exists else "not certified"
    if record.exists and record.refused:
        outcome += f"; refused for {', '.join(record.refused)}"
    if record.by_label is not None:
        kind += " by labels"
    return {
        "level": record.level,
        "classes": f"{kind}: {', '.join(record.strata)}",
        "alpha": f"{record.alpha:.0%}",
        "threshold": MISSING if record.threshold is None else f"{record.threshold:.3f}",
        "balanced": f"{record.balanced.errors:,} / {record.balanced.n:,}",
        "balanced_bound": f"{record.balanced.bound:.1%}",
        **_second_count(record),
        "outcome": outcome,
    }


def _second_count(record: Certificate) -> dict[str, str]:
    """The run-oriented probes of decoys; of labels the alleles with an effect and those without."""
    if record.by_label is None:
        return {
            "run": f"{record.run.errors:,} / {record.run.n:,}",
            "run_bound": f"{record.run.bound:.1%}",
        }
    effect, none = record.by_label.effect, record.by_label.none
    return {
        "run": f"effect {effect.errors:,} / {effect.n:,}, none {none.errors:,} / {none.n:,}",
        "run_bound": f"{effect.bound:.1%}, {none.bound:.1%}",
    }


def _repeated(counts: SplitCounts) -> str:
    return f", {counts.repeated:,} drawn again and counted once" if counts.repeated else ""


def calibration_facts(calibration: RunCalibration) -> list[tuple[str, str]]:
    snv, options = calibration.snv, calibration.options
    counts = snv.counts
    terms = snv.reliability.terms if snv.reliability else ()
    facts = [
        ("outcome", calibration.outcome or MISSING),
        (
            "probes",
            f"{counts.probes:,} answered, {counts.failed:,} not{_repeated(counts)}; fit split {counts.fit:,}, "
            f"certification splits {counts.certify_high:,} (HIGH) and {counts.certify_medium:,} (MEDIUM); "
            f"{counts.blocks:,} blocks",
        ),
        (
            "set, seed, uses of the certification splits",
            f"{calibration.sets}, {options.seed}, {options.looks}",
        ),
        (
            "shift test (local surprisal of the run against that of the probes)",
            shift_text(calibration),
        ),
        ("predictors of the reliability", ", ".join(term.name for term in terms) or "nothing"),
    ]
    facts += [
        (f"labels on the training genome of {one.model}", one.words)
        for one in calibration.labels.overlap
    ]
    ranked = [
        f"{row.measure} {row.prr:.2f}" for row in calibration.snv.ablation if row.prr is not None
    ]
    if ranked:
        facts.append(
            (
                "ranking of errors by single measures (PRR; 1 is perfect, 0 is chance)",
                ", ".join(ranked),
            )
        )
    if calibration.alt_distance is not None:
        facts.append(
            (
                "LLRs of the SNVs of the run against permuted ALTs (KS distance; near 0: observed and arbitrary alleles are not distinguished)",
                f"{calibration.alt_distance:.3f}",
            )
        )
    return facts


def local_lr(ratios: dict) -> dict:
    """The section on local likelihood ratios: its texts and one row for each class of variant and
    strength."""
    about = [
        f"{one['kind']}: {one['n_effect']:,} labelled alleles with an effect and {one['n_none']:,} without, windows of "
        f"{one['window']:,}"
        for one in ratios["kinds"]
    ]
    about += [f"{kind}: none, {why_not}" for kind, why_not in ratios["refused"].items()]
    rows = [
        (
            one["kind"],
            one["strength"].replace("_", " "),
            number(one["odds"], ",.4g"),
            number(one["effect_from"], "+.2f"),
            number(one["no_effect_to"], "+.2f"),
        )
        for one in ratios["thresholds"]
    ]
    return {
        "use": ratios["use"],
        "score": ratios["score"],
        "prior": f"{ratios['prior']:g}",
        "about": about,
        "rows": rows,
    }


def sample(file: VcfCounts) -> dict[str, str]:
    reasons = {name: n for name, n in file.statuses.items() if name != Status.SCORED}
    scored = file.statuses.get(Status.SCORED, 0)
    commonest = max(sorted(reasons), key=reasons.__getitem__) if reasons else ""
    return {
        "id": file.id,
        "records": f"{file.records:,}",
        "alts": f"{file.alts:,}",
        "scored": f"{scored:,}",
        **flag_counts(file),
        "bar": report_svg.share_bar(np.array([file.ranks[rank.name] for rank in Rank])),
        "no_alt": f"{file.no_alt:,}",
        "reason": f"{commonest} ({reasons[commonest]:,})" if commonest else MISSING,
    }


def region(file: RegionCounts) -> dict[str, str | list[str]]:
    bases, scored = file.bases, file.scored_bases
    return {
        "id": file.id,
        "lines": f"{file.intervals:,}",
        "bases": f"{bases:,}",
        "scored": f"{scored / bases:.1%}" if bases else MISSING,
        **flag_counts(file),
        "numbers": [
            number(file.means[f"mean_{column.bed_name}"], column.report.form)
            for column in BED_COLUMNS
            if column.report
        ],
    }


def region_titles() -> list[str]:
    """Headings of the `numbers` of a region."""
    return [column.report.title for column in BED_COLUMNS if column.report]


def flag_counts(file: Counts) -> dict[str, str]:
    return {rank.name.lower(): f"{file.ranks[rank.name]:,}" for rank in Rank}


def league_row(row: LeagueRow) -> tuple[str, ...]:
    interval = MISSING if row.gain_low is None else f"{row.gain_low:+.3f} to {row.gain_high:+.3f}"
    return (
        row.name,
        f"{row.bits:.3f}",
        number(row.gain, "+.3f"),
        interval,
        f"{row.n:,}" if row.n else MISSING,
    )


def check(one: CheckedInput) -> tuple[str, ...]:
    """The row of one input file, from check_inputs."""
    mismatch = f"{one.n_snv_mismatch:,} of {one.n_snv:,}" if one.kind == "vcf" else MISSING
    return (
        one.name,
        one.kind,
        f"{one.records:,}",
        f"{one.alts:,}" if one.kind == "vcf" else MISSING,
        mismatch,
        "yes" if one.sorted else "no",
    )


def warnings(checks: Checks, files: list[Counts]) -> list[str]:
    """Every counted warning of the checks and of the annotation, each once, in order."""
    lines = [warning_line(warning, "") for warning in checks.warnings]
    for one in [*checks.inputs, *files]:
        lines += [warning_line(warning, one.id) for warning in one.warnings]
    return list(dict.fromkeys(lines))


def warning_line(warning: CountedWarning, where: str) -> str:
    text = f"{warning.text} ({warning.count:,} times, first {warning.first})"
    return f"{where}: {text}" if where else text


def groups(by_group: Groups, unnamed: str) -> list[dict]:
    """Flags by group, the largest group first; the group without a name is called `unnamed`."""
    ordered = sorted(by_group.counts.items(), key=lambda pair: (-int(pair[1].sum()), pair[0]))
    return [{"name": name or unnamed, **flagged(counts)} for name, counts in ordered]


def contigs(by_contig: Contigs) -> list[dict]:
    """Flags by contig in the order of the table. With more than SHOWN_CONTIGS contigs, those with
    the fewest alleles are added up in a last row."""
    most = sorted(by_contig.counts, key=lambda name: -int(by_contig.counts[name].sum()))[
        :SHOWN_CONTIGS
    ]
    shown = [name for name in by_contig.counts if name in set(most)]
    rows = [
        {
            "name": name,
            "length": number(by_contig.lengths.get(name), ","),
            "entropy": number(by_contig.mean_entropy(name), ".3f"),
            "strip": report_svg.strip(by_contig.bins[name])
            if name in by_contig.bins and by_contig.bins[name][0].any()
            else "",
            **flagged(by_contig.counts[name]),
        }
        for name in shown
    ]
    rest = [counts for name, counts in by_contig.counts.items() if name not in set(most)]
    if rest:
        rows.append(
            {
                "name": f"{len(rest):,} other contigs",
                "length": MISSING,
                "entropy": MISSING,
                "strip": "",
                **flagged(np.sum(rest, axis=0)),
            }
        )
    return rows


def flagged(counts: np.ndarray) -> dict:
    """One row of flags: counts by Rank as texts, the share of the scored alleles that is MEDIUM or
    HIGH, and a bar."""
    scored = int(counts.sum() - counts[Rank.NOT_SCORED])
    sure = int(counts[Rank.MEDIUM] + counts[Rank.HIGH])
    return {
        "alleles": f"{int(counts.sum()):,}",
        **{rank.name.lower(): f"{int(counts[rank]):,}" for rank in Rank},
        "sure": f"{sure / scored:.1%}" if scored else MISSING,
        "bar": report_svg.share_bar(counts),
    }


def compared(comparison: dict) -> dict:
    """The models side by side. comparison: the output of `ModelComparison.as_dict`. The matrix has
    one row and one column per model."""
    pair = {
        names: one
        for one in comparison["pairs"]
        for names in ((one["a"], one["b"]), (one["b"], one["a"]))
    }
    models = [one["id"] for one in comparison["models"]]
    return {
        "models": [
            {
                "id": one["id"],
                "n": f"{one['n']:,}",
                "mean": number(one["mean_entropy"], ".3f"),
                "near": number(one["near_uniform"], ".1%"),
                "bars": report_svg.entropy_bars(one["entropy"]) if one["n"] else "",
            }
            for one in comparison["models"]
        ],
        "names": models,
        "matrix": [(a, [_pair_cell(pair.get((a, b))) for b in models]) for a in models],
    }


def _pair_cell(one: dict | None) -> dict:
    if one is None:
        return {"jsd": "", "sign": "", "shade": 0}
    shade = sum(one["jsd"] >= least for least in SHADES) if one["jsd"] is not None else 0
    return {
        "jsd": f"{number(one['jsd'], '.3f')} bit" if one["jsd"] is not None else MISSING,
        "sign": "" if one["same_sign"] is None else f"{one['same_sign']:.1%}",
        "shade": shade,
    }


def locus(row: dict, pictures: dict, flank: int) -> dict:
    """One of the most important alleles. pictures: the bases around it, by loci.KEY; without any
    there is no figure."""
    ref, alt = (
        text if len(text) <= SHOWN_ALLELE else f"{text[:SHOWN_ALLELE]}… ({len(text):,})"
        for text in (row["ref"], row["alt"])
    )
    bases = pictures.get(tuple(row[name] for name in loci.KEY), [])
    at = next((one for one in bases if one["offset"] == 0), None)
    probabilities = (
        ", ".join(f"{base} {p:.0%}" for base, p in zip("ACGT", at["p"], strict=True)) if at else ""
    )
    return {
        "allele": f"{row['contig']}:{format_position(row['pos'])} {ref}>{alt}",
        "flag": Rank(row["rank"]).name,
        "rel": number(row["rel"], ".3f"),
        "llr": number(row["llr"], "+.2f"),
        "ent": number(row["ent"], ".2f"),
        "probabilities": probabilities,
        "svg": report_svg.letters(bases, flank, row["ref"], row["alt"]) if bases else "",
    }


def model(facts: dict) -> dict[str, str]:
    counted = {name: f"{facts[name]:,}" for name in ("sites", "passes", "seconds")}
    return {**facts, **counted, "device": facts["device"] or MISSING}


def number(value: float | None, form: str) -> str:
    """A formatted number; – where it is missing."""
    return MISSING if value is None or value != value else format(value, form)
