"""A module imports only from lower layers; torch, onnxruntime and pysam live where
docs/architecture.md says."""

import ast
from pathlib import Path

import pytest
from paths import ROOT

PACKAGE = ROOT / "python" / "gfmtrust"
LAYERS = {
    0: {"alphabet", "binomial", "records", "errors"},
    1: {
        "atomic",
        "memory",
        "outcomes",
        "tally",
        "progress",
        "bgzf",
        "fasta_scan",
        "genome",
        "background",
        "vcf",
        "info_column",
        "output_digest",
        "tabix",
        "splice",
        "bed",
        "contig_names",
        "tables",
        "spellings",
        "sites",
        "site_lookup",
        "measure_table",
        "info_values",
        "training",
        "track_list",
    },
    2: {
        "tokenizers",
        "onnx_file",
        "onnx_nodes",
        "graph_contract",
        "bundle",
        "session",
        "golden",
        "registry",
        "models",
        "parity",
        "gate",
        "export",
        "proof",
        "source",
        "context_model",
        "bpe",
        "bpe_file",
        "likelihoods",
    },
    3: {
        "distributions",
        "measures",
        "views",
        "nulls",
        "scoring",
        "tiles",
        "haplotypes",
        "variants",
        "alleles",
        "probes",
        "ensemble",
        "features",
        "halves",
        "shift",
        "certificates",
        "caps",
        "reliability",
        "ranking",
        "risk_coverage",
        "resampling",
        "calls",
        "strata",
        "calibration_record",
        "calibration",
        "flags",
        "region_summary",
        "external",
    },
    4: {
        "check",
        "check_vcf",
        "shards",
        "plan",
        "variant_plan",
        "stride",
        "steps",
        "estimate",
        "labels",
        "allele_features",
        "label_calibration",
        "local_lr",
        "calibrate",
        "sites_table",
        "header_lines",
        "allele_values",
        "sites_vcf",
        "annotate_vcf",
        "annotate_regions",
        "flag_track",
        "browsers",
        "tracks",
        "report",
        "report_numbers",
        "report_plots",
        "report_rows",
        "report_words",
        "report_svg",
        "report_groups",
        "model_comparison",
        "loci",
        "multiqc",
        "manifest",
        "verify",
        "compare",
        "oracle",
        "benchmark",
        "conformance",
        "conformance_tokens",
        "footprint",
        "import_scores",
        "site_list",
        "catalogue",
        "check_model",
    },
    5: {"cli", "cli_options"},
}
ONLY_IN = {
    "torch": {"models", "conformance", "conformance_tokens"},
    "transformers": {"models"},
    "onnxruntime": {"session", "models"},  # models/draft: its quantiser, which runs nothing
    "pyfaidx": {"genome"},
    "pybedtools": {"bed"},
    "pyBigWig": {"tracks"},
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """The top-level module a file belongs to: a package counts as one module."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def layer_of(name: str) -> int:
    for layer, names in LAYERS.items():
        if name in names:
            return layer
    raise AssertionError(
        f"module {name} has no layer: add it to docs/architecture.md and to this test"
    )


def imports(path: Path):
    """(module, line number) of every import, ours without the package name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            if node.module == "gfmtrust":
                yield from ((f"gfmtrust.{alias.name}", node.lineno) for alias in node.names)
            else:
                yield node.module, node.lineno


def faults(path: Path):
    mine = name_of(path)
    for module, line in imports(path):
        head, *rest = module.split(".")
        if head == "gfmtrust" and rest and not rest[0].startswith("_"):
            if rest[0] != mine and layer_of(rest[0]) > layer_of(mine):
                yield f"{path.name}:{line}: {mine} imports {rest[0]} from above"
        elif mine not in ONLY_IN.get(head, {mine}):
            yield f"{path.name}:{line}: {head} belongs in {sorted(ONLY_IN[head])}"


@pytest.mark.parametrize(
    "path",
    [path for path in modules() if path != PACKAGE / "__init__.py"],
    ids=lambda p: str(p.relative_to(PACKAGE)),
)
def test_imports_point_down(path):
    assert not list(faults(path))


def test_an_upward_import_is_found(tmp_path, monkeypatch):
    wrong = tmp_path / "alphabet.py"
    wrong.write_text("import torch\nfrom gfmtrust import scoring\n")
    monkeypatch.setattr("test_layers.PACKAGE", tmp_path)
    assert len(list(faults(wrong))) == 2


def test_files_are_small():
    long = {path.name: n for path in modules() if (n := len(path.read_text().splitlines())) > 400}
    assert not long
