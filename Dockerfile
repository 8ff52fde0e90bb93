# An image with everything installed: docker build --build-arg COMMIT=$(git rev-parse HEAD) -t seqrec .
# Any image with Python 3.11 or 3.12 and a CUDA build of torch 2.6 to 2.13 will do as its base.
ARG BASE=pytorch/pytorch:2.8.0-cuda12.8-cudnn9-runtime
FROM ${BASE}

RUN apt-get update \
 && apt-get install --yes --no-install-recommends curl git openssh-client util-linux \
 && rm -rf /var/lib/apt/lists/*

# Locked dependencies first: they change rarely, and the image's torch stays.
WORKDIR /opt/seqrec
ENV SEQREC_VENV=/opt/venv PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY pyproject.toml constraints.txt README.md ./
COPY src/seqrec/__init__.py src/seqrec/__init__.py
RUN python -m venv --system-site-packages "$SEQREC_VENV" \
 && torch="$(python -c 'import torch; print(torch.__version__)')" \
 && { cat constraints.txt; echo "torch==$torch"; } > /opt/constraints.txt \
 && "$SEQREC_VENV/bin/pip" install --constraint /opt/constraints.txt --editable .

COPY conf conf
COPY src src
COPY runpod_entrypoint.sh .telemetry ./
RUN useradd --create-home seqrec \
 && mkdir -p /workspace data \
 && chown -R seqrec /workspace /opt/seqrec /opt/venv
USER seqrec
RUN "$SEQREC_VENV/bin/python" -m seqrec.ops.warm_up

# The commit last: nothing above is built again because of it. Provenance reads it.
ARG COMMIT=unknown
ENV SEQREC_COMMIT=${COMMIT}
ENTRYPOINT ["/opt/seqrec/runpod_entrypoint.sh"]
