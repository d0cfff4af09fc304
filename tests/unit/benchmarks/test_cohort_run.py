"""The cohort benchmark: rates and growth from costs whose law is known, samples that share alleles,
and a step that fails."""

import pytest
from cohort_parts import samples, tasks
from cohort_parts.figures import (
    GENOME,
    StepCost,
    by_step,
    exponents,
    genome_hours,
    growth,
    line,
    table,
)

from gfmtrust.io.vcf import reader as vcf_reader


def costs_of(law, works, step="calibrate", units="alleles", n_samples=1):
    return [StepCost(step, n_samples, units, n, law(n), 0.5, 1, law(n)) for n in works]


@pytest.mark.parametrize(("start", "per_unit"), [(2.0, 1e-3), (0.0, 2e-4)])
def test_a_linear_step_gives_its_start_and_its_rate(start, per_unit):
    costs = costs_of(lambda n: start + per_unit * n, [1_000, 10_000, 100_000])
    assert line(costs) == pytest.approx((start, per_unit), abs=1e-9)
    assert growth(costs) == pytest.approx(1)
    hours = (start + per_unit * GENOME[1000]["alleles"]) / 3600
    assert genome_hours(costs, 1000) == pytest.approx(hours)


@pytest.mark.parametrize("power", [0.5, 1.5, 2.0])
def test_growth_is_the_power_of_the_work(power):
    costs = costs_of(lambda n: 3 + 1e-2 * n**power, [0, 10_000, 40_000])
    assert growth(costs) == pytest.approx(power)
    assert exponents(costs) == {"calibrate": pytest.approx(power)}


@pytest.mark.parametrize("last", [2.4, 1.9])
def test_a_difference_within_the_noise_gives_a_bound_and_no_exponent(last):
    costs = costs_of({10: 2.0, 20: 2.1, 400: last}.get, [10, 20, 400])
    assert line(costs) == (0, last / 400)
    assert growth(costs) is None
    assert "at most" in table(costs)


def test_annotate_vcf_starts_once_for_each_genome():
    costs = costs_of(lambda n: 1.8 + 1e-5 * n, [1_000, 200_000], "annotate_vcf", "records")
    expected = (1000 * 1.8 + 1e-5 * GENOME[1000]["records"]) / 3600
    assert genome_hours(costs, 1000) == pytest.approx(expected)


def test_generated_tables_take_the_place_of_small_runs():
    runs = costs_of(lambda n: 1.0, [50, 90])
    of_tables = costs_of(lambda n: 1e-4 * n, [20_000, 100_000], n_samples=0)
    assert by_step([*runs, *of_tables]) == {"calibrate": of_tables}
    rows = table([*runs, *of_tables]).splitlines()
    assert len(rows) == 4
    assert len({row.count("|") for row in rows}) == 1


def test_samples_share_most_of_their_alleles_and_have_the_genomes_letters(tmp_path):
    contigs = samples.write_genome(tmp_path / "genome.fa", 60_000)
    pool = samples.Pool.drawn(contigs, 2_000)
    keys = []
    for number in range(4):
        samples.write_sample(tmp_path / f"{number}.vcf", pool, 100, number)
        records = list(vcf_reader.read_records(tmp_path / f"{number}.vcf"))
        assert 90 <= len(records) <= 100
        for record in records:
            text = contigs[int(record.contig[3:])]
            assert text[record.pos : record.pos + len(record.ref)] == record.ref
        keys.append({(record.contig, record.pos, record.ref, record.alts) for record in records})
    both = len(keys[0] & keys[1]) / len(keys[0])
    assert 0.25 < both < 0.75
    assert len(set.union(*keys)) < 0.75 * sum(map(len, keys))


@pytest.mark.bad_input
@pytest.mark.long
def test_a_step_that_fails_names_its_exit_code(tmp_path):
    with pytest.raises(RuntimeError, match="fit_context_model: exit 66 after"):
        tasks.fit_cost(tmp_path / "absent.fa")
