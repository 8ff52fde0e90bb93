# An image with everything installed: docker build --build-arg COMMIT=$(git rev-parse HEAD) -t seqrec .
# Any image with Python 3.11 to 3.14 and a CUDA build of torch 2.6 to 2.13 will do as its base.
ARG BASE=pytorch/pytorch:2.8.0-cuda12.8-cudnn9-runtime
FROM ${BASE}

RUN apt-get update \
 && apt-get install --yes --no-install-recommends curl git openssh-client util-linux \
 && rm -rf /var/lib/apt/lists/*

# Locked dependencies first: they change rarely, and the image's torch stays.
WORKDIR /opt/seqrec
ENV SEQREC_VENV=/opt/venv PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1 UV_COMPILE_BYTECODE=1
COPY pyproject.toml setup.py set_up.py constraints.txt README.md LICENSE ./
COPY src/seqrec/__init__.py src/seqrec/__init__.py
RUN python -m venv --system-site-packages "$SEQREC_VENV" \
 && "$SEQREC_VENV/bin/python" -I set_up.py --python "$SEQREC_VENV/bin/python"

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
