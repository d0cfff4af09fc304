# `make demo` and `make test` on a fresh machine; every other target is for developers.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' python/gfmtrust/__init__.py)
ACTIVATE := . .venv/bin/activate
UV := .gfmtrust/bootstrap/bin/uv
RESULTS := results-demo
WORKERS := 2
MODULES := build/modules
IMAGES := score
HADOLINT := .gfmtrust/lint/bin/hadolint --config containers/hadolint.yaml
# the includes of tests/hosts lead nowhere before the installation
LINTED := -exclude .git -exclude .gfmtrust -exclude work -exclude build -exclude tests/hosts .
export NXF_OFFLINE ?= true
export NXF_ANSI_LOG ?= false

.PHONY: help setup demo test test-slow test-slurm bench proof conformance consumers lint modules lock images pin-images check-images clean

help: ## show the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

setup: ## make .venv and Nextflow; idempotent
	@tools/setup.sh

demo: setup ## run the pipeline on the bundled demo; results in results-demo
	@$(ACTIVATE) && nextflow run . -profile demo --outdir $(RESULTS) -work-dir .gfmtrust/demo-work -resume
	@echo "demo: made $(RESULTS); look at $(RESULTS)/report/gfmtrust_report.html"
	@echo "demo: next: nextflow run . --input samplesheet.csv --fasta genome.fa --outdir results   (after: source .venv/bin/activate)"

test: setup ## all default tests
	@$(ACTIVATE) && python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations=10
	@echo "test: next: make demo, or make test-slow for the grids"

test-slow: setup ## grids, repeated kills, large inputs
	@$(ACTIVATE) && python -m pytest -q -m "slow" --durations=10

test-slurm: setup ## the pipeline on a SLURM of one node, and what each task was submitted with; installs Debian's slurm-wlm and munge
	@tools/slurm.sh
	@$(ACTIVATE) && python -m pytest -q -s -m "slurm" tests/pipeline/test_slurm.py

bench: setup ## the benchmarks of docs/understand/benchmarks.md
	@$(ACTIVATE) && python -m pytest -q -m "bench" -s
	@$(ACTIVATE) && python tools/throughput.py
	@$(ACTIVATE) && python tools/gpn_duel.py

proof: setup ## flags against the known truth of oracle genomes, 1,000 redraws each; PROOF='--law hard --part context --n 100' does less
	@$(ACTIVATE) && python tools/proof.py --work .gfmtrust/proof $(PROOF)

conformance: setup ## every model family against what is known another way; the figures go into docs/understand/models.md
	@$(ACTIVATE) && gfmtrust models conformance --out assets/conformance.json && python tools/write_docs.py

consumers: setup ## get ten tools that read our results and ask each the same question
	@tools/consumers.sh && $(ACTIVATE) && python tools/consumers.py

lint: setup ## ruff, nextflow lint, shell syntax, hadolint, nf-core's lints (docs/extend/lint.md)
	@$(ACTIVATE) && ruff check . && nextflow lint $(LINTED) && for script in tools/setup.sh tools/nextflow tools/consumers.sh tools/slurm.sh; do sh -n $$script; done
	@[ -x .gfmtrust/lint/bin/hadolint ] || { $(UV) venv --quiet .gfmtrust/lint && $(UV) pip install --quiet --require-hashes \
	    --python .gfmtrust/lint/bin/python -r python/requirements/lint.txt; }
	@$(HADOLINT) containers/*.Dockerfile
	@$(ACTIVATE) && python tools/nf_core_lint.py

modules: setup ## a folder of modules for other pipelines (docs/extend/integration.md), in $(MODULES)
	@$(ACTIVATE) && python tools/nf_core_modules.py $(MODULES)

lock: setup ## resolve the requirements again, with hashes and without index addresses, and what is derived from them
	@cd python/requirements && compile="../../$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url" \
	    && $$compile $(LOCK_OPTIONS) dev.in -o dev.txt \
	    && for role in setup score score_gpu export multiqc bench lint; do $$compile -c dev.txt $(LOCK_OPTIONS) $$role.in -o $$role.txt; done
	@$(ACTIVATE) && python tools/environments.py
	@echo "lock: made python/requirements/*.txt and modules/local/*/*/environment.yml; LOCK_OPTIONS=--upgrade takes newer versions"

images: ## build the container images locally; nothing is published
	@for name in score export multiqc; do docker build -t gfmtrust/$$name:$(VERSION) --build-arg VERSION=$(VERSION) -f containers/$$name.Dockerfile .; done

pin-images: setup ## write the digest of each base image into containers/, with its source; needs a network
	@$(ACTIVATE) && python tools/pin_images.py

check-images: setup ## our rules for images, and the RUN lines of an image in a clean Debian root; needs root and debootstrap. IMAGES=score
	@$(ACTIVATE) && python tools/check_images.py $(IMAGES)

clean: ## remove results and caches, keep the environment
	rm -rf $(RESULTS) .gfmtrust/demo-work .nextflow .nextflow.log* work
