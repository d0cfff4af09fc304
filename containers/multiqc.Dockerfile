# MultiQC alone. Built locally by `make images`; never published.
FROM python:3.11.13-slim-bookworm

RUN apt-get update \
    && apt-get install -y --no-install-recommends procps bash \
    && rm -rf /var/lib/apt/lists/*
COPY python/requirements/multiqc.txt /opt/gfmtrust/requirements/multiqc.txt
RUN pip install --no-cache-dir --require-hashes -r /opt/gfmtrust/requirements/multiqc.txt
USER 65534
