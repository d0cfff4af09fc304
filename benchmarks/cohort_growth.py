"""What a cohort costs when samples are added: a run of 18 samples fills a score store, and a run of
20 looks up what it has.

    python benchmarks/cohort_growth.py                                  2 Mb, 1,000 records a sample: some minutes
    python benchmarks/cohort_growth.py --hidden 128 --layers 8          a larger network, where scoring is nearly all

The samples share common alleles as those of a population do (see cohort_parts/samples.py). The
network is of the family gpn, with random weights, so that its scores mean nothing and cost what
those of a trained one cost. Both cohorts are also run without a store. Prints, for each step, the
CPU seconds of 18 samples, of 20 with the store, and of 20 without; the share of the sites that were
looked up, and the share of the probes that stayed. Exit 1 where an LLR or an entropy of the 20
samples differs with the store, or fewer than --bar of the sites were looked up.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from cohort_parts import samples, tasks
from safetensors.numpy import load_file, save_file

from gfmtrust import models
from gfmtrust.models import examples

BEFORE, AFTER = 18, 20
SITES = ["contig", "pos", "ref", "alt"]


@dataclass(frozen=True)
class Inputs:
    """The genome, its context model, the bundle of the network and the VCFs by id."""

    fasta: Path
    context_model: Path
    bundle: Path
    vcfs: dict[str, Path]

    def first(self, n: int) -> Inputs:
        return replace(self, vcfs=dict(list(self.vcfs.items())[:n]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=1_000, help="records of each sample")
    parser.add_argument("--megabases", type=float, default=2, help="length of the genome")
    parser.add_argument("--probes", default="auto", help="probes of SNVs, or auto")
    parser.add_argument("--hidden", type=int, default=64, help="width of the network")
    parser.add_argument("--layers", type=int, default=4, help="its layers")
    parser.add_argument("--bar", type=float, default=0.9, help="least share looked up")
    parser.add_argument("--work", type=Path, help="folder for what is generated and made")
    parser.add_argument("--out", type=Path, help="JSON with the figures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        figures = measured(options, options.work or Path(name))
    print(json.dumps(figures, indent=2))
    if options.out:
        options.out.write_text(json.dumps(figures, indent=2) + "\n")
    return int(figures["looked_up"] < options.bar or not figures["equal"])


def measured(options: argparse.Namespace, folder: Path) -> dict:
    """The figures of the three runs."""
    inputs = generated(options, folder)
    store = folder / "store"
    store.mkdir()
    before = run(folder / "before", inputs.first(BEFORE), options.probes, store)
    _, _ = tasks.call(
        folder, "merge_stores", "--stores", store, folder / "before/new", "--out_dir", store
    )
    after = run(folder / "after", inputs, options.probes, store)
    alone = run(folder / "alone", inputs, options.probes, None)
    totals = [sum(cost.values()) for cost in (before, after, alone)]
    return {
        "cpu_seconds": {
            step: [round(cost[step], 1) for cost in (before, after, alone)] for step in before
        },
        "cpu_total": [round(total, 1) for total in totals],
        "cpu_of_the_first_run": round(totals[1] / totals[0], 3),
        "scoring_of_the_first_run": round(after["score_sites"] / before["score_sites"], 3),
        "looked_up": round(looked_up(folder / "after", inputs.bundle.name), 4),
        "alleles_before": round(kept(folder, "plan/alleles.parquet"), 4),
        "probes_before": round(kept(folder, "plan/probes.parquet"), 4),
        "equal": equal(folder / "after", folder / "alone"),
    }


def generated(options: argparse.Namespace, folder: Path) -> Inputs:
    """Write the genome and the samples, fit the context model, and export the network."""
    folder.mkdir(parents=True, exist_ok=True)
    fasta = folder / "genome.fa"
    letters = samples.write_genome(fasta, int(options.megabases * 1e6))
    pool = samples.Pool.drawn(letters, AFTER * options.records)
    vcfs = {f"s{number:02d}": folder / f"s{number:02d}.vcf" for number in range(AFTER)}
    for number, path in enumerate(vcfs.values()):
        samples.write_sample(path, pool, options.records, number)
    tasks.fit_cost(fasta)
    example = next(iter(models.family("gpn").examples.values()))
    config = {
        "hidden_size": options.hidden,
        "intermediate_size": 4 * options.hidden,
        "num_hidden_layers": options.layers,
        "bias": True,
    }
    example = replace(example, config={**example.config, **config})
    letters_alone(examples.write(folder / "network", example) / "model.safetensors")
    exported = ("--model", folder / "network", "--out_dir", folder / "models")
    tasks.call(folder, "export_model", "--fasta", fasta, *exported, "--allow_untrained")
    return Inputs(fasta, fasta.with_suffix(".model"), folder / "models" / "network", vcfs)


def letters_alone(weights: Path) -> None:
    """Turn the head of special tokens against that of the letters, so that random weights answer A,
    C, G or T. The vocabulary is [PAD], [MASK], [UNK], a, c, g, t."""
    tensors = load_file(weights)
    head = tensors["cls.decoder.weight"]
    head[3:] *= 0.2
    head[:3] = 0
    tensors["cls.decoder.bias"] = np.array([-20.0] * 3 + [0.0] * 4, np.float32)
    save_file(tensors, weights)


def run(work: Path, inputs: Inputs, probes: str, store: Path | None) -> dict[str, float]:
    """Run every step after the export; return the CPU seconds of each step."""
    work.mkdir()
    (work / "vcfs.tsv").write_text("".join(f"{id_}\t{path}\n" for id_, path in inputs.vcfs.items()))
    cpu: dict[str, float] = {}

    def call(step: str, *arguments: object) -> None:
        cpu[step] = cpu.get(step, 0.0) + tasks.call(work, step, *arguments)[0]

    genome = ("--fasta", inputs.fasta)
    checked, plan, scores = work / "checked", work / "plan", work / "scores"
    vcfs = ("--vcfs", work / "vcfs.tsv", "--contig_map", "none")
    call("check_inputs", *genome, *vcfs, "--out_dir", checked)
    planned = ("--checked", checked, "--context_model", inputs.context_model, "--probes", probes)
    call("plan_sites", *genome, *planned, "--out_dir", plan)
    for bundle in (inputs.context_model, inputs.bundle):
        kept_scores = ("--score_store", store, "--new_rows", work / "new") if store else ()
        for shard in sorted((plan / "shards").glob("*.parquet")):
            scored = ("--bundle", bundle, "--out_dir", scores, "--shard", shard)
            call("score_sites", *genome, *scored, *kept_scores)
    tables = ("--plan", plan, "--scores", scores)
    bundles = ("--models", inputs.context_model, inputs.bundle)
    fitted = work / "calibration"
    call("calibrate", *tables, *bundles, "--out_dir", fitted)
    calibration = ("--calibration", fitted / "calibration.json")
    background = ("--background", fitted / "background.parquet")
    call(
        "annotate_sites",
        *tables,
        *bundles,
        *calibration,
        *background,
        "--out_dir",
        work / "sites",
    )
    sites = work / "sites" / "sites.parquet"
    for id_, path in inputs.vcfs.items():
        annotated = ("--vcf", path, "--id", id_, "--sites", sites, "--force")
        call("annotate_vcf", *annotated, *calibration, "--out", work / f"{id_}.gfm.vcf.gz")
    print(work.name, json.dumps(cpu), flush=True)
    return cpu


def looked_up(work: Path, model: str) -> float:
    """Share of the sites of the run's shards, without the controls, that the store answered."""
    stored = n_sites = 0
    for path in sorted((work / "scores").glob(f"{model}.*.metrics.json")):
        facts = json.loads(path.read_text())
        if not facts["shard"].startswith(("permuted", "shuffled")):
            stored, n_sites = stored + facts["stored_sites"], n_sites + facts["sites"]
    return stored / n_sites


def kept(folder: Path, table: str) -> float:
    """Share of the rows of a table of the larger run that the smaller one has too."""
    before, after = (pd.read_parquet(folder / name / table) for name in ("before", "after"))
    keys = [key for key in ("contig_index", "pos", "ref", "alt", "decoy") if key in after]
    known_rows = set(before[keys].itertuples(index=False, name=None))
    return sum(row in known_rows for row in after[keys].itertuples(index=False, name=None)) / len(
        after
    )


def equal(one: Path, other: Path) -> bool:
    """Whether the LLR and the entropy of every allele are the same bytes."""
    tables = [pd.read_parquet(work / "sites" / "sites.parquet") for work in (one, other)]
    return all(
        tables[0][column].equals(tables[1][column])
        for column in tables[0]
        if column in SITES or "llr" in column or "entropy" in column
    )


if __name__ == "__main__":
    sys.exit(main())
