# The submission: trains, exports and reports with no network, as the user aicrowd.
# docker build . ; for a GPU: --build-arg BASE=<Python 3.11 with CUDA> --build-arg TENSORFLOW=tensorflow
ARG BASE=python:3.11-slim-bookworm

# hadolint ignore=DL3006
FROM ${BASE} AS dependencies
ARG TENSORFLOW=tensorflow-cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements.txt requirements-nodeps.txt requirements-events.txt /tmp/
# A compiler and TensorBoard's server are left out. The pins are complete, so nothing else is
# resolved: TensorFlow's packages for CPU and GPU differ in name, and others ask for one of them.
# What compiling against the packages would need goes in the same layer.
RUN python -m venv /opt/venv \
    && sed -E -e '/^(#|libclang|tensorboard-data-server)/d' \
        -e "s/^tensorflow==/${TENSORFLOW}==/" /tmp/requirements.txt > /tmp/image.txt \
    && /opt/venv/bin/pip install --no-compile --no-deps \
        -r /tmp/image.txt -r /tmp/requirements-nodeps.txt -r /tmp/requirements-events.txt \
    && rm -rf /opt/venv/lib/python3.11/site-packages/tensorflow/include \
    && find /opt/venv -depth -type d \( -name __pycache__ -o -name tests \) -exec rm -rf {} +

# hadolint ignore=DL3006
FROM ${BASE}
RUN useradd --create-home --uid 1001 aicrowd
COPY --from=dependencies /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    NUMBA_CACHE_DIR=/tmp/numba \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TF_CPP_MIN_LOG_LEVEL=2
WORKDIR /home/aicrowd
COPY --chown=aicrowd:aicrowd . .
# by its name, which the platform looks for
# hadolint ignore=DL3066
USER aicrowd
ENTRYPOINT ["/home/aicrowd/run.sh"]
