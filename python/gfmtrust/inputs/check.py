"""CHECK_INPUTS: every input file read once, whole, before any model runs; what is wrong stops here
or is counted.

Writes `spellings/<id>.parquet` for each VCF and, last, `checks.json`.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from gfmtrust.core import children, names
from gfmtrust.core.contracts.checks import (
    Background,
    CheckedGenome,
    Checks,
    GenomeContig,
)
from gfmtrust.core.errors import BadDataError, MissingInputError, UsageError, message
from gfmtrust.core.warning_counts import CountedWarning, shown
from gfmtrust.inputs import frequency_key
from gfmtrust.inputs import reference as background_reference
from gfmtrust.inputs.check_bed import check_bed
from gfmtrust.inputs.check_vcf import InputCheck, VcfJob, check_in_child, check_vcf, open_in_child
from gfmtrust.inputs.contig_names import ContigRule
from gfmtrust.io import bed, text_lines
from gfmtrust.io.genome import Genome
from gfmtrust.io.vcf.header import DEFAULT_LIMITS, Limits
from gfmtrust.io.vcf.reader import format_position

log = logging.getLogger(__name__)

SHEET_BYTES = 10 << 20
POOL_FROM_BYTES = 8 << 20  # below, starting a child takes longer than the files


def read_sheet(path: str | Path) -> list[tuple[str, Path]]:
    """(id, path) of each line 'id TAB VCF path' of a table; paths are taken as they stand.

    Raises UsageError (64) for a line that is not so, an id that cannot name a file, and an id given
    twice.
    """
    path = Path(path)
    rows: dict[str, Path] = {}
    for line_no, line in enumerate(text_lines.read_lines(path, SHEET_BYTES), start=1):
        cells = line.decode("utf-8", "backslashreplace").rstrip("\r\n").split("\t")
        if len(cells) != 2 or not cells[1]:
            raise UsageError(
                message(
                    path.name, f"row {line_no}: '{shown(line.strip())}'", "id, tab, path of a VCF"
                )
            )
        rows = _with_id(rows, cells[0], Path(cells[1]), f"{path.name} row {line_no}")
    return list(rows.items())


@dataclass(frozen=True)
class CheckOptions:
    """How inputs are checked.

    contig_map: 'none', 'auto' or a file (see `contig_names`). allow_mismatch: go on where contig
    names or the assembly do not fit. processes: VCFs checked at a time; never changes a byte.
    background_fasta: genome of context model and probes. af_key: INFO key of the frequency of ALT.
    max_line: longest line of a VCF, MiB.
    """

    contig_map: str | Path = "none"
    allow_mismatch: bool = False
    processes: int = 1
    background_fasta: Path | None = None
    af_key: str | None = None
    max_line: int = DEFAULT_LIMITS.max_line >> 20


def check_inputs(
    fasta: str | Path,
    vcfs: list[tuple[str, Path]],
    regions: list[Path],
    include: Path | None,
    out_dir: str | Path,
    options: CheckOptions = CheckOptions(),  # noqa: B008  (frozen: safe)
) -> Checks:
    """Check everything and write `checks.json` and `spellings/`; returns the content of the former.

    vcfs: (id, path) pairs. regions, include: BED files. With a background, `joined.fa`, which later
    steps read in place of `fasta`, holds both genomes. Raises MissingInputError (66) naming all
    missing paths at once; UsageError (64) for ids that clash or cannot name a file; else the first
    error of the inputs in the order given: VCFs, regions, include.
    """
    out_dir, allow_mismatch = Path(out_dir), options.allow_mismatch
    contig_map, background_fasta = options.contig_map, options.background_fasta
    by_id: dict[str, Path] = {}
    for name, path in vcfs:
        by_id = _with_id(by_id, name, Path(path), f"VCF {shown(str(path))}")
    _refuse_missing(
        [
            Path(fasta),
            *by_id.values(),
            *map(Path, regions),
            *(Path(path) for path in (background_fasta, include) if path),
            *([] if str(contig_map) in ("none", "auto") else [Path(contig_map)]),
        ]
    )
    beds = _bed_names([Path(path) for path in regions])
    if options.af_key:
        frequency_key.check(options.af_key, list(by_id.values()))
    out_dir.mkdir(parents=True, exist_ok=True)
    part = out_dir / "spellings.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    try:
        with Genome.open(fasta, part) as genome:
            background_reference.refuse_reserved(genome)
            rule = ContigRule.of(contig_map, genome.contigs)
            sums = genome.sums()
            background, background_warnings = (
                _join(genome, Path(background_fasta), part / "background", out_dir)
                if background_fasta
                else (None, ())
            )
            given = (rule, allow_mismatch, Limits.of_line(options.max_line), options.af_key)
            jobs = [
                VcfJob(name, path, part, part / f"{name}.parquet", *given)
                for name, path in by_id.items()
            ]
            checked = list(_run(jobs, genome, options.processes))
            refuse_two_namings(checked)
            of_beds = rule
            if rule.mode == "auto":
                of_beds = replace(rule, given=merged_map(checked))
            checked += [
                check_bed(path, name, genome, of_beds, allow_mismatch)
                for name, path in beds.items()
            ]
            others = [
                check_bed(Path(path), "include", genome, of_beds, allow_mismatch)
                for path in ([include] if include else [])
            ]
            checks = Checks(
                genome=CheckedGenome(
                    genome.name,
                    genome.digest(),
                    tuple(
                        GenomeContig(contig.name, contig.length, contig.md5)
                        for contig in sums.values()
                    ),
                ),
                contig_map=merged_map(checked + others),
                contig_map_mode=rule.mode,
                allow_mismatch=allow_mismatch,
                background=background,
                inputs=tuple(one.facts for one in checked),
                warnings=(
                    *genome.warnings.rows(),
                    *background_warnings,
                    *(warning for one in others for warning in one.facts.warnings),
                ),
            )
        (out_dir / "checks.json").unlink(missing_ok=True)
        _publish(part, out_dir / "spellings", list(by_id))
    finally:
        shutil.rmtree(part, ignore_errors=True)
    checks.write(out_dir / Checks.NAME)
    return checks


def _join(
    genome: Genome, fasta: Path, work_dir: Path, out_dir: Path
) -> tuple[Background, tuple[CountedWarning, ...]]:
    """Write the joined FASTA; what checks.json says of the background, and its warnings."""
    work_dir.mkdir()
    with Genome.open(fasta, work_dir) as other:
        known_bases = background_reference.join(
            genome, other, out_dir / background_reference.JOINED
        )
        words = background_reference.shared_words(genome, other)
        tally = other.warnings
        if words.first:
            contig, pos = words.first
            text = (
                f"words of {background_reference.WORD_BASES} bases of {genome.name} stand in {other.name} too ({words.sampled:,} looked for): "
                "the context model may have counted the elements themselves; mask them there (bedtools maskfasta)"
            )
            tally.add(text, f"{shown(contig)}:{format_position(pos)}", words.shared)
            log.warning("%d %s", words.shared, text)
        facts = Background(
            name=other.name,
            digest=other.digest(),
            contigs=len(other.names),
            known_bases=known_bases,
            sampled_words=words.sampled,
            shared_words=words.shared,
        )
        return facts, tally.rows()


NO_CONTIG = "no contig of the genome"


def merged_map(checked: list[InputCheck]) -> dict[str, str]:
    """Input name -> genome name over all inputs, equal names too, names without a match left out.

    Raises BadDataError (65) where two inputs mean different contigs by one name: the map holds for
    the whole run.
    """
    merged: dict[str, tuple[str | None, str]] = {}
    for one in checked:
        for name, match in one.contigs.items():
            before, where = merged.setdefault(name, (match, one.facts.name))
            if before != match:
                raise BadDataError(
                    message(
                        one.facts.name,
                        f"contig {shown(name)} is {match or NO_CONTIG}; in {where} it is {before or NO_CONTIG}",
                        "one meaning of a name",
                        "run them apart, or give --contig_map FILE",
                    )
                )
    return {name: match for name, (match, _) in sorted(merged.items()) if match is not None}


def refuse_two_namings(vcfs: list[InputCheck]) -> None:
    """Raises BadDataError (65) where records name one contig in two ways: the cohort's tables and
    its sites VCF have one order of names."""
    named: dict[str, tuple[str, str]] = {}
    for one in vcfs:
        for name, match in one.contigs.items():
            before, where = named.setdefault(match or name, (name, one.facts.name))
            if before != name:
                naming = f"contig {shown(name)} is called {shown(before)} in {where}"
                raise BadDataError(
                    message(
                        one.facts.name,
                        naming,
                        "one naming a run",
                        "run the files of each naming apart, or rename one (bcftools annotate --rename-chrs)",
                    )
                )


def _run(jobs: list[VcfJob], genome: Genome, processes: int) -> Iterator[InputCheck]:
    """Checks in the order of the jobs."""
    if (
        min(processes, len(jobs)) < 2
        or sum(job.path.stat().st_size for job in jobs) < POOL_FROM_BYTES
    ):
        yield from (check_vcf(job, genome) for job in jobs)
        return
    yield from children.answers(
        check_in_child,
        jobs,
        processes,
        "check_inputs",
        open_in_child,
        (genome.path, genome.name, genome.sums(), jobs[0].work_dir),
    )


def _with_id(rows: dict[str, Path], name: str, path: Path, place: str) -> dict[str, Path]:
    names.check(name, f"{place}, id")
    if name in rows:
        raise UsageError(
            message(f"{place}, id", f"{name} twice", "unique ids", "add a vcf_id column")
        )
    return {**rows, name: path}


def _bed_names(paths: list[Path]) -> dict[str, Path]:
    by_name: dict[str, Path] = {}
    for path in paths:
        place = f"--regions {shown(path.name)}"
        name = names.check(bed.name_of(path), f"{place}, name", "rename the file")
        if name in by_name:
            observed = f"name {name} of {shown(by_name[name].name)} too"
            raise UsageError(message(place, observed, "unique names", "rename one of the files"))
        by_name[name] = path
    return by_name


def _refuse_missing(paths: list[Path]) -> None:
    missing = [path for path in paths if not path.is_file() or not os.access(path, os.R_OK)]
    if missing:
        observed = f"not found or not readable: {', '.join(shown(str(path)) for path in missing)}"
        raise MissingInputError(message("inputs", observed, "files that exist", "check the paths"))


def _publish(part: Path, final: Path, ids: list[str]) -> None:
    """Move the finished tables to their folder; those of an earlier run there are removed first."""
    shutil.rmtree(final, ignore_errors=True)
    final.mkdir()
    for name in ids:
        os.replace(part / f"{name}.parquet", final / f"{name}.parquet")
