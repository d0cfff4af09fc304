"""Write a folder of modules that `nf-core modules install` reads, from the pipeline's own
modules/local and subworkflows/local.

    python dev/nf_core_modules.py FOLDER

Nothing is written by hand twice: each module is copied with its name in the form that nf-core asks
for (a tool, a subtool without underscores: score_sites becomes gfmtrust/scoresites and
GFMTRUST_SCORESITES), and its nf-test is made from its meta.yml. FOLDER must not exist, or must be
one that this command wrote; what it wrote earlier is replaced. Commit it to a git repository to
install from it.
"""

import argparse
import re
import shutil
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
ORGANISATION = "gfmtrust"
MODULES = ROOT / "modules" / "local" / "gfmtrust"
SHELL = ROOT / "modules" / "local" / "shell.nf"
SUBWORKFLOWS = ("vcf_annotate_gfm",)
WHEN = "    when:\n    task.ext.when == null || task.ext.when\n\n"
SETTINGS = (
    f"repository_type: modules\norg_path: {ORGANISATION}\ncontainer-registry:\n  - gfmtrust/\n"
)
INTRODUCTION = """# Modules of gfmtrust

Made by `dev/nf_core_modules.py` of the pipeline; not edited by hand. Install with

    nf-core subworkflows --git-remote <this repository> install vcf_annotate_gfm

and read docs/extend/integration.md of the pipeline.
"""
NF_TEST = """config {
    testsDir   = "."
    workDir    = System.getenv("NFT_WORKDIR") ?: ".nf-test"
    configFile = "tests/config/nextflow.config"
}
"""
NEXTFLOW = "process.resourceLimits = [cpus: 2, memory: '6.GB', time: '1.h']\n"
STUB_VALUES = {
    "map": "[ id:'test' ]",
    "list": "[ 'test' ]",
    "string": "'test'",
    "integer": "1",
    "boolean": "true",
    "number": "1.0",
}
"""What a stub run is given for an input of each type of meta.yml; a file may be left out."""


def process_name(module: str) -> str:
    """GFMTRUST_SCORESITES of score_sites."""
    return f"{ORGANISATION}_{subtool(module)}".upper()


def subtool(module: str) -> str:
    """scoresites of score_sites: nf-core reads the folder out of the process' name, an underscore a
    level."""
    return module.replace("_", "")


def renamed(text: str, modules: list[str]) -> str:
    """A script with every process and include in the names of the folder."""
    for module in modules:
        text = text.replace(
            f"modules/local/gfmtrust/{module}/",
            f"modules/{ORGANISATION}/gfmtrust/{subtool(module)}/",
        )
        text = re.sub(rf"\b{module.upper()}\b", process_name(module), text)
    return text


def environment_of(script: str) -> Path:
    """The conda environment that a module of the pipeline refers to."""
    name = re.search(r'conda "\$\{projectDir\}/(containers/[\w.]+)"', script).group(1)
    return ROOT / name


def self_contained(script: str) -> str:
    """A module that can be carried away alone: the shared functions it includes stand at its end, its
    environment lies beside it, and it has the `when` that nf-core's lint asks for."""
    script = with_functions(script, "../../shell", SHELL)
    script = re.sub(r'conda "[^"]+"', 'conda "${moduleDir}/environment.yml"', script)
    return script.replace("    script:\n", WHEN + "    script:\n", 1).lstrip("\n")


def with_functions(script: str, included: str, source: Path) -> str:
    """The script with the functions that it includes from a file at its end instead, because the
    lint of nf-core takes every included file for a component. included: the file as the script
    writes it."""
    pattern = rf"^include \{{ (\w+) +\}} from '{re.escape(included)}'\n"
    names = re.findall(pattern, script, re.MULTILINE)
    script = re.sub(pattern, "", script, flags=re.MULTILINE)
    return script + "".join("\n" + text for text in shared_functions(source.read_text(), names))


def shared_functions(shared: str, names: list[str]) -> list[str]:
    """The text of the functions of these names, and of those of the same file that they call, in
    the order of the file."""
    pattern = r"^/\*\* [^\n]* \*/\ndef (\w+)\(.*?^}\n"
    matches = re.finditer(pattern, shared, re.DOTALL | re.MULTILINE)
    texts = {match.group(1): match.group() for match in matches}
    needed: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += [other for other in texts if re.search(rf"\b{other}\(", texts[name])]
    return [text for name, text in texts.items() if name in needed]


def components_renamed(text: str, modules: list[str]) -> str:
    """A subworkflow's meta.yml with its components in the names of the folder, e.g.
    gfmtrust/scoresites for score/sites."""
    for module in modules:
        text = text.replace(
            f"  - {module.replace('_', '/')}\n", f"  - gfmtrust/{subtool(module)}\n"
        )
    return re.sub(r"# as nf-core reads.*\n", "", text)


def stub_input(entry: list | dict) -> str:
    """An input of meta.yml as an nf-test gives it: a tuple is a list of elements, a value stands
    alone."""
    elements = entry if isinstance(entry, list) else [entry]
    values = [
        STUB_VALUES.get(settings["type"], "[]")
        for element in elements
        for settings in element.values()
    ]
    return f"[ {', '.join(values)} ]" if isinstance(entry, list) else values[0]


def module_test(name: str, process: str, meta: dict) -> str:
    """main.nf.test of a module: its stub run succeeds and names its version."""
    inputs = "\n".join(
        f"                input[{number}] = {stub_input(entry)}"
        for number, entry in enumerate(meta["input"])
    )
    return f'''nextflow_process {{

    name "Test Process {process}"
    script "../main.nf"
    process "{process}"

    tag "modules"
    tag "modules_{ORGANISATION}"
    tag "gfmtrust"
    tag "{name}"

    test("stub") {{

        options "-stub"

        when {{
            process {{
                """
{inputs}
                """
            }}
        }}

        then {{
            assert process.success
            assert process.out.versions_gfmtrust.size() == 1
        }}
    }}
}}
'''


def subworkflow_test(name: str, components: list[str]) -> str:
    """main.nf.test of a subworkflow: no VCF, no task."""
    tools = [component.split("/")[-1] for component in components]
    tags = "\n".join(f'    tag "{tag}"' for tag in (*components, *tools))
    return f'''nextflow_workflow {{

    name "Test Subworkflow {name.upper()}"
    script "../main.nf"
    workflow "{name.upper()}"

    tag "subworkflows"
    tag "subworkflows_{ORGANISATION}"
    tag "subworkflows/{name}"
    tag "gfmtrust"
{tags}

    test("no VCF - stub") {{

        options "-stub"

        when {{
            workflow {{
                """
                input[0] = channel.empty()
                input[1] = channel.value([ [ id:'test' ], [] ])
                input[2] = channel.empty()
                input[3] = [:]
                """
            }}
        }}

        then {{
            assert workflow.success
            assert workflow.trace.tasks().size() == 0
        }}
    }}
}}
'''


def modules_of_subworkflows() -> list[str]:
    """The modules that the subworkflows include. Those of the pipeline alone, such as the reading of
    its samplesheet, are of no use to another pipeline."""
    scripts = [
        (ROOT / "subworkflows" / "local" / name / "main.nf").read_text() for name in SUBWORKFLOWS
    ]
    pattern = rf"modules/local/{ORGANISATION}/(\w+)/main"
    return sorted({name for script in scripts for name in re.findall(pattern, script)})


def files() -> dict[Path, str]:
    """Relative path -> text of everything in the folder."""
    modules = modules_of_subworkflows()
    texts = {
        Path(".nf-core.yml"): SETTINGS,
        Path("README.md"): INTRODUCTION,
        Path("LICENSE"): (ROOT / "LICENSE").read_text(),
    }
    texts |= {Path("nf-test.config"): NF_TEST, Path("tests/config/nextflow.config"): NEXTFLOW}
    for module in modules:
        folder = Path("modules") / ORGANISATION / "gfmtrust" / subtool(module)
        meta = (MODULES / module / "meta.yml").read_text()
        script = (MODULES / module / "main.nf").read_text()
        texts[folder / "main.nf"] = renamed(self_contained(script), modules)
        texts[folder / "meta.yml"] = meta.replace(
            f"name: gfmtrust_{module}\n", f"name: gfmtrust_{subtool(module)}\n"
        )
        texts[folder / "environment.yml"] = environment_of(script).read_text()
        texts[folder / "tests" / "main.nf.test"] = module_test(
            f"gfmtrust/{subtool(module)}", process_name(module), yaml.safe_load(meta)
        )
    for name in SUBWORKFLOWS:
        source = ROOT / "subworkflows" / "local" / name
        folder = Path("subworkflows") / ORGANISATION / name
        meta = components_renamed((source / "meta.yml").read_text(), modules)
        script = with_functions((source / "main.nf").read_text(), "./inputs", source / "inputs.nf")
        texts[folder / "main.nf"] = renamed(script, modules)
        texts[folder / "meta.yml"] = meta
        texts[folder / "tests" / "main.nf.test"] = subworkflow_test(
            name, yaml.safe_load(meta)["components"]
        )
    return texts


def write(folder: Path) -> list[Path]:
    """Write the folder anew; its .git stays. Returns the paths written. FileExistsError: the folder
    holds something else."""
    if folder.exists() and any(folder.iterdir()) and not is_ours(folder):
        raise FileExistsError(folder)
    for part in ("modules", "subworkflows"):
        shutil.rmtree(folder / part, ignore_errors=True)
    texts = files()
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return sorted(texts)


def is_ours(folder: Path) -> bool:
    settings = folder / ".nf-core.yml"
    return (settings.is_file() and settings.read_text() == SETTINGS) or [
        path.name for path in folder.iterdir()
    ] == [".git"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    try:
        written = write(folder)
    except FileExistsError:
        print(
            f"modules: {folder}: holds other files; expected a new folder or one that this command wrote; name another",
            file=sys.stderr,
        )
        return 73
    print(f"modules: made {folder}: {len(written)} files")
    print(
        "modules: next: commit it; nf-core subworkflows --git-remote <its address> install vcf_annotate_gfm"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
