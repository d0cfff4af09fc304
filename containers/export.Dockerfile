# Export of models to ONNX: brings torch. Built locally by `make images`; never published.
FROM python:3.11.13-slim-bookworm

RUN apt-get update \
    && apt-get install -y --no-install-recommends bedtools procps bash \
    && rm -rf /var/lib/apt/lists/*
COPY python/requirements/export.txt /opt/gfmtrust/requirements.txt
RUN pip install --no-cache-dir --require-hashes -r /opt/gfmtrust/requirements.txt
ARG VERSION
LABEL org.opencontainers.image.title="gfmtrust/export" \
      org.opencontainers.image.description="Exports genomic models to ONNX for gfmtrust; brings torch" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="https://github.com/gfmtrust/gfmtrust"
COPY python/gfmtrust /opt/gfmtrust/python/gfmtrust
# a link of source, not a copy; what Python and numba would compile in every task is compiled here
RUN echo /opt/gfmtrust/python > "$(python -c 'import site; print(site.getsitepackages()[0])')/gfmtrust.pth" \
    && printf '#!/bin/sh\nexec python3 -m gfmtrust.cli "$@"\n' > /usr/local/bin/gfmtrust \
    && chmod 755 /usr/local/bin/gfmtrust \
    && python -m compileall -q --invalidation-mode checked-hash /opt/gfmtrust/python/gfmtrust \
    && python -m gfmtrust.copies.precompile \
    && python -m gfmtrust.baseline.precompile \
    && test "$(gfmtrust --version)" = "${VERSION}"
# any user, without a home: whatever a library writes goes to /tmp unless the pipeline names a folder of the task
ENV HOME=/tmp XDG_CACHE_HOME=/tmp/.cache \
    PYTHONDONTWRITEBYTECODE=1 PYTHONNOUSERSITE=1 LC_ALL=C.UTF-8
USER 65534
