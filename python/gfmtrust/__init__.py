"""gfmtrust: how far a genomic foundation model can be trusted at each variant."""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
"""Set before any import of ONNX Runtime, which from 1.31 on sends events to its maker after some
seconds, and keeps an id of the machine in the folders for temporary and cached files."""
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

__version__ = "0.1.0"
PACKAGES = (
    "core",
    "io",
    "inputs",
    "copies",
    "score_tables",
    "bundle",
    "planning",
    "readers",
    "models",
    "baseline",
    "store",
    "scoring",
    "export",
    "calibration",
    "annotate",
    "report",
    "audit",
    "validation",
    "cli",
)
"""From low to high: a package imports from itself and from those before it, which a test checks."""

LARGE_LIBRARIES = {
    "io": ("pyfaidx", "pybedtools"),
    "score_tables": ("pyBigWig",),
    "bundle": ("onnxruntime",),
    "models": ("torch", "transformers", "onnxruntime"),
    "export": ("torch",),
    "report": ("pyBigWig",),
    "audit/replicate": ("torch", "transformers"),
    "audit/tracking": ("torch",),
}
"""Package, or a folder of one, -> the large libraries that it may import; the other packages import
none of them, which the same test checks. `audit/replicate` and `audit/tracking` train networks;
the rest of the audit reads bundles, without PyTorch."""
