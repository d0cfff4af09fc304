"""Pages from the templates of this package."""

from __future__ import annotations

import jinja2

from gfmtrust import __version__


def rendered(template: str, variables: dict) -> str:
    """An HTML page, with a line end. Every text of the variables is escaped unless it is marked as
    markup; `version` is that of gfmtrust. Raises jinja2.UndefinedError for a missing variable."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gfmtrust.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(template).render(variables, version=__version__) + "\n"
