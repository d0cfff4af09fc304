"""The pages say what the code does: generated tables, every name a user can meet, commands that
parse, links that resolve."""

import importlib.util
import json
import re
import shlex
import shutil
from itertools import takewhile

import pytest
from paths import ROOT

from gfmtrust.annotate import header_lines, region_summary
from gfmtrust.baseline import fit
from gfmtrust.calibration import caps, certificates, reliability, shift, splits
from gfmtrust.cli import main as cli
from gfmtrust.cli import options as cli_options
from gfmtrust.core import binomial, errors, progress
from gfmtrust.core.vocabulary import STATUS_ORDER, Why
from gfmtrust.inputs import check_vcf
from gfmtrust.models import FAMILIES
from gfmtrust.planning import drawn_probes, plan, probes, site_classes
from gfmtrust.readers import site_scores, windows
from gfmtrust.scoring import stride

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
MARKERS = {"<!-- demo-record -->", "<!-- measured -->"}
FOREIGN_OPTIONS = {
    "columns-file",
    "header-lines",
    "gres",
    "git-remote",
    "branch",
    "info",
    "build-arg",
}
"""Options of bcftools, SLURM, nf-core, slivar and docker that the pages show."""
NEXTFLOW_OPTIONS = {"help"}
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|home|tmp|mnt|Users)/")
OWN_RUN = re.compile(r'nextflow run (\.|"\$GFMTRUST") ')
HEADING = re.compile(r"^(#+) (.*)$", re.MULTILINE)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def load_tool():
    spec = importlib.util.spec_from_file_location("write_docs", ROOT / "dev" / "write_docs.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


WRITE_DOCS = load_tool()


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def schema_parameters():
    schema = json.loads(text_of("nextflow_schema.json"))
    return {name for group in schema["$defs"].values() for name in group["properties"]}


def subcommands():
    return next(
        action.choices
        for action in WRITE_DOCS.parser()._actions
        if isinstance(action.choices, dict)
    )


def first_cells(page, header):
    """First column of the table whose header row begins so, backticks taken away; one name a cell
    or several by commas."""
    lines = text_of(page).split(f"| {header} |", 1)[1].splitlines()[2:]
    rows = [
        line
        for line in lines[
            : next(i for i, line in enumerate([*lines, ""]) if not line.startswith("|"))
        ]
    ]
    return [name.strip() for row in rows for name in row.split("|")[1].replace("`", "").split(",")]


def code_lines(text):
    """Commands of the fenced blocks without a language, continued lines joined."""
    for language, block in FENCE.findall(text):
        if not language:
            yield from block.replace("\\\n", " ").splitlines()


def inline_code(text):
    return re.findall(r"`([^`\n]+)`", FENCE.sub("", text))


def wrong_command(line):
    """Why a `gfmtrust` line would not be understood, None where it would (or is none)."""
    if not line.startswith("gfmtrust "):
        return None
    words = list(
        takewhile(lambda word: word not in ("|", "||", "&&", ">"), shlex.split(line, comments=True))
    )
    try:
        cli_options.parser(cli.Parser, "").parse_args(words[1:])
    except errors.UsageError as error:
        return str(error)
    except SystemExit:  # --help, --version
        return None
    return None


def wrong_parameters(line):
    """Parameters of a line that runs our pipeline that the pipeline does not have."""
    return set(re.findall(r"--(\w+)", line)) - schema_parameters() if OWN_RUN.match(line) else set()


def unknown_marks(text):
    """HTML comments that are neither a generated table's nor one of MARKERS, and words that mean
    unfinished."""
    comments = {
        result
        for result in re.findall(r"<!--.*?-->", text)
        if not re.match(r"<!-- (begin|end) ", result)
    }
    return (comments - MARKERS) | set(re.findall(r"\b(?:TODO|FIXME|TBD|XXX)\b", text))


def anchors(page):
    """Anchors of a page's headings, as GitHub makes them: letters, digits, underscores and hyphens
    in lower case, each space a hyphen."""
    headings = HEADING.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
    return {
        re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for _, title in headings
    }


def broken_links(page, text):
    """Links to a file that is not there, or to a heading that its page does not have."""
    items = []
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", FENCE.sub("", text)):
        if target.startswith("https://"):
            continue
        path = page.parent / target if target else page
        if not path.exists():
            items.append(target)
        elif anchor and anchor not in anchors(path):
            items.append(f"{target}#{anchor}")
    return items


# --- generated tables
# ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_generated_tables_are_those_of_the_code(page):
    text = text_of(page)
    assert WRITE_DOCS.rewritten(text) == text, "run python dev/write_docs.py"


def test_each_generated_table_stands_on_some_page():
    match = {name for page in PAGES for name in re.findall(r"<!-- begin (\w+)", text_of(page))}
    assert match == set(WRITE_DOCS.BLOCKS)


@pytest.mark.bad_input
def test_a_stale_table_is_found_and_mended(tmp_path, monkeypatch, capsys):
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    for name in ("README.md", "nextflow_schema.json", "conf/base.config"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    monkeypatch.setattr(WRITE_DOCS, "ROOT", tmp_path)
    assert WRITE_DOCS.main(["--check"]) == 0
    page = tmp_path / "docs" / "start" / "output.md"
    page.write_text(page.read_text().replace("| `GFM_ENT` | A |", "| `GFM_ENT` | 1 |"))
    assert WRITE_DOCS.main(["--check"]) == 1
    assert "output.md: out of date" in capsys.readouterr().out
    assert WRITE_DOCS.main([]) == 0
    assert page.read_text() == text_of("docs/start/output.md")


@pytest.mark.bad_input
def test_a_parameter_that_no_page_tells_is_found(tmp_path, monkeypatch):
    schema = json.loads(text_of("nextflow_schema.json"))
    schema["$defs"]["scoring_options"]["properties"]["new_one"] = {
        "type": "integer",
        "default": 3,
        "description": "What it does.",
    }
    (tmp_path / "nextflow_schema.json").write_text(json.dumps(schema))
    monkeypatch.setattr(WRITE_DOCS, "ROOT", tmp_path)
    assert "| `--new_one` | integer | `3` | What it does. |" in WRITE_DOCS.parameters()
    assert WRITE_DOCS.parameters() not in text_of("docs/start/usage.md")


@pytest.mark.bad_input
def test_a_block_that_nothing_writes_is_an_error():
    with pytest.raises(KeyError, match="measurez"):
        WRITE_DOCS.rewritten("<!-- begin measurez -->\n\n<!-- end measurez -->\n")


def test_text_outside_the_blocks_is_never_touched():
    assert (
        WRITE_DOCS.rewritten("| a | b |\n\n<!-- a note -->\n") == "| a | b |\n\n<!-- a note -->\n"
    )


@pytest.mark.bad_input
def test_a_cell_cannot_break_its_table():
    assert WRITE_DOCS.table(["a"], [["x|y <TAB>"]]) == "| a |\n| --- |\n| x\\|y &lt;TAB> |\n"


# --- every name a user can meet
# -----------------------------------------------------------------------------------------


def test_exit_codes_are_all_told_with_what_the_pipeline_does():
    by_name = {
        line.split("|")[1].strip(): line.split("|")[3].strip()
        for line in WRITE_DOCS.exit_codes().splitlines()[2:]
    }
    assert {str(kind.exit_code) for kind in errors.GfmtrustError.__subclasses__()} <= set(by_name)
    assert {code for code, does in by_name.items() if does == "try again"} == {"75", "130", "143"}
    assert WRITE_DOCS.exit_codes() in text_of("docs/start/usage.md")


def test_codes_that_are_retried_are_those_of_the_config():
    assert WRITE_DOCS.retried_codes() == {75, 104, *range(130, 146), *range(175, 178)}


def test_statuses_stand_in_order_of_precedence():
    assert first_cells("docs/start/output.md", "status | the allele") == [
        str(status) for status in STATUS_ORDER
    ]


def test_reasons_stand_worst_first():
    assert first_cells("docs/start/output.md", "code | set when | effect") == [
        str(why) for why in Why
    ]


@pytest.mark.parametrize("line", ["RESEARCH_USE", "SAFE_FILTER"])
def test_header_lines_for_people_are_told(line):
    assert getattr(header_lines, line)
    assert "`##gfmtrustUse`, `##gfmtrustFilter`" in text_of("docs/start/output.md")


def test_families_are_those_of_the_registry():
    assert set(
        first_cells(
            "docs/understand/models.md", "family | networks | reads | window | context | export"
        )
    ) == {*FAMILIES, "context_model"}


def test_profiles_are_those_of_the_config():
    block = text_of("nextflow.config").split("\nprofiles {\n")[1].split("\n}\n")[0]
    declared = set(re.findall(r"^    (\w+) \{", block, flags=re.MULTILINE)) - {"standard"}
    assert set(first_cells("docs/start/usage.md", "profile | what it does")) - {"none"} == declared


def test_samplesheet_columns_are_those_of_its_schema():
    schema = json.loads(text_of("assets/schema_input.json"))
    assert set(first_cells("docs/start/usage.md", "column | needed | meaning")) == set(
        schema["items"]["properties"]
    )


def test_info_keys_are_all_explained_in_the_readme():
    keys = re.findall(r"GFM_[A-Z_]+", WRITE_DOCS.info_keys())
    explained = section("README.md", "One record explained")
    assert [key for key in keys if f"`{key}`" not in explained] == []


# --- numbers in the text
# ------------------------------------------------------------------------------------------------

USAGE, OUTPUT, QUESTIONS = (f"docs/start/{name}.md" for name in ("usage", "output", "questions"))
RELIABILITY, SCORING = (f"docs/understand/{name}.md" for name in ("reliability", "scoring"))
SPLITS, CERTIFICATES = "The fit split: reliability", "The certification splits: certificates"
PROBES, REGIONS = "Drawing the probes", "Regions"

NUMBERS = [
    (RELIABILITY, SPLITS, f"{splits.MIN_BLOCKS} blocks"),
    (RELIABILITY, SPLITS, f"{4 * plan.BLOCK_WINDOW_BP:,} bases"),
    (RELIABILITY, CERTIFICATES, f"{certificates.MIN_CELL_PROBES} probes"),
    (RELIABILITY, CERTIFICATES, f"{certificates.MIN_FIT_PROBES} probes"),
    (RELIABILITY, SPLITS, f"{reliability.FEW_PROBES} probes"),
    (RELIABILITY, SPLITS, f"{100 * reliability.MAX_MISSING:g} %"),
    (RELIABILITY, PROBES, f"{probes.MIN_SNVS_FOR_SPECTRUM:,}"),
    (RELIABILITY, PROBES, f"{site_classes.MIN_CANDIDATES} candidates"),
    (RELIABILITY, PROBES, f"{probes.MIN_SNVS_FOR_SURPRISAL} SNVs"),
    (RELIABILITY, PROBES, f"{drawn_probes.POOL_SITES:,} places"),
    (RELIABILITY, "Shift", f"±{shift.MAX_DELTA_BITS:.2f} bit"),
    (RELIABILITY, "Shift", f"p < {shift.KS_P:g}"),
    (RELIABILITY, "Shift", f"D >= {shift.MAX_KS_D:.2f}"),
    (RELIABILITY, "Shift", f"{shift.MIN_SITES} sites"),
    (RELIABILITY, REGIONS, f"{region_summary.MIN_BASES_REGION_ERROR} scored bases"),
    (RELIABILITY, REGIONS, f"{100 * region_summary.MIN_SCORED_SHARE:g} % scored bases"),
    (RELIABILITY, "In plain words", f"{100 * binomial.upper_bound(6, 312, 0.05):.1f} %"),
    (RELIABILITY, "In plain words", f"{100 * binomial.upper_bound(2, 30, 0.05):.1f} %"),
    (OUTPUT, "Annotated BED", f"{region_summary.NEAR_UNIFORM_BITS} bits"),
    (OUTPUT, "Statuses", f"{plan.MAX_ALLELE_BP} bp"),
    (OUTPUT, "Statuses", f"min(W/4, {windows.MIN_REAL_BASES})"),
    (OUTPUT, "Statuses", f"{100 * site_scores.MAX_BAD_SHARE:g} % of the windows"),
    (OUTPUT, "Reasons: GFM_WHY", f"{caps.HIGH_ENTROPY_BITS} bits"),
    (OUTPUT, "Reasons: GFM_WHY", f"{caps.MIN_SIGN_AGREEMENT}"),
    (OUTPUT, "Reasons: GFM_WHY", f"{100 * caps.N_SHARE:g} % of the window"),
    (SCORING, REGIONS, f"{stride.CHECKED_BASES:,} random region bases"),
    (SCORING, REGIONS, f"{stride.MAX_MEDIAN_BITS} bit"),
    (SCORING, "The distribution at a site", f"{site_scores.OFF_ALPHABET_LIMIT}"),
    (SCORING, "Alleles", f"{check_vcf.MIN_MISMATCHES}"),
    (SCORING, "Alleles", f"{100 * check_vcf.MAX_MISMATCH_RATE:g} %"),
    (QUESTIONS, "Missing values", f"{plan.MAX_ALLELE_BP} bp"),
    (QUESTIONS, "Names and assemblies", f"{fit.MIN_BASES:,} known bases"),
    (QUESTIONS, "Names and assemblies", f"{check_vcf.MIN_MISMATCHES}"),
    (QUESTIONS, "Speed, memory, machines", f"{progress.SECONDS} s"),
]
"""(page, heading of a section, a value of the code with its unit): the section states the value."""


def section(page, heading):
    """Text below a heading, up to the next one of its level or above."""
    text = FENCE.sub("", text_of(page))
    level, start = next(
        (len(match[1]), match.end())
        for match in HEADING.finditer(text)
        if match[2].strip() == heading
    )
    ends = [match.start() for match in HEADING.finditer(text, start) if len(match[1]) <= level]
    return " ".join(text[start : min(ends, default=len(text))].split())


@pytest.mark.parametrize(("page", "heading", "value"), NUMBERS)
def test_a_section_states_the_value_of_the_code(page, heading, value):
    assert re.search(rf"(?<![\d.,]){re.escape(value)}(?!\d)", section(page, heading))


def test_table_of_errors_allowed_is_what_the_bound_allows():
    rows = text_of("docs/understand/reliability.md").split("| α | n = 59 |")[1].splitlines()
    sizes = [59, *(int(cell.replace(",", "")) for cell in rows[0].split("|")[:-1])]
    for row in rows[2:4]:
        alpha, *allowed = (float(cell.replace(",", "")) for cell in row.strip("| ").split("|"))
        assert allowed == [certificates.largest_errors(n, alpha, 0.05) for n in sizes]


# --- commands, links, words
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_code_blocks_parse(page):
    faults = [
        (line, wrong)
        for line in code_lines(text_of(page))
        for wrong in (wrong_command(line), wrong_parameters(line))
        if wrong
    ]
    assert faults == []


def options_of_benchmarks() -> set[str]:
    """The options of the scripts in benchmarks/."""
    texts = (path.read_text(encoding="utf-8") for path in (ROOT / "benchmarks").rglob("*.py"))
    return {name for text in texts for name in re.findall(r'add_argument\(\s*"--([a-z_]+)"', text)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_options_named_in_the_text_exist(page):
    options = {
        option.lstrip("-")
        for one in subcommands().values()
        for action in one._actions
        for option in action.option_strings
    }
    existing = (
        options
        | schema_parameters()
        | FOREIGN_OPTIONS
        | NEXTFLOW_OPTIONS
        | options_of_benchmarks()
        | {"check", "version", "debug"}
    )
    named = {
        name
        for code in inline_code(text_of(page))
        for name in re.findall(r"(?<![\w-])--([a-z][\w-]*)", code)
    }
    assert named - existing == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_subcommands_named_in_the_text_exist(page):
    named = {
        match[1]
        for code in inline_code(text_of(page))
        if (match := re.match(r"gfmtrust (\w+)", code))
    }
    assert named <= set(subcommands())


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("line", "result"),
    [
        ("gfmtrust annotate --vcf x", "step annotate: unknown"),
        ("gfmtrust verify || true", "required"),
        ("gfmtrust models list --everything", "unrecognized arguments"),
        ("gfmtrust oracle --out_dir x --seed one", "not an integer"),
    ],
)
def test_a_command_that_would_not_parse_is_found(line, result):
    assert result in wrong_command(line)


@pytest.mark.bad_input
def test_a_parameter_that_does_not_exist_is_found():
    assert wrong_parameters("nextflow run . --fasta g.fa --batch 8 -resume") == {"batch"}
    assert wrong_parameters("nextflow run nf-core/sarek --step annotate") == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_resolve(page):
    assert broken_links(page, text_of(page)) == []


@pytest.mark.bad_input
def test_a_broken_link_is_found():
    assert broken_links(
        ROOT / "docs" / "start" / "x.md",
        "[a](usage.md#run-it) [b](absent.md) [c](https://example.org) [d](usage.md#walk-it)",
    ) == ["absent.md", "usage.md#walk-it"]


FOLDERS = ("python", "tests", "dev", "benchmarks", "training", "assets", "conf", "containers")
"""Folders of the repository whose files the pages name."""


def absent_files(text, base=ROOT):
    """Paths in code style that begin with one of FOLDERS, or with a package, and are not there."""
    packages = {path.name for path in (base / "python" / "gfmtrust").iterdir() if path.is_dir()}
    items = []
    for name in re.findall(r"[\w./*-]+", " ".join(inline_code(text))):
        top = name.split("/")[0]
        if "/" not in name or not re.search(r"(\.(py|sh|nf|csv|json|txt|yaml|yml|config))$", name):
            continue
        if top in FOLDERS and not list(base.glob(name)):
            items.append(name)
        module = top in packages and name.endswith(".py")
        if module and not list((base / "python" / "gfmtrust").glob(name)):
            items.append(name)
    return items


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_named_in_the_text_exist(page):
    assert absent_files(text_of(page)) == []


@pytest.mark.bad_input
def test_a_file_that_does_not_exist_is_found():
    text = "`tests/no_test.py` `core/columns.py` `core/rows.py` `results/x.json`"
    assert absent_files(text) == ["tests/no_test.py", "core/rows.py"]


def test_every_page_is_reached_from_the_readme():
    reached = set(re.findall(r"\]\(([^)#\s]+)", text_of("README.md")))
    assert [
        page.name
        for page in PAGES
        if str(page.relative_to(ROOT)) not in reached | {"README.md"}
        and page.is_relative_to(ROOT / "docs")
    ] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_name_no_machine_and_leave_nothing_to_write(page):
    text = text_of(page)
    assert MACHINE_PATH.search(text) is None
    assert unknown_marks(text) == set()


@pytest.mark.bad_input
def test_an_unfinished_place_is_found():
    assert unknown_marks("<!-- measured --> <!-- later --> a TODO") == {"<!-- later -->", "TODO"}


@pytest.mark.bad_input
@pytest.mark.parametrize("text", ["see /root/x", "(/work/main)", "/tmp/a"])
def test_a_machine_path_is_found(text):
    assert MACHINE_PATH.search(text)
    assert MACHINE_PATH.search("results/work/x assets/home/") is None


def test_every_process_of_the_pipeline_is_a_documented_step():
    processes = {
        path.parent.name for path in (ROOT / "modules" / "local" / "gfmtrust").glob("*/main.nf")
    }
    assert processes <= set(subcommands())
    output = text_of("docs/extend/commands.md")
    assert [name for name in subcommands() if f"### {name}\n" not in output] == []
