"""The tables of `gfmtrust models`: model families, registered checkpoints and bundles, with their
validation status. No model is run and torch is not imported.

    tables = catalogue(bundles=Path("results/models"))      name of a table -> its rows, dicts of text
    text(tables)

"not read" means that no source named in the registry states the fact, "not recorded" that no
conformance outcome of the family was kept.
"""

from __future__ import annotations

from pathlib import Path

from gfmtrust import models
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.schema import BUNDLE_FILE
from gfmtrust.core.errors import GfmtrustError, MissingInputError, message
from gfmtrust.models import family_facts, outcomes, registry
from gfmtrust.models.hub import size_text

UNKNOWN = "not read"
Tables = dict[str, list[dict[str, str]]]


def catalogue(
    family: str | None = None,
    bundles: Path | None = None,
    table: Path = registry.TABLE,
    recorded: Path = outcomes.RECORDED,
) -> Tables:
    """Return the tables `families`, `checkpoints` and, where a folder is given, `bundles`;
    restricted to one family where it is named.

    Raises ConfigurationError (78) for an unknown family and MissingInputError (66) for a folder
    without bundles. A bundle that is refused is listed with the reason.
    """
    names = [family] if family else list(models.FAMILIES)
    recorded_outcomes = outcomes.read(recorded)
    families = {name: _family(name, recorded_outcomes) for name in names}
    rows = [row for row in registry.read_rows(table).values() if row.family in names]
    listing: Tables = {
        "families": list(families.values()),
        "checkpoints": [_checkpoint(row, families[row.family]) for row in rows],
    }
    if bundles:
        listing["bundles"] = [
            row
            for row in map(_bundle, _folders(bundles))
            if not family or row["family"] in (family, "")
        ]
    return listing


def text(tables: Tables) -> str:
    """Return the tables as aligned columns, each under its name."""
    parts = []
    for name, rows in tables.items():
        cells = [list(rows[0]), *(list(row.values()) for row in rows)] if rows else [["none"]]
        widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in cells
        ]
        parts.append(f"{name}\n" + "".join(f"  {line}\n" for line in lines))
    return "\n".join(parts)


def _family(name: str, recorded_outcomes: list[outcomes.Outcome]) -> dict[str, str]:
    facts = family_facts.facts(name)
    return {
        "family": name,
        "kind": facts.kind,
        "reads": facts.reads,
        "model_type": ", ".join(facts.model_types),
        "layouts": str(len(facts.examples)),
        "conformance": _state(facts.examples, recorded_outcomes),
    }


def _state(examples: tuple[str, ...], recorded_outcomes: list[outcomes.Outcome]) -> str:
    """Summarise the recorded conformance of these examples: how many figures there are and how many
    exceed their bar."""
    of_family = [one for one in recorded_outcomes if one.example in examples]
    failed = [one for one in of_family if not one.passed]
    missing = [name for name in examples if name not in {one.example for one in of_family}]
    if missing:
        return "not recorded"
    return (
        f"{len(failed)} of {len(of_family)} figures over their bar"
        if failed
        else f"{len(of_family)} figures, all within their bars"
    )


def _checkpoint(row: registry.Row, family: dict[str, str]) -> dict[str, str]:
    return {
        "id": row.id,
        "family": row.family,
        "kind": family["kind"],
        "context_bp": row.window_bp,
        "weights": size_text(sum(map(int, row.weights_bytes.split())))
        if row.weights_bytes
        else UNKNOWN,
        "licence": row.licence or UNKNOWN,
        "organisms": row.organisms or UNKNOWN,
        "pinned": row.pinned,
        "layout": "checked" if row.layout_source else "not checked",
        "repository": row.repository,
    }


def _folders(folder: Path) -> list[Path]:
    """Return the folder itself if it is a bundle, otherwise the bundles in it. Raises
    MissingInputError (66) where there are none."""
    places = (
        [folder]
        if (folder / BUNDLE_FILE).is_file()
        else sorted(path.parent for path in folder.glob(f"*/{BUNDLE_FILE}"))
    )
    if not places:
        raise MissingInputError(
            message(
                str(folder),
                "no bundles",
                f"folders with {BUNDLE_FILE}",
                "give results/models of a run",
            )
        )
    return places


def _bundle(folder: Path) -> dict[str, str]:
    """Return the validation status of a bundle as a row. Its digests are checked; its golden
    windows are not run."""
    columns = (
        "bundle",
        "family",
        "gate",
        "precision",
        "devices",
        "parity",
        "context_bp",
        "licence",
    )
    try:
        opened = Bundle.open(folder)
    except GfmtrustError as error:
        return dict.fromkeys(columns, "") | {"bundle": folder.name, "gate": f"refused: {error}"}
    meta = opened.meta
    shapes = [
        shape
        for certificate in meta["proof"].get("parity", [])
        for shape in certificate.get("shapes", [])
    ]
    worst = max(shapes, key=lambda shape: shape["max_logp"] / shape["allowed"], default=None)
    needs_none = opened.quantity == "counts" or opened.is_external
    parity = (
        f"{worst['max_logp']:.2g} of {worst['allowed']:.2g}"
        if worst
        else "needs none"
        if needs_none
        else "not made"
    )
    cells = (
        opened.model_id,
        opened.family,
        opened.gate,
        opened.precision,
        ", ".join(sorted(meta["graphs"])),
        parity,
        str(meta["window"]["trained_bp"]),
        meta["identity"]["licence"] or "not stated",
    )
    return dict(zip(columns, cells, strict=True))
