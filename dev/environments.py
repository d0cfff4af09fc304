"""Write containers/<image>.environment.yml from the locks: the same versions, in conda's names.

There is one file per image, and modules refer to it; they are made, never edited. `make lock` runs
this. Does not resolve anything: whether conda has a version is not checked. `faults`
names what conda would refuse, or read otherwise than meant, as far as that shows in the text.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "python" / "requirements"
CONTAINERS = ROOT / "containers"
CONDA_NAMES = {"torch": "pytorch"}
BIOCONDA = {"multiqc", "pybedtools", "pybigwig", "pyfaidx", "pysam"}
BEDTOOLS = "bioconda::bedtools=2.31.1"
CHANNELS = ["conda-forge", "bioconda"]
"""In the order that bioconda asks for."""
PYTHON = "conda-forge::python=3.11"
SPECIFICATION = re.compile(r"(?P<channel>[a-z-]+)::(?P<name>[a-z0-9_.-]+)=(?P<version>[0-9][\w.]*)")


def named(path: Path) -> list[str]:
    """Packages that a .in file names, those of the files it includes too."""
    names = []
    for line in path.read_text().splitlines():
        if line.startswith("-r "):
            names += named(path.parent / line[3:])
        elif line and not line.startswith("#"):
            names.append(re.match(r"[A-Za-z0-9_.-]+", line).group())
    return names


def versions(path: Path) -> dict[str, str]:
    """name -> version of every package of a lock, e.g. {'numpy': '2.1.0'}."""
    return dict(re.findall(r"^([a-z0-9_.-]+)==([^ ;\\]+)", path.read_text(), re.MULTILINE))


def environment(lock: str) -> str:
    """The text of an environment.yml for one lock."""
    pinned = versions(REQUIREMENTS / f"{lock}.txt")
    lines = []
    for name in named(REQUIREMENTS / f"{lock}.in"):
        channel = "bioconda" if name in BIOCONDA else "conda-forge"
        lines.append(f"{channel}::{CONDA_NAMES.get(name, name)}={pinned[name.replace('_', '-')]}")
    if lock != "multiqc":
        lines.append(BEDTOOLS)
    head = "---\n# made by dev/environments.py from the locks; not edited by hand\n"
    head += "channels:\n" + "".join(f"  - {channel}\n" for channel in CHANNELS) + "dependencies:\n"
    return head + "".join(f"  - {line}\n" for line in sorted([*lines, PYTHON]))


def faults(content: dict) -> list[str]:
    """What is wrong with an environment.yml as read: channels, each 'channel::name=version', the
    Python, names that are pip's alone."""
    items = (
        []
        if content.get("channels") == CHANNELS
        else [f"channels are {content.get('channels')}; expected {CHANNELS}, in this order"]
    )
    dependencies = content.get("dependencies", [])
    for one in dependencies:
        parts = SPECIFICATION.fullmatch(one) if isinstance(one, str) else None
        if parts is None:
            items.append(
                f"{one}: expected channel::name=version; conda resolves no pip section, range or bare name to one version"
            )
        elif parts["name"] in CONDA_NAMES:
            items.append(
                f"{one}: a name of PyPI; expected {CONDA_NAMES[parts['name']]}, as conda calls it"
            )
        elif parts["channel"] != (
            "bioconda" if parts["name"] in {*BIOCONDA, "bedtools"} else "conda-forge"
        ):
            items.append(f"{one}: channel {parts['channel']}; expected the other of {CHANNELS}")
    return (
        items
        if PYTHON in dependencies
        else [*items, f"no {PYTHON}; expected the Python that the locks are made for"]
    )


def environments() -> dict[Path, str]:
    """Path -> text of the conda environment of every image."""
    images = sorted(path.stem for path in CONTAINERS.glob("*.Dockerfile"))
    return {CONTAINERS / f"{image}.environment.yml": environment(image) for image in images}


if __name__ == "__main__":
    for path, text in environments().items():
        path.write_text(text)
