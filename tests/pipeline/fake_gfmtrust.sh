#!/bin/sh
# Stands for gfmtrust in wiring tests: notes its arguments in $FAKE_LOG (one call a line, arguments ended by ^_) and makes the
# files each subcommand is to make; read_sheet is the real one, since the rows decide which tasks there are. $FAKE_FAIL 'score_sites 75 once' ends that subcommand with that code, the first time or 'always'.
set -eu
if [ "$1" = --version ]; then
    echo 0.0.0
    exit 0
fi
{ printf '%s\037' "$@"; echo; } >> "$FAKE_LOG"
step=$1
if [ -n "${FAKE_FAIL:-}" ]; then
    # shellcheck disable=SC2086
    set -- ${FAKE_FAIL} -- "$@"
    if [ "$step" = "$1" ] && { [ "$3" = always ] || mkdir "$FAKE_LOG.failed" 2>/dev/null; }; then
        echo "gfmtrust: calls.vcf: found this; expected that; do so" >&2
        exit "$2"
    fi
    shift 4
fi

# the value of an option
option() {
    wanted=$1
    shift
    while [ "$#" -gt 1 ]; do
        [ "$1" != "$wanted" ] || printf '%s' "$2"
        shift
    done
}
out_dir=$(option --out_dir "$@")
out=$(option --out "$@")
[ -z "$out_dir" ] || mkdir -p "$out_dir"
case $step in
    read_sheet) real_gfmtrust "$@" ;;
    check_inputs)
        mkdir "$out_dir/spellings"
        vcfs=$(option --vcfs "$@")
        [ -z "$vcfs" ] || cp "$vcfs" "$out_dir/vcfs.tsv"
        echo '{}' > "$out_dir/checks.json"
        [ -z "$(option --background_fasta "$@")" ] || touch "$out_dir/joined.fa" "$out_dir/joined.fa.fai"
        touch "$out_dir/$(basename "$(option --fasta "$@")").fai" ;;
    export_model)
        mkdir "$out_dir/$(option --model_id "$@")"
        touch "$out_dir/$(option --model_id "$@")/bundle.json" ;;
    fit_context_model) echo '{}' > "$out_dir/bundle.json"; touch "$out_dir/model.onnx" ;;
    plan_sites) mkdir "$out_dir/shards"; echo '{}' > "$out_dir/plan.json"; touch "$out_dir/copies.parquet"; touch "$out_dir/shards/shard_00000.parquet" "$out_dir/shards/shard_00001.parquet" ;;
    estimate_run) echo '{}' > "$out"; echo 'sites 12, hours 3' ;;
    choose_stride) echo '{}' > "$out" ;;
    write_tracks)
        touch "$out_dir/entropy.bw" "$out_dir/flags.bed.gz.tbi" "$out_dir/igv_session.xml"
        echo '' | gzip > "$out_dir/flags.bed.gz" ;;
    read_labels) touch "$out" ;;
    list_sites) touch "$out" "$out.tbi" ;;
    audit) echo '<html></html>' > "$out_dir/league.html" ;;
    benchmark_labels) echo '{}' > "$out_dir/benchmark.json"; touch "$out_dir/verdict.txt" ;;
    score_sites)
        name=$(basename "$(option --bundle "$@")").$(basename "$(option --shard "$@")" .parquet)
        touch "$out_dir/$name.parquet"
        rows=$(option --new_rows "$@")
        [ -z "$rows" ] || { mkdir -p "$rows/scope"; echo "$name" > "$rows/scope/$name.npy"; }
        echo '{}' > "$out_dir/$name.metrics.json" ;;
    merge_stores) touch "$out_dir/merged.npy" ;;
    precompute)
        mkdir -p "$(option --new_rows "$@")"
        echo '' | gzip > "$out" ;;
    join_tables) touch "$out" "$out.tbi" ;;
    calibrate)
        printf '{"options": {"alpha_high": %s, "alpha_medium": %s, "delta": %s, "looks": %s}}\n' "$(option --alpha_high "$@")" \
            "$(option --alpha_medium "$@")" "$(option --delta "$@")" "$(option --looks "$@")" > "$out_dir/calibration.json"
        touch "$out_dir/probes.scored.parquet" "$out_dir/background.parquet" ;;
    annotate_sites) touch "$out_dir/sites.parquet" "$out_dir/bases.parquet" "$out_dir/columns.txt" "$out_dir/header.hdr" "$out_dir/legend.json" ;;
    annotate_vcf | annotate_regions)
        echo '' | gzip > "$out"
        echo '{}' > "$(dirname "$out")/$(option --id "$@")$(option --name "$@").counts.json" ;;
    report)
        printf '<html>%s</html>\n' "$(option --title "$@")" > "$out_dir/gfmtrust_report.html"
        echo '{"annotated": [{"kind": "vcf", "ranks": {"HIGH": 2, "LOW": 3}}, {"kind": "bed", "ranks": {"HIGH": 9}}]}' > "$out_dir/manifest.json"
        printf 'a\tb\n1\t2\n' > "$out_dir/gfmtrust_mqc.tsv" ;;
    *) exit 64 ;;
esac
