"""Where the tables that travel inside the package lie, in a checkout and in an installed wheel
alike."""

from importlib import resources
from pathlib import Path


def path(name: str) -> Path:
    """Path of a file of models/data, whether it exists or not (`models conformance` writes one).

    A wheel is unpacked when it is installed, hence a path and no temporary copy.
    """
    return Path(str(resources.files("gfmtrust.models"))) / "data" / name
