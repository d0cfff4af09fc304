"""What the report of a run says of the audits of its models, as AUDIT wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gfmtrust.core.contracts.audit import Audit
from gfmtrust.core.errors import ConfigurationError, message

QUOTED = 3
"""Sentences of an audit that the report quotes."""
PAGE = "audit.html"


def read_audits(folder: Path | None, digests: Mapping[str, str]) -> tuple[Audit, ...]:
    """The audits in a folder, in the order of the models of the run; () without a folder. digests:
    of the bundles of the run, by id of the model.

    Raises ConfigurationError (78) for an audit of another bundle than the run's, or of a model that
    the run does not have.
    """
    if folder is None:
        return ()
    audits = {}
    for path in sorted(folder.glob(f"*/{Audit.NAME}")):
        audit = Audit.read(path)
        if audit.model.id not in digests:
            raise ConfigurationError(
                message(
                    str(path),
                    f"audit of {audit.model.id}",
                    f"a model of this run ({', '.join(digests)})",
                    "give the audit of this run",
                )
            )
        audit.require(path, digests[audit.model.id])
        audits[audit.model.id] = audit
    return tuple(audits[name] for name in digests if name in audits)


def audit_rows(audits: tuple[Audit, ...]) -> list[dict]:
    """The variables of the template: the name of each model and its first sentences."""
    return [
        {"id": audit.model.id, "lines": audit.verdict[:QUOTED], "page": PAGE} for audit in audits
    ]
