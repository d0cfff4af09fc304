"""The whole chain of steps against the naive twin: alleles of every kind, three families, and how
many passes are saved."""

import json

import checkpoints
import numpy as np
import pytest
from naive_twin import NaiveTwin
from step_calls import call

from gfmtrust.bundle.bundle import Bundle
from gfmtrust.io import tables
from gfmtrust.planning import variant_probes

pytestmark = [pytest.mark.torch, pytest.mark.slow]
KINDS = ("gpn", "nt_v1", "generator")
N_RECORDS = 300
"""Over 500 alleles."""
MARGIN = 160
"""Records keep this far from the contig's ends; those have the oracle model's closed forms."""


def letters(rng, n: int) -> str:
    return "".join("ACGT"[code] for code in rng.integers(0, 4, n))


def some_genome(seed: int = 5) -> str:
    """Random letters with short tandem repeats among them, so that indels have several
    spellings."""
    rng = np.random.default_rng(seed)
    return "".join(
        letters(rng, int(rng.integers(20, 80))) + letters(rng, int(rng.integers(1, 4))) * 6
        for _ in range(70)
    )


def some_records(genome: str, n: int, seed: int = 6) -> list[tuple[int, str, list[str]]]:
    """(pos, REF, ALTs): four of ten sites with all three bases, then indels, MNVs, complex alleles
    and mixed records."""
    rng = np.random.default_rng(seed)
    places = np.sort(rng.choice(np.arange(MARGIN, len(genome) - MARGIN), n, replace=False))
    items = []
    for number, pos in enumerate(places.tolist()):
        here = genome[pos : pos + 20]
        others = [base for base in "ACGT" if base != here[0]]
        size = int(rng.integers(2, 9))
        if number % 10 < 4:
            items.append((pos, here[0], others))
        elif number % 5 == 0:
            items.append((pos, here[:size], [here[0]]))
        elif number % 5 == 1:
            items.append((pos, here[0], [here[0] + letters(rng, size - 1)]))
        elif number % 5 == 2:
            items.append(
                (
                    pos,
                    here[:3],
                    [others[0] + here[1] + {"A": "C", "C": "G", "G": "T", "T": "A"}[here[2]]],
                )
            )
        elif number % 5 == 3:
            items.append((pos, here[:size], [others[1] + letters(rng, 2) + others[2]]))
        else:
            items.append(
                (pos, here[:2], [here[0], others[0] + here[1], here[:2] + letters(rng, 2)])
            )
    return items


@pytest.fixture(scope="module", autouse=True)
def few_probes():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(variant_probes, "PAIR_LIMITS", (10, 20))
        yield


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """Genome, records and the plan of a run of them, with the context model."""
    folder = tmp_path_factory.mktemp("twin")
    genome = some_genome()
    records = some_records(genome, N_RECORDS)
    (folder / "genome.fa").write_text(f">c\n{genome}\n")
    lines = "".join(
        f"c\t{pos + 1}\t.\t{ref}\t{','.join(alts)}\t.\t.\t.\n" for pos, ref, alts in records
    )
    header = f"##fileformat=VCFv4.2\n##contig=<ID=c,length={len(genome)}>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    (folder / "a.vcf").write_text(header + lines)
    (folder / "vcfs.tsv").write_text(f"a\t{folder / 'a.vcf'}\n")
    common = ("--fasta", folder / "genome.fa")
    call("fit_context_model", *common, "--out_dir", folder / "context_model")
    call("check_inputs", *common, "--vcfs", folder / "vcfs.tsv", "--out_dir", folder / "checked")
    call(
        "plan_sites",
        *common,
        "--checked",
        folder / "checked",
        "--context_model",
        folder / "context_model",
        "--probes",
        100,
        "--out_dir",
        folder / "plan",
    )
    return folder, genome, records


def score(folder, bundle, out) -> list[dict]:
    """Score every shard with one bundle; its metrics."""
    for shard in sorted((folder / "plan" / "shards").glob("*.parquet")):
        call(
            "score_sites",
            "--fasta",
            folder / "genome.fa",
            "--bundle",
            bundle,
            "--shard",
            shard,
            "--neighbours",
            "false",
            "--out_dir",
            out,
        )
    return [
        json.loads(path.read_text()) for path in sorted(out.glob(f"{bundle.name}.*.metrics.json"))
    ]


def exported(folder, kind, tmp_path):
    """The checkpoint of that kind as loaded, and its bundle."""
    from gfmtrust.models import checkpoint

    weights = checkpoints.write(tmp_path / kind, kind)
    if (
        kind == "gpn"
    ):  # random logits put much on [PAD], [MASK] and [UNK], and such sites are MODEL_ERROR
        quieten_specials(weights / "model.safetensors")
    call(
        "export_model",
        "--fasta",
        folder / "genome.fa",
        "--model",
        weights,
        "--windows",
        50,
        "--allow_untrained",
        "--out_dir",
        tmp_path / "models",
    )
    return checkpoint.load(weights), Bundle.open(tmp_path / "models" / kind)


def quieten_specials(path) -> None:
    """Logits of the three special tokens become the mean of the bases': at most 3/7 of the mass is
    theirs, by Jensen's inequality."""
    from safetensors.torch import load_file, save_file

    content = load_file(path)
    content["cls.decoder.weight"][:3] = content["cls.decoder.weight"][3:].mean(0)
    save_file(content, path)


@pytest.mark.parametrize("kind", KINDS)
def test_every_allele_has_the_twins_llr(planned, tmp_path, kind):
    folder, genome, records = planned
    loaded, bundle = exported(folder, kind, tmp_path)
    metrics = score(folder, bundle.directory, tmp_path / "scores")
    score(folder, folder / "context_model", tmp_path / "scores")
    output = (
        "--plan",
        folder / "plan",
        "--scores",
        tmp_path / "scores",
        "--models",
        folder / "context_model",
        bundle.directory,
    )
    call("calibrate", *output, "--out_dir", tmp_path / "calibration")
    call(
        "annotate_sites",
        *output,
        "--calibration",
        tmp_path / "calibration" / "calibration.json",
        "--out_dir",
        tmp_path / "sites",
    )
    rows = (
        tables.read(tmp_path / "sites" / "sites.parquet")
        .to_pandas()
        .set_index(["pos", "ref", "alt"])
    )
    twin = NaiveTwin(loaded, bundle)
    asked = sorted({(pos, ref, alt) for pos, ref, alts in records for alt in alts})
    assert len(rows) == len(asked)
    assert set(rows["status"]) == {"SCORED"}
    for allele in asked:
        wanted = twin.llr(genome, *allele)
        assert rows.loc[allele, "llr"] == pytest.approx(wanted, abs=1e-4 * max(1.0, abs(wanted))), (
            allele
        )
    passes = twin.passes
    every = [
        (pos, ref, alt)
        for pos, ref, alts in records
        if len(ref) == 1 and len(alts) == 3
        for alt in alts
    ]
    for allele in every:
        twin.llr(genome, *allele)
    naive_per_site = 3 * (twin.passes - passes) / len(every)
    ours_per_site = metrics[0]["passes"] / metrics[0]["sites"]
    print(
        f"{kind}: {len(asked)} alleles; {ours_per_site:g} passes a site of {naive_per_site:g} for all ALTs"
    )
    assert metrics[0]["shard"] == "shard_00000"
    assert ours_per_site <= 0.35 * naive_per_site
