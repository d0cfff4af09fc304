"""One function per step of the command line, each a library call without logic, and their table.

A function imports what it needs, so that `--help` is instant.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from gfmtrust.cli.steps import audit, checks, models, results, scoring, sites

STEPS: dict[str, Callable[[argparse.Namespace], None]] = {
    "read_sheet": sites.read_sheet,
    "check_inputs": sites.check_inputs,
    "fit_context_model": models.fit_context_model,
    "export_model": models.export_model,
    "copy_index": sites.copy_index,
    "plan_sites": sites.plan_sites,
    "estimate_run": scoring.estimate_run,
    "choose_stride": scoring.choose_stride,
    "read_labels": sites.read_labels,
    "list_sites": sites.list_sites,
    "import_scores": models.import_scores,
    "score_sites": scoring.score_sites,
    "merge_stores": scoring.merge_stores,
    "precompute": scoring.precompute,
    "join_tables": scoring.join_tables,
    "calibrate": results.calibrate,
    "annotate_sites": results.annotate_sites,
    "annotate_vcf": results.annotate_vcf,
    "annotate_regions": results.annotate_regions,
    "write_tracks": results.write_tracks,
    "report": results.report,
    "audit": audit.audit,
    "verify": checks.verify,
    "compare": checks.compare,
    "oracle": checks.oracle,
    "selfcheck": checks.selfcheck,
    "models": models.models,
    "benchmark": checks.benchmark,
    "benchmark_labels": checks.benchmark_labels,
}
"""Step name -> its function, in the order of `gfmtrust --help`."""
