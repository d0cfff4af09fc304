#!/bin/sh
# Stands for docker, podman, singularity or apptainer: runs what comes behind the image on this machine; 'pull' makes an empty image.
set -eu
case ${1:-} in
    run | exec) ;;
    pull) for last; do :; done; shift $(($# - 2)); touch "$1"; exit 0 ;;
    *) exit 0 ;;
esac
while [ "$#" -gt 0 ]; do
    case $1 in
        gfmtrust/* | *.img) shift; exec "$@" ;;
    esac
    shift
done
exit 64
