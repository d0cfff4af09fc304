# MultiQC alone. Built locally by `make images`; never published.
FROM python:3.11.13-slim-bookworm

RUN apt-get update \
    && apt-get install -y --no-install-recommends procps bash \
    && rm -rf /var/lib/apt/lists/*
COPY python/requirements/multiqc.txt /opt/gfmtrust/requirements.txt
RUN pip install --no-cache-dir --require-hashes -r /opt/gfmtrust/requirements.txt
ARG VERSION
LABEL org.opencontainers.image.title="gfmtrust/multiqc" \
      org.opencontainers.image.description="MultiQC in the version that gfmtrust is tested with" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="GPL-3.0-or-later" \
      org.opencontainers.image.source="https://github.com/gfmtrust/gfmtrust"
RUN test -n "${VERSION}"
# any user, without a home: whatever a library writes goes to /tmp unless the pipeline names a folder of the task
ENV HOME=/tmp XDG_CACHE_HOME=/tmp/.cache \
    PYTHONDONTWRITEBYTECODE=1 PYTHONNOUSERSITE=1 LC_ALL=C.UTF-8
USER 65534
