# `make demo` and `make test` on a fresh machine; every other target is for developers.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' python/gfmtrust/__init__.py)
ACTIVATE := . .venv/bin/activate
UV := .gfmtrust/bootstrap/bin/uv
RESULTS := results-demo
WORKERS := 2
FAST := not torch and not pipeline and not long and not slow and not bench and not gpu and not slurm and not fuzz and not chaos
FUZZ_MINUTES := 10
GUIDED_MINUTES := 5
CHAOS := 100
CHAOS_FIRST := 1
MODULES := build/modules
IMAGES := score
LINT := .gfmtrust/lint
GUIDED := .gfmtrust/fuzz
SUPPLY := .gfmtrust/supply
HADOLINT := $(LINT)/bin/hadolint --config containers/hadolint.yaml
SCRIPTS := dev/setup.sh dev/nextflow dev/consumers.sh dev/slurm.sh
# the includes of tests/hosts lead nowhere before the installation
LINTED := -exclude .git -exclude .gfmtrust -exclude work -exclude build -exclude tests/hosts .
export NXF_OFFLINE ?= true
export NXF_ANSI_LOG ?= false

.PHONY: help setup demo test test-fast test-slow fuzz fuzz-guided chaos test-slurm bench bench-cohort bench-audit proof conformance consumers lint sbom advisories modules lock images pin-images check-images clean

help: ## show the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

setup: ## make .venv and Nextflow; idempotent
	@dev/setup.sh

demo: setup ## run the pipeline on the bundled demo; results in results-demo
	@$(ACTIVATE) && nextflow run . -profile demo --outdir $(RESULTS) -work-dir .gfmtrust/demo-work -resume
	@echo "demo: made $(RESULTS); look at $(RESULTS)/report/gfmtrust_report.html"
	@echo "demo: next: nextflow run . --input samplesheet.csv --fasta genome.fa --outdir results   (after: source .venv/bin/activate)"

test: setup ## all default tests
	@$(ACTIVATE) && python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations=10
	@echo "test: next: make demo, or make test-slow for the grids"

test-fast: ## unit tests without torch, Nextflow or set-up: a minute of CPU at most; in .venv if it is there, else in .gfmtrust/fast
	@python=.venv/bin/python; if [ ! -x $$python ]; then python=.gfmtrust/fast/bin/python; fi \
	    && { [ -x $$python ] || { python3 -m venv .gfmtrust/fast && $$python -m pip install --quiet --require-hashes -r python/requirements/test.txt; }; } \
	    && PYTHONPATH=$(CURDIR)/python $$python -m pytest -q tests/unit -m "$(FAST)"

test-slow: setup ## grids, repeated kills, large inputs
	@$(ACTIVATE) && python -m pytest -q -m "slow" --durations=10

fuzz: setup ## random texts for each parser and damaged versions of each file of a user, FUZZ_MINUTES for each
	@$(ACTIVATE) && FUZZ_MINUTES=$(FUZZ_MINUTES) python -m pytest -q -s -m "fuzz" tests/fuzz

fuzz-guided: setup ## fuzzing guided by coverage with atheris, one target per parser, GUIDED_MINUTES for each; TARGETS='vcf bed' does less
	@cmp -s python/requirements/fuzz.txt $(GUIDED)/fuzz.txt || { rm -rf $(GUIDED) && $(UV) pip install --quiet --target $(GUIDED) --require-hashes \
	    --python .venv/bin/python -r python/requirements/fuzz.txt && cp python/requirements/fuzz.txt $(GUIDED)/; }
	@$(ACTIVATE) && PYTHONPATH=$(GUIDED):python:tests/helpers python tests/fuzz/guided.py $(TARGETS) --minutes $(GUIDED_MINUTES)

chaos: setup ## CHAOS whole runs with one fault each, from number CHAOS_FIRST on, then -resume: the same bytes, or a refusal that names the file
	@$(ACTIVATE) && CHAOS=$(CHAOS) CHAOS_FIRST=$(CHAOS_FIRST) python -m pytest -q -s -m "chaos" tests/chaos

test-slurm: setup ## the pipeline on a SLURM of one node, and what each task was submitted with; installs Debian's slurm-wlm and munge
	@dev/slurm.sh
	@$(ACTIVATE) && python -m pytest -q -s -m "slurm" tests/pipeline/test_slurm.py

bench: setup ## the benchmarks of docs/understand/benchmarks.md
	@$(ACTIVATE) && python -m pytest -q -m "bench" -s
	@$(ACTIVATE) && python benchmarks/throughput.py
	@$(ACTIVATE) && python benchmarks/gpn_duel.py

bench-cohort: setup ## what a cohort costs step by step, its growth, and what one genome and 1,000 come to; minutes
	@$(ACTIVATE) && python benchmarks/cohort_merge.py
	@$(ACTIVATE) && python benchmarks/cohort_run.py

bench-audit: setup ## audits of random weights of every layout that a family opens, on the genome of the demo: nothing may beat its null; one to two minutes of CPU for each layout
	@$(ACTIVATE) && python benchmarks/audit_families.py --fasta assets/demo/genome.fa.gz

proof: setup ## flags against the known truth of oracle genomes: 1,000 redraws of the easy and of the CpG-poor genome, 200 of each model where copies are planted, 100 of each that remembers the file; PROOF='--part cpg --n 100' does less, and PROOF='--part ensemble --part useless --part transfer --part regions' the rest
	@$(ACTIVATE) && python benchmarks/proof.py --work .gfmtrust/proof $(PROOF)

conformance: setup ## every model family against what is known another way; the figures go into docs/understand/models.md
	@$(ACTIVATE) && gfmtrust models conformance --out python/gfmtrust/models/data/conformance.json && python dev/write_docs.py

consumers: setup ## get ten tools that read our results and ask each the same question
	@dev/consumers.sh && $(ACTIVATE) && python dev/consumers.py

lint: setup ## ruff, types, nextflow lint, shell syntax, hadolint, nf-core's lints (docs/extend/lint.md)
	@$(ACTIVATE) && ruff check . && ruff format --check --quiet . && nextflow lint $(LINTED) && for script in $(SCRIPTS); do sh -n $$script; done
	@cmp -s python/requirements/lint.txt $(LINT)/lint.txt || { $(UV) venv --quiet --clear $(LINT) && $(UV) pip install --quiet --require-hashes \
	    --python $(LINT)/bin/python -r python/requirements/lint.txt && cp python/requirements/lint.txt $(LINT)/; }
	@$(LINT)/bin/basedpyright --level error
	@$(HADOLINT) containers/*.Dockerfile
	@$(ACTIVATE) && python dev/nf_core_lint.py

sbom: setup ## what the locked requirements contain, as CycloneDX JSON, in build/sbom
	@$(MAKE) --no-print-directory $(SUPPLY)/supply.txt
	@$(ACTIVATE) && python dev/supply_chain.py sbom build/sbom

advisories: setup ## published advisories about the locked requirements; needs a network
	@$(MAKE) --no-print-directory $(SUPPLY)/supply.txt
	@$(ACTIVATE) && python dev/supply_chain.py advisories

$(SUPPLY)/supply.txt: python/requirements/supply.txt
	@$(UV) venv --quiet --clear $(SUPPLY) && $(UV) pip install --quiet --require-hashes --python $(SUPPLY)/bin/python -r $< && cp $< $@

modules: setup ## a folder of modules for other pipelines (docs/extend/integration.md), in $(MODULES)
	@$(ACTIVATE) && python dev/nf_core_modules.py $(MODULES)

lock: setup ## resolve the requirements again, with hashes and without index addresses, and what is derived from them
	@cd python/requirements && compile="../../$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url" \
	    && $$compile $(LOCK_OPTIONS) dev.in -o dev.txt \
	    && for role in setup score score_gpu test export multiqc bench lint fuzz supply; do $$compile -c dev.txt $(LOCK_OPTIONS) $$role.in -o $$role.txt; done
	@$(ACTIVATE) && python dev/environments.py
	@echo "lock: made python/requirements/*.txt and containers/*.environment.yml; LOCK_OPTIONS=--upgrade takes newer versions"

images: ## build the container images locally; nothing is published
	@for name in score export multiqc; do docker build -t gfmtrust/$$name:$(VERSION) --build-arg VERSION=$(VERSION) -f containers/$$name.Dockerfile .; done

pin-images: setup ## write the digest of each base image into containers/, with its source; needs a network
	@$(ACTIVATE) && python dev/pin_images.py

check-images: setup ## our rules for images, and the RUN lines of an image in a clean Debian root; needs root and debootstrap. IMAGES=score
	@$(ACTIVATE) && python dev/check_images.py $(IMAGES)

clean: ## remove results and caches, keep the environment
	rm -rf $(RESULTS) .gfmtrust/demo-work .nextflow .nextflow.log* work
