# Scoring, calibration, annotation, report: no torch. Built locally by `make images`; never published.
# For GPUs build with --build-arg ROLE=score_gpu: the CUDA libraries come with onnxruntime-gpu's own extras, no CUDA base image.
# onnxruntime and onnxruntime-gpu must never be installed together, hence two locks.
FROM python:3.11.13-slim-bookworm

ARG ROLE=score
RUN apt-get update \
    && apt-get install -y --no-install-recommends bedtools procps bash \
    && rm -rf /var/lib/apt/lists/*
COPY python/requirements/${ROLE}.txt /opt/gfmtrust/requirements.txt
RUN pip install --no-cache-dir --require-hashes -r /opt/gfmtrust/requirements.txt
COPY python /opt/gfmtrust/python
COPY assets/models.csv /opt/gfmtrust/assets/models.csv
# a link of source, not a copy: the package finds assets/ beside python/
RUN echo /opt/gfmtrust/python > "$(python -c 'import site; print(site.getsitepackages()[0])')/gfmtrust.pth" \
    && printf '#!/bin/sh\nexec python3 -m gfmtrust.cli "$@"\n' > /usr/local/bin/gfmtrust \
    && chmod 755 /usr/local/bin/gfmtrust
# works under any user: caches go below the task's folder (env scope of nextflow.config)
USER 65534
