"""The path of the tables inside the package, both in a checkout and in an installed wheel."""

from importlib import resources
from pathlib import Path


def path(name: str) -> Path:
    """Return the path of a file of models/data, whether it exists or not (`models conformance`
    writes one).

    A wheel is unpacked at installation, so this is a path and needs no temporary copy.
    """
    return Path(str(resources.files("gfmtrust.models"))) / "data" / name
