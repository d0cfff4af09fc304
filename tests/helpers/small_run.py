"""A small run made by the steps themselves: random letters, 60 SNVs and 20 deletions, the context
model alone."""

import functools
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from fake_genome import genome_letters
from step_calls import call

from gfmtrust.planning import variant_probes


def finish(folder: Path) -> Path:
    """The files of every step up to annotate_sites in `folder` (genome.fa, a.vcf, plan, scores);
    returns its results folder. The steps run once in a process, and each folder is a copy."""
    shutil.copytree(_finished(), folder, dirs_exist_ok=True)
    (folder / "vcfs.tsv").write_text(f"a\t{folder / 'a.vcf'}\n")
    return folder / "results"


@functools.cache
def _finished() -> Path:
    """A folder with these files, which lives as long as the process."""
    _FOLDERS.append(tempfile.TemporaryDirectory())
    return run_in(Path(_FOLDERS[-1].name)).parent


_FOLDERS: list[tempfile.TemporaryDirectory] = []


def run_in(folder: Path) -> Path:
    """Write the inputs and run every step up to annotate_sites in `folder`; returns its results
    folder."""
    letters = genome_letters(3, 12_000)
    (folder / "genome.fa").write_text(f">c\n{letters}\n")
    rows = []
    for number, pos in enumerate(
        np.sort(np.random.default_rng(1).choice(11_000, 80, replace=False)).tolist()
    ):
        ref = letters[pos : pos + 3] if number % 4 == 0 else letters[pos]
        rows.append(
            f"c\t{pos + 1}\t.\t{ref}\t{ref[0] if len(ref) > 1 else 'CGTA'['ACGT'.index(ref)]}\t.\t.\t.\n"
        )
    (folder / "a.vcf").write_text(
        "##fileformat=VCFv4.2\n##contig=<ID=c,length=12000>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        + "".join(rows)
    )
    return run_steps(folder, {"a": folder / "a.vcf"})


def run_steps(folder: Path, vcfs: dict[str, Path], contig_map: str = "none") -> Path:
    """Every step up to annotate_sites for these VCFs by id and the genome.fa of `folder`; returns
    its results folder."""
    (folder / "vcfs.tsv").write_text("".join(f"{name}\t{path}\n" for name, path in vcfs.items()))
    run, common = folder / "results", ("--fasta", folder / "genome.fa")
    model = run / "models" / "context_model"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(variant_probes, "PAIR_LIMITS", (10, 20))
        call("fit_context_model", *common, "--out_dir", model)
        call(
            "check_inputs",
            *common,
            "--vcfs",
            folder / "vcfs.tsv",
            "--contig_map",
            contig_map,
            "--out_dir",
            folder / "checked",
        )
        call(
            "plan_sites",
            *common,
            "--checked",
            folder / "checked",
            "--context_model",
            model,
            "--probes",
            400,
            "--out_dir",
            folder / "plan",
        )
    for shard in (folder / "plan" / "shards").glob("*.parquet"):
        call(
            "score_sites",
            *common,
            "--bundle",
            model,
            "--shard",
            shard,
            "--out_dir",
            folder / "scores",
        )
    output = ("--plan", folder / "plan", "--scores", folder / "scores", "--models", model)
    call("calibrate", *output, "--out_dir", run / "calibration")
    call(
        "annotate_sites",
        *output,
        "--calibration",
        run / "calibration" / "calibration.json",
        "--out_dir",
        run / "scores",
    )
    return run
