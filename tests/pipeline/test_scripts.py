"""What stands between a value and the shell: every script block of every module, read as text, and
stub runs with hostile names."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import nextflow_run
import pytest

MODULES = sorted((nextflow_run.ROOT / "modules").glob("**/main.nf"))
HARMLESS = {"args", "task.cpus"}
"""Written by our own configuration, and a number."""
HOSTILE = (
    "a b",
    "a;touch x",
    "$(touch x)",
    "`touch x`",
    "a'b",
    'a"b',
    "../a",
    "a\nb",
    "a|touch x",
    "<b>",
    "-rf",
    "a*",
    "${HOME}",
    "é",
    "",
)


def blocks(text):
    """(statements, string) of each script and stub block of a module."""
    body = text.split("    script:\n", 1)[1].rsplit("\n}\n", 1)[0] + "\n"
    for part in re.split(r"^    stub:\n", body, flags=re.MULTILINE):
        statements, string, _rest = part.split('    """\n', 2)
        yield statements, string


def inputs(text, kind):
    """Names of a module's inputs of a kind: of path Nextflow escapes the names itself, val is text
    as it came."""
    return set(
        re.findall(
            rf"\b{kind}\(?\s*(\w+)", text.split("    input:\n", 1)[1].split("    output:\n", 1)[0]
        )
    )


def interpolations(string):
    """Expressions that Groovy puts into a string, e.g. ['fasta', 'quoted(seed)']; an escaped dollar
    is the shell's."""
    return re.findall(r"(?<!\\)\$\{([^{}]*)\}", string) + re.findall(
        r"(?<!\\)\$([A-Za-z_][\w.]*)", string
    )


def is_safe(expression, safe):
    """A safe variable or an element of one, or a call of `quoted` or `named`."""
    return (
        re.sub(r"\[\w+\]$", "", expression) in safe
        or re.fullmatch(r"(quoted|named)\([^()]*\)", expression) is not None
    )


def assigned(value, safe, raw):
    """Whether a right-hand side is safe: what its strings hold is, and no raw value stands outside
    them and the guards."""
    over = re.search(r"\b(\w+)\S*\.collect \{ (\w+) ->", value)
    safe_here = safe | ({over.group(2)} if over and over.group(1) in safe else set())
    bare = re.sub(r"\$\{(quoted|named)\([^()]*\)\}|(quoted|named)\([^()]*\)", "", value)
    if not all(is_safe(expression, safe_here) for expression in interpolations(bare)):
        return False
    bare = re.sub(r"'[^']*'|\"[^\"]*\"", "", bare)
    # what a value decides or is taken apart into is no text of it: `words ? … : …`, `ids.collect {
    # id -> … }`
    bare = re.sub(r"^\w+ \?|\w+(\.withIndex\(\))?\.collect \{ [\w, ]+ ->", "", bare)
    return not raw & set(re.findall(r"\b[A-Za-z_]\w*", bare))


def unsafe(text):
    """Interpolations of a module's scripts that may bring a text unquoted into the shell, in
    order."""
    raw = inputs(text, "val") | {"params", "id"}
    items = []
    for statements, string in blocks(text):
        safe = (
            inputs(text, "path")
            | HARMLESS
            | set(re.findall(r"^    named\((\w+)\)$", statements, re.MULTILINE))
        )
        for name, value in re.findall(r"^    (?:def )?(\w+) = (.*)$", statements, re.MULTILINE):
            if assigned(value, safe, raw):
                safe.add(name)
        items += [
            expression for expression in interpolations(string) if not is_safe(expression, safe)
        ]
    return items


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.parent.name)
def test_no_value_reaches_a_shell_unquoted(path):
    assert unsafe(path.read_text()) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.parent.name)
def test_a_stub_writes_gzip_as_nf_core_spells_it(path):
    """Its lint of the folder takes no other spelling; here without it."""
    stub = path.read_text().split("    stub:\n", 1)[1]
    for line in re.findall(r"^.*\.gz\"?$", stub, re.MULTILINE):
        assert 'echo "" | gzip > ' in line


SAFE = (nextflow_run.ROOT / "modules/local/gfmtrust/annotate_vcf/main.nf").read_text()


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("before", "after", "result"),
    [
        ("--id ${quoted(meta.id)}", "--id ${meta.id}", ["meta.id"]),
        ("--id ${quoted(meta.id)}", '--id "${meta.id}"', ["meta.id"]),
        ("--id ${quoted(meta.id)}", "--id $meta.id", ["meta.id"]),
        ("--id ${quoted(meta.id)}", "--id ${params.title}", ["params.title"]),
        ("--id ${quoted(meta.id)}", "--id ${code}", ["code"]),
        ("    named(prefix)\n", "", ["prefix", "prefix", "prefix"]),
        ("        ${args}", "        ${option}", ["option"]),
    ],
)
def test_a_planted_interpolation_is_found(before, after, result):
    assert before in SAFE
    text = SAFE.replace(before, after)
    assert sorted(set(unsafe(text))) == sorted(set(result))


@pytest.mark.bad_input
def test_a_planted_option_is_followed_to_its_value():
    text = (nextflow_run.ROOT / "modules/local/gfmtrust/import_scores/main.nf").read_text()
    assert unsafe(text.replace("${quoted(contig_map)}", "${contig_map}")) == ["map_option"]


def test_a_value_is_quoted_in_one_way_everywhere():
    """The two guards are defined once; a module includes those that it calls."""
    for path in MODULES:
        text = path.read_text()
        for name in ("quoted", "named"):
            calls = f"{name}(" in text
            assert calls == bool(
                re.search(rf"^include \{{ {name} +\}} from '../../shell'$", text, re.MULTILINE)
            )
            assert f"def {name}(" not in text


def run_hostile(folder, *options):
    """hostile.nf in a folder of its own, with the stand-in for gfmtrust."""
    (folder / "tools").mkdir()
    shutil.copy(Path(__file__).with_name("fake_gfmtrust.sh"), folder / "tools" / "gfmtrust")
    (folder / "tools" / "gfmtrust").chmod(0o755)
    for name in ("in.txt", "sites.txt", "calibration.txt", "calls"):
        (folder / name).write_text("")
    (folder / "values.json").write_text(json.dumps(HOSTILE))
    script = str(Path(__file__).with_name("hostile.nf"))
    return subprocess.run(
        ["nextflow", "run", script, "--folder", str(folder), *options],
        cwd=folder,
        capture_output=True,
        text=True,
        env=nextflow_run.environment(folder, tools=folder / "tools")
        | {"FAKE_LOG": str(folder / "calls")},
        timeout=nextflow_run.LIMIT_S,
        check=False,
    )


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Every hostile text as a value of a module, and to the guard of ids."""
    folder = tmp_path_factory.mktemp("hostile")
    ended = run_hostile(folder, "--id", "plain-1.a")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder


def calls(folder):
    return [call.split("\037") for call in (folder / "calls").read_text().split("\037\n") if call]


@pytest.mark.pipeline
@pytest.mark.bad_input
def test_a_hostile_value_is_one_word(hostile):
    seeds = [
        call[call.index("--seed") + 1] for call in calls(hostile) if call[0] == "fit_context_model"
    ]
    assert sorted(seeds) == sorted(HOSTILE)
    assert [
        call[call.index("--id") + 1] for call in calls(hostile) if call[0] == "annotate_vcf"
    ] == ["plain-1.a"]


@pytest.mark.pipeline
@pytest.mark.bad_input
def test_no_hostile_id_passes_the_guard(hostile):
    passed = json.loads((hostile / "verdicts.json").read_text())
    assert passed == {value: False for value in HOSTILE} | {"plain-1.a": True}


@pytest.mark.pipeline
@pytest.mark.bad_input
def test_a_hostile_id_ends_the_run_before_the_shell(tmp_path):
    ended = run_hostile(tmp_path, "--id", "$(touch x)")
    assert ended.returncode == 1
    assert "id '$(touch x)'; expected [A-Za-z0-9][A-Za-z0-9_.-]{0,127}; rename it" in ended.stdout
    assert not any(call[0] == "annotate_vcf" for call in calls(tmp_path))
    assert not [path for path in tmp_path.rglob("x") if path.is_file()]


@pytest.mark.pipeline
@pytest.mark.bad_input
def test_nothing_was_run_by_a_value(hostile):
    assert [path for path in hostile.rglob("x") if path.is_file()] == []
    assert not (nextflow_run.ROOT / "x").exists()
