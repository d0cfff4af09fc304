"""The page of a replication, offline, in the style of the audit's pages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gfmtrust.audit import page as audit_page
from gfmtrust.audit.replicate.claims import line
from gfmtrust.core.contracts.audit import Statistic
from gfmtrust.core.contracts.replication import Replication
from gfmtrust.core.documents import write_text
from gfmtrust.core.progress import duration
from gfmtrust.report.rendering import rendered

PAGE = "replicate.html"


def write(folder: Path, replication: Replication) -> None:
    """Write the page."""
    write_text(folder / PAGE, html(replication))


def html(replication: Replication) -> str:
    """The page. Every text is escaped; only figures are markup."""
    return rendered(
        "audit_replicate.html.j2",
        {
            "title": f"arXiv 2604.04287 in miniature on {replication.genome}",
            "facts": replication,
            "lines": [line(one) for one in replication.verdicts],
            "verdicts": [
                (one, [audit_page.cells(_named(row), "1") for row in one.differences])
                for one in replication.verdicts
            ],
            "measures": [audit_page.section(one) for one in replication.measures],
            "time": duration(replication.seconds),
            "cpu": duration(replication.cpu_seconds),
        },
    )


def _named(row: Statistic) -> Statistic:
    """A difference with the statistic that it is of."""
    return replace(row, label=f"{row.series}: {row.label}")
