# Export of models to ONNX: brings torch. Built locally by `make images`; never published.
FROM python:3.11.13-slim-bookworm

RUN apt-get update \
    && apt-get install -y --no-install-recommends bedtools procps bash \
    && rm -rf /var/lib/apt/lists/*
COPY python/requirements/export.txt /opt/gfmtrust/requirements/export.txt
RUN pip install --no-cache-dir --require-hashes -r /opt/gfmtrust/requirements/export.txt
COPY python /opt/gfmtrust/python
COPY assets/models.csv /opt/gfmtrust/assets/models.csv
# a link of source, not a copy: the package finds assets/ beside python/
RUN echo /opt/gfmtrust/python > "$(python -c 'import site; print(site.getsitepackages()[0])')/gfmtrust.pth" \
    && printf '#!/bin/sh\nexec python3 -m gfmtrust.cli "$@"\n' > /usr/local/bin/gfmtrust \
    && chmod 755 /usr/local/bin/gfmtrust
# works under any user: caches go below the task's folder (env scope of nextflow.config)
USER 65534
