"""The functions of the steps of the models."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
from pathlib import Path

from gfmtrust.core.errors import BadDataError, UsageError, message

log = logging.getLogger("gfmtrust")


def fit_context_model(options: argparse.Namespace) -> None:
    from gfmtrust.baseline import write as step

    step.fit_context_model(options.fasta, options.out_dir, seed=options.seed)


def export_model(options: argparse.Namespace) -> None:
    from gfmtrust.export import export
    from gfmtrust.export.options import ExportOptions

    export.export_model(
        options.model,
        options.fasta,
        options.out_dir,
        ExportOptions(
            model_id=options.model_id,
            allow_untrained=options.allow_untrained,
            n_windows=options.windows,
            precision=options.precision,
            heldout_contigs=tuple(options.heldout_contigs),
        ),
    )


def import_scores(options: argparse.Namespace) -> None:
    from gfmtrust.export import import_scores as step
    from gfmtrust.export.external_bundle import ScoresStated

    stated = ScoresStated(
        options.external_key,
        options.contig_map,
        options.licence,
        options.external_columns,
        options.heldout_contigs,
    )
    step.import_scores(options.scores, options.model_id, options.fasta, options.out_dir, stated)


def models(options: argparse.Namespace) -> None:
    from gfmtrust.models import catalogue, registry

    if options.action == "pin":
        if len(options.names) > 1:
            raise UsageError(
                message("models pin", f"{len(options.names)} ids", "one id", "pin them one by one")
            )
        registry.pin(options.names[0] if options.names else None)
    elif options.action == "conformance":
        _conformance(options)
    elif options.action == "check":
        _check_model(options)
    elif options.names:
        raise UsageError(
            message(
                "models list",
                f"the name {options.names[0]}",
                "no name",
                "list one family with --family, or check a model with gfmtrust models check NAME",
            )
        )
    else:
        tables = catalogue.catalogue(options.family, options.bundles)
        sys.stdout.write(
            json.dumps(tables, indent=1) + "\n" if options.json else catalogue.text(tables)
        )


def _check_model(options: argparse.Namespace) -> None:
    """Check one model and print the result.

    Raises BadDataError afterwards if the model does not read DNA and `--allow_untrained` is absent.
    """
    from gfmtrust.export import check_model
    from gfmtrust.io import tables

    if len(options.names) != 1:
        raise UsageError(
            message(
                "models check",
                f"{len(options.names)} names",
                "one model",
                "see gfmtrust models --help",
            )
        )
    result = check_model.check_model(
        options.names[0], options.fasta, options.out_dir, options.windows, options.cpus
    )
    content = check_model.content(result)
    sys.stdout.write(
        json.dumps(content, indent=1) + "\n" if options.json == "-" else check_model.text(result)
    )
    if options.json not in (None, "-"):
        tables.write_json(Path(options.json), content)
    if not result.passed and not options.allow_untrained:
        place, (measured, expected) = (
            f"model {result.identity['model_id']}",
            check_model.failure(result),
        )
        raise BadDataError(
            message(
                place,
                measured,
                expected,
                "weights untrained or misread? --allow_untrained ends with 0 all the same",
            )
        )


def _conformance(options: argparse.Namespace) -> None:
    """Run the conformance suite over the given families, or over all, and print its table.

    Raises BadDataError afterwards if a figure is beyond its limit.
    """
    from gfmtrust.export import conformance
    from gfmtrust.models import examples, outcomes

    with tempfile.TemporaryDirectory() as scratch:
        results = []
        for name, example in examples.all_of(options.names).items():
            log.info("%s", name)
            results += conformance.outcomes({name: example}, Path(scratch) / name)
    if options.out:
        outcomes.write(results, options.out)
    sys.stdout.write(outcomes.table(results))
    if failed := [result for result in results if not result.passed]:
        first = failed[0]
        expected = f"{'at least' if first.at_least else 'at most'} {first.allowed:.2g}"
        raise BadDataError(
            message(f"{first.example}, {first.check}", f"{first.value:.2g}", expected)
        )
