#!/bin/sh
# Sets up everything that `make demo` and `make test` need, below the checkout: .venv (Python packages from hash-locked
# requirements, this package, a `nextflow` command) and .gfmtrust (caches, logs, stamps). Says only what it does.
# Idempotent: a step is left out while the digest of what it is made from is the one in its stamp.
set -eu
cd "$(dirname "$0")/.."

STATE=.gfmtrust
LOG=$STATE/setup.log
REQUIREMENTS=python/requirements
NEXTFLOW_FLOOR=25.04
MISSING_PREREQUISITE=66

say() { printf 'set-up: %s\n' "$*"; }
fail() { printf 'set-up: %s\n' "$*" >&2; exit "$MISSING_PREREQUISITE"; }

# --- prerequisites: all of them before any work --------------------------------------------------------------------

# the first Python of at least 3.11 that runs; a version manager's shim may stand on PATH without its Python
find_python() {
    for name in ${PYTHON:-} python3.11 python3.12 python3.13 python3; do
        if "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

# 17 of 'openjdk version "17.0.15" 2025-04-15'
java_major() {
    "${JAVA_HOME:+$JAVA_HOME/bin/}java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1
}

# a Nextflow of the user's own, not our link; empty where there is none or it is too old
own_nextflow() {
    path=$(PATH=$(printf '%s' "$PATH" | tr ':' '\n' | grep -v "^$PWD/" | paste -sd:) command -v nextflow) || return 0
    version=$(NXF_OFFLINE=true "$path" -version 2>/dev/null | sed -n 's/.*version \([0-9.]*\).*/\1/p' | head -n 1)
    if [ "$(printf '%s\n' "$NEXTFLOW_FLOOR" "${version:-0}" | sort -V | head -n 1)" = "$NEXTFLOW_FLOOR" ]; then
        printf '%s' "$path"
    fi
}

may_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

check_prerequisites() {
    PYTHON=$(find_python) || fail 'python3: none of at least 3.11 with venv found; expected Python >= 3.11; install it and run this again'
    java=$(java_major)
    [ "${java:-0}" -ge 17 ] || fail "java: ${java:-none} found; expected Java >= 17; install a JDK (for example openjdk-17-jdk-headless) and run this again"
    OWN_NEXTFLOW=$(own_nextflow)
    if [ -z "$OWN_NEXTFLOW" ] && ! command -v mvn >/dev/null && [ ! -d "$STATE/nextflow/jars" ]; then
        fail "nextflow: none of at least $NEXTFLOW_FLOOR and no mvn found; expected one of them; install Nextflow or Maven and run this again"
    fi
    if ! command -v bedtools >/dev/null && ! may_install; then
        fail 'bedtools: not found; expected it on PATH; install it (for example apt-get install bedtools) and run this again'
    fi
}

# --- steps ------------------------------------------------------------------------------------------------------------

digest() { cat "$@" | sha256sum | cut -d ' ' -f 1; }
is_done() { [ -f "$STATE/$1.stamp" ] && [ "$(cat "$STATE/$1.stamp")" = "$2" ]; }
mark_done() { printf '%s\n' "$2" > "$STATE/$1.stamp"; MADE="${MADE}${MADE:+, }$3"; }

# runs a command with its output in the log; shows the end of the log where it fails
logged() {
    if ! "$@" >> "$LOG" 2>&1; then
        tail -n 15 "$LOG" >&2
        printf 'set-up: %s failed; see %s; run this again once it is mended\n' "$1" "$LOG" >&2
        exit 74
    fi
}

install_tools() {
    wanted=''
    for tool in bedtools bcftools; do
        command -v "$tool" >/dev/null || wanted="$wanted $tool"
    done
    [ -n "$wanted" ] || return 0
    if ! may_install; then
        say "note:$wanted not found; only some tests need it"
        return 0
    fi
    say "installing$wanted with apt-get"
    logged apt-get update
    # shellcheck disable=SC2086
    logged apt-get install -y --no-install-recommends $wanted
    MADE="${MADE}${MADE:+, }$wanted"
}

make_environment() {
    wanted=$("$PYTHON" --version; digest "$REQUIREMENTS/dev.txt" "$REQUIREMENTS/setup.txt" python/pyproject.toml; echo compiled)
    wanted=$(printf '%s' "$wanted" | tr '\n' ' ')
    is_done environment "$wanted" && [ -x .venv/bin/python ] && return 0
    if [ ! -d .venv/lib ] || ! ls .venv/lib/python3*/site-packages/torch >/dev/null 2>&1; then
        say 'downloading the Python packages, about 5 GB with torch and its CUDA libraries; this happens once'
    fi
    if [ ! -x "$STATE/bootstrap/bin/uv" ]; then
        logged "$PYTHON" -m venv "$STATE/bootstrap"
        logged "$STATE/bootstrap/bin/python" -m pip install --quiet --require-hashes -r "$REQUIREMENTS/setup.txt"
    fi
    [ -x .venv/bin/python ] || logged "$STATE/bootstrap/bin/uv" venv --quiet --python "$PYTHON" .venv
    # bytecode by digest of the source: a module that is replaced within a second, or set back in time, is never run as it was
    export VIRTUAL_ENV="$PWD/.venv" UV_HTTP_TIMEOUT="${UV_HTTP_TIMEOUT:-600}" UV_COMPILE_BYTECODE=1 PYC_INVALIDATION_MODE=CHECKED_HASH
    logged "$STATE/bootstrap/bin/uv" pip install --quiet --require-hashes -r "$REQUIREMENTS/dev.txt"
    # setuptools comes with the lock: nothing is fetched to build the package itself
    logged "$STATE/bootstrap/bin/uv" pip install --quiet --no-deps --no-build-isolation --editable python
    mark_done environment "$wanted" '.venv'
}

# Bytecode of the package and machine code of the copy index and the context model, which the tasks of a run read and never write
# (PYTHONDONTWRITEBYTECODE and NUMBA_CACHE_DIR in nextflow.config). Python and numba compare both with the sources.
compile_package() {
    wanted=$(cat "$STATE/environment.stamp"; find python/gfmtrust -name '*.py' | LC_ALL=C sort | tr '\n' '\0' | xargs -0 sha256sum | sha256sum | cut -d ' ' -f 1)
    wanted=$(printf '%s' "$wanted" | tr '\n' ' ')
    is_done package "$wanted" && [ -d python/gfmtrust/copies/__pycache__ ] && return 0
    logged .venv/bin/python -m compileall -q --invalidation-mode checked-hash python/gfmtrust
    logged env PYTHONPATH=python .venv/bin/python -m gfmtrust.copies.precompile
    logged env PYTHONPATH=python .venv/bin/python -m gfmtrust.baseline.precompile
    mark_done package "$wanted" 'bytecode'
}

make_nextflow() {
    if [ -n "$OWN_NEXTFLOW" ]; then
        rm -f .venv/bin/nextflow
        return 0
    fi
    ln -sf ../../dev/nextflow .venv/bin/nextflow
    wanted=$(digest dev/pom.xml)
    is_done nextflow "$wanted" && [ -d "$STATE/nextflow/jars" ] && return 0
    say 'fetching Nextflow 25.04.0 from Maven Central, 31 MB'
    rm -rf "$STATE/nextflow/jars.part"
    logged mvn --batch-mode --quiet --strict-checksums -f dev/pom.xml dependency:copy-dependencies -DoutputDirectory="$PWD/$STATE/nextflow/jars.part"
    rm -rf "$STATE/nextflow/jars"
    mv "$STATE/nextflow/jars.part" "$STATE/nextflow/jars"
    # Nextflow's classes as the JVM maps them: a tenth less CPU at each start. Nothing depends on it
    rm -f "$STATE/nextflow/classes.jsa"
    (cd "$STATE/nextflow" && NXF_OPTS="-XX:ArchiveClassesAtExit=classes.jsa" ../../dev/nextflow run ../.. --help) >> "$LOG" 2>&1 || true
    mark_done nextflow "$wanted" 'Nextflow'
}

check_prerequisites
mkdir -p "$STATE"
: > "$LOG"
MADE=''
install_tools
make_environment
compile_package
make_nextflow
if [ -n "$MADE" ]; then
    say "made $MADE"
    say 'next: source .venv/bin/activate; nextflow run . --help'
fi
