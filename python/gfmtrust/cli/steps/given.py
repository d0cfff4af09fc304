"""What several steps read from their command line in the same way."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gfmtrust.scoring.options import ScoringOptions


def scoring_options(options: argparse.Namespace) -> ScoringOptions:
    """The options of scoring that the step has; the others keep their defaults."""
    from gfmtrust.scoring.options import ScoringOptions

    given = vars(options) | {"threads": options.cpus}
    names = (
        "views",
        "neighbours",
        "max_n",
        "device",
        "threads",
        "batch",
        "allow_long_window",
        "score_store",
        "new_rows",
    )
    return ScoringOptions(**{name: given[name] for name in names if name in given})
