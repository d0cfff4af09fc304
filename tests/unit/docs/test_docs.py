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

from gfmtrust.annotate import alleles as annotate_alleles
from gfmtrust.annotate import header_lines, region_summary
from gfmtrust.annotate import regions as annotate_regions
from gfmtrust.baseline import fit
from gfmtrust.calibration import caps, certificates, reliability, shift, splits
from gfmtrust.cli import main as cli
from gfmtrust.cli import options as cli_options
from gfmtrust.core import binomial, errors, progress
from gfmtrust.core.vocabulary import STATUS_ORDER, Why
from gfmtrust.inputs import check_vcf
from gfmtrust.models import FAMILIES
from gfmtrust.planning import plan, probes
from gfmtrust.readers import site_scores, windows
from gfmtrust.scoring import stride

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
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
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def load_tool():
    spec = importlib.util.spec_from_file_location("write_docs", ROOT / "tools" / "write_docs.py")
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
        found
        for found in re.findall(r"<!--.*?-->", text)
        if not re.match(r"<!-- (begin|end) ", found)
    }
    return (comments - MARKERS) | set(re.findall(r"\b(?:TODO|FIXME|TBD|XXX)\b", text))


def broken_links(page, text):
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", FENCE.sub("", text))
    return [
        target
        for target in targets
        if not target.startswith("https://") and not (page.parent / target).exists()
    ]


# --- generated tables
# ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_generated_tables_are_those_of_the_code(page):
    text = text_of(page)
    assert WRITE_DOCS.rewritten(text) == text, "run python tools/write_docs.py"


def test_each_generated_table_stands_on_some_page():
    found = {name for page in PAGES for name in re.findall(r"<!-- begin (\w+)", text_of(page))}
    assert found == set(WRITE_DOCS.BLOCKS)


@pytest.mark.bad_input
def test_a_stale_table_is_found_and_mended(tmp_path, monkeypatch, capsys):
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    for name in ("README.md", "nextflow_schema.json", "assets/models.csv", "conf/base.config"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    monkeypatch.setattr(WRITE_DOCS, "ROOT", tmp_path)
    assert WRITE_DOCS.main(["--check"]) == 0
    page = tmp_path / "docs" / "output.md"
    page.write_text(page.read_text().replace("| `GFM_ENT` | A |", "| `GFM_ENT` | 1 |"))
    assert WRITE_DOCS.main(["--check"]) == 1
    assert "output.md: out of date" in capsys.readouterr().out
    assert WRITE_DOCS.main([]) == 0
    assert page.read_text() == text_of("docs/output.md")


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
    assert WRITE_DOCS.parameters() not in text_of("docs/usage.md")


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
    told = {
        line.split("|")[1].strip(): line.split("|")[3].strip()
        for line in WRITE_DOCS.exit_codes().splitlines()[2:]
    }
    assert {str(kind.exit_code) for kind in errors.GfmtrustError.__subclasses__()} <= set(told)
    assert {code for code, does in told.items() if does == "try again"} == {"75", "130", "143"}
    assert WRITE_DOCS.exit_codes() in text_of("docs/usage.md")


def test_codes_that_are_retried_are_those_of_the_config():
    assert WRITE_DOCS.retried_codes() == {75, 104, *range(130, 146), *range(175, 178)}


def test_statuses_stand_in_order_of_precedence():
    assert first_cells("docs/output.md", "status | the allele") == [
        str(status) for status in STATUS_ORDER
    ]


def test_reasons_stand_worst_first():
    assert first_cells("docs/output.md", "code | set when | effect") == [str(why) for why in Why]


def test_bed_columns_stand_in_the_order_of_the_file():
    table = text_of("docs/output.md").split("## Annotated BED")[1].split("## Tables")[0]
    assert re.findall(r"^\| (\w+) \|", table, flags=re.MULTILINE)[1:] == list(
        annotate_regions.COLUMNS
    )


@pytest.mark.parametrize(
    ("heading", "schema"),
    [
        ("`sites.parquet`, one row", annotate_alleles.SITES),
        ("`bases.parquet`, one row", annotate_alleles.BASES_TABLE),
    ],
)
def test_columns_of_the_tables_are_all_told(heading, schema):
    told = text_of("docs/output.md").split(heading)[1].split("\n\n")[1]
    names = [name.strip() for row in told.splitlines()[2:] for name in row.split("|")[1].split(",")]
    assert sorted(names) == sorted(schema.names)


@pytest.mark.parametrize("line", ["RESEARCH_USE", "SAFE_FILTER"])
def test_header_lines_for_people_are_told(line):
    assert getattr(header_lines, line)
    assert "`##gfmtrustUse`, `##gfmtrustFilter`" in text_of("docs/output.md")


def test_families_are_those_of_the_registry():
    assert set(
        first_cells("docs/models.md", "family | networks | reads | window | context | export")
    ) == {*FAMILIES, "context_model"}


def test_profiles_are_those_of_the_config():
    block = text_of("nextflow.config").split("\nprofiles {\n")[1].split("\n}\n")[0]
    declared = set(re.findall(r"^    (\w+) \{", block, flags=re.MULTILINE)) - {"standard"}
    assert set(first_cells("docs/usage.md", "profile | what it does")) - {"none"} == declared


def test_samplesheet_columns_are_those_of_its_schema():
    schema = json.loads(text_of("assets/schema_input.json"))
    assert set(first_cells("docs/usage.md", "column | needed | meaning")) == set(
        schema["items"]["properties"]
    )


def test_info_keys_are_all_explained_in_the_readme():
    keys = re.findall(r"GFM_[A-Z_]+", WRITE_DOCS.info_keys())
    told = text_of("README.md").split("## A record, field by field")[1].split("## How a flag")[0]
    assert [key for key in keys if f"`{key}`" not in told] == []


# --- numbers in the text
# ------------------------------------------------------------------------------------------------

NUMBERS = [
    ("docs/reliability.md", f"**Fewer\n  than {splits.MIN_BLOCKS} blocks"),
    (
        "docs/reliability.md",
        f"at least {4 * plan.BLOCK_WINDOW_BP:,} bases where 16 such blocks fit",
    ),
    ("docs/reliability.md", f"region class with at least {certificates.MIN_CELL_PROBES} probes"),
    ("docs/reliability.md", f"at least {certificates.MIN_A_PROBES} probes of A"),
    ("docs/reliability.md", f"With fewer than {reliability.FEW_PROBES} probes in A"),
    ("docs/reliability.md", f"missing in more than {100 * reliability.MAX_MISSING:g} % of A"),
    ("docs/reliability.md", f"at least {probes.MIN_SNVS_FOR_SPECTRUM:,} of them"),
    ("docs/reliability.md", f"fewer than {probes.MIN_CANDIDATES} candidates"),
    (
        "docs/reliability.md",
        f"at least {probes.MIN_SNVS_FOR_SURPRISAL} SNVs, {['', '', '', '', 'four'][probes.OVERSIZE]} times as many",
    ),
    ("docs/reliability.md", f"else {plan.POOL_SITES:,} places"),
    ("docs/reliability.md", f"beyond ±{shift.MAX_DELTA_BITS:.2f} bit"),
    ("docs/reliability.md", f"p < {shift.KS_P:g} **and** D >= {shift.MAX_KS_D:.2f}"),
    ("docs/reliability.md", f"Below {shift.MIN_SITES} sites"),
    ("docs/reliability.md", f"with {region_summary.MIN_BASES_OWN_ERROR} scored bases or more"),
    ("docs/reliability.md", f"Under {100 * region_summary.MIN_SCORED_SHARE:g} % scored bases"),
    ("docs/output.md", f"an entropy of at least {region_summary.NEAR_UNIFORM_BITS} bits"),
    ("docs/scoring.md", f"scores up to {stride.CHECKED_BASES:,} random region bases"),
    ("docs/scoring.md", f"is above\n{stride.MAX_MEDIAN_BITS} bit"),
    ("docs/output.md", f"longer than {plan.MAX_ALLELE_BP} bp"),
    ("docs/output.md", f"entropy is above {caps.HIGH_ENTROPY_BITS} bits"),
    ("docs/output.md", f"sign agreement is below {caps.MIN_SIGN_AGREEMENT}"),
    ("docs/output.md", f"more than {100 * caps.N_SHARE:g} % of the window's letters"),
    ("docs/output.md", f"fewer than min(W/4, {windows.MIN_REAL_BASES}) real bases"),
    ("docs/output.md", f"above {100 * site_scores.MAX_BAD_SHARE:g} % of the windows"),
    ("docs/scoring.md", f"above {site_scores.OFF_ALPHABET_LIMIT} at a site"),
    ("docs/scoring.md", f"at least {check_vcf.MIN_MISMATCHES}\n  alleles mismatch"),
    (
        "docs/scoring.md",
        f"lower bound of the rate is above {100 * check_vcf.MAX_MISMATCH_RATE:g} %",
    ),
    ("docs/faq.md", f"Yes, up to {plan.MAX_ALLELE_BP} bp"),
    ("docs/faq.md", f"at least {fit.MIN_BASES:,} known bases"),
    ("docs/faq.md", f"Fewer than {check_vcf.MIN_MISMATCHES}\nmismatches"),
    ("docs/faq.md", f"may be under {100 * check_vcf.MAX_MISMATCH_RATE:g} %"),
    ("docs/faq.md", f"at least every {progress.SECONDS} s: passes"),
    ("docs/reliability.md", f"for 6 of 312 it is {100 * binomial.upper_bound(6, 312, 0.05):.1f} %"),
    ("docs/reliability.md", f"for 2 of 30 it is {100 * binomial.upper_bound(2, 30, 0.05):.1f} %"),
]


@pytest.mark.parametrize(("page", "sentence"), NUMBERS)
def test_numbers_in_the_text_are_those_of_the_code(page, sentence):
    assert sentence in text_of(page)


def test_table_of_errors_allowed_is_what_the_bound_allows():
    rows = text_of("docs/reliability.md").split("| α | n = 59 |")[1].splitlines()
    sizes = [59, *(int(cell.replace(",", "")) for cell in rows[0].split("|")[:-1])]
    for row in rows[2:4]:
        alpha, *allowed = (float(cell.replace(",", "")) for cell in row.strip("| ").split("|"))
        assert allowed == [certificates.largest_errors(n, alpha, 0.05) for n in sizes]


def test_predictors_that_are_told_are_as_many_as_there_are():
    told = (
        text_of("docs/reliability.md").split("Logistic regression, L2, on ")[1].split(". Each")[0]
    )
    n_told = len(re.split(r", | and ", told.replace("\n", " "))) + told.count("(two)")
    assert n_told == len(reliability.PREDICTORS)


# --- commands, links, words
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_code_blocks_parse(page):
    faults = [
        (line, wrong)
        for line in code_lines(text_of(page))
        for wrong in (wrong_command(line), wrong_parameters(line))
        if wrong
    ]
    assert faults == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options_named_in_the_text_exist(page):
    options = {
        option.lstrip("-")
        for one in subcommands().values()
        for action in one._actions
        for option in action.option_strings
    }
    known = (
        options
        | schema_parameters()
        | FOREIGN_OPTIONS
        | NEXTFLOW_OPTIONS
        | {"check", "version", "debug"}
    )
    named = {
        name
        for code in inline_code(text_of(page))
        for name in re.findall(r"(?<![\w-])--([a-z][\w-]*)", code)
    }
    assert named - known == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_subcommands_named_in_the_text_exist(page):
    named = {
        match[1]
        for code in inline_code(text_of(page))
        if (match := re.match(r"gfmtrust (\w+)", code))
    }
    assert named <= set(subcommands())


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("gfmtrust annotate --vcf x", "step annotate: unknown"),
        ("gfmtrust verify in.vcf || true", "required"),
        ("gfmtrust models list --everything", "unrecognized arguments"),
        ("gfmtrust oracle --out_dir x --seed one", "invalid int"),
    ],
)
def test_a_command_that_would_not_parse_is_found(line, found):
    assert found in wrong_command(line)


@pytest.mark.bad_input
def test_a_parameter_that_does_not_exist_is_found():
    assert wrong_parameters("nextflow run . --fasta g.fa --batch 8 -resume") == {"batch"}
    assert wrong_parameters("nextflow run nf-core/sarek --step annotate") == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_resolve(page):
    assert broken_links(page, text_of(page)) == []


@pytest.mark.bad_input
def test_a_broken_link_is_found():
    assert broken_links(
        ROOT / "docs" / "x.md", "[a](usage.md#run-it) [b](absent.md) [c](https://example.org)"
    ) == ["absent.md"]


def test_every_page_is_reached_from_the_readme():
    reached = set(re.findall(r"\]\(([^)#\s]+)", text_of("README.md")))
    assert [
        page.name
        for page in PAGES
        if str(page.relative_to(ROOT)) not in reached | {"README.md"} and page.parent.name == "docs"
    ] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
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
    told = text_of("docs/commands.md")
    assert [name for name in subcommands() if f"### {name}\n" not in told] == []
