#!/bin/sh
# Installs what the one-node SLURM of `make test-slurm` needs: Debian's slurm-wlm and munge. Starts nothing and configures nothing:
# tests/pipeline/slurm_node.py runs the daemons from a temporary folder. Idempotent.
set -eu

COMMANDS='munged slurmctld slurmd sbatch squeue sinfo'
PATH=$PATH:/usr/sbin:/sbin
LOG=$(mktemp)
trap 'rm -f "$LOG"' EXIT

missing=''
for command in $COMMANDS; do
    command -v "$command" >/dev/null || missing="$missing $command"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "slurm:$missing not found; expected them on PATH; install slurm-wlm and munge, or run this as root where apt-get is" >&2
    exit 66
fi
echo 'slurm: installing slurm-wlm and munge with apt-get'
# no daemon of the packages' own is started: a policy that forbids it stands while they are installed
policy=/usr/sbin/policy-rc.d
ours=''
[ -e "$policy" ] || { ours=$policy; printf '#!/bin/sh\nexit 101\n' > "$policy"; chmod 755 "$policy"; }
trap 'rm -f "$LOG" $ours' EXIT
if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends slurm-wlm munge; } > "$LOG" 2>&1; then
    tail -n 15 "$LOG" >&2
    echo 'slurm: apt-get failed; expected slurm-wlm and munge installed; run this again once it is mended' >&2
    exit 74
fi
