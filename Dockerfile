# The service, the batch and the retraining in one image; see docs/guides/docker.md.
FROM python:3.11-slim AS build
WORKDIR /source
RUN python -m venv /venv
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY src ./src
RUN /venv/bin/pip install --no-cache-dir --constraint constraints.txt '.[service,sql]'

FROM python:3.11-slim
# One thread per process: idle threads of native libraries wait by spinning.
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    OMP_NUM_THREADS=1 \
    MLFLOW_DISABLE_TELEMETRY=true \
    HOME=/tmp
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin fitmodel
COPY --from=build /venv /venv
USER 10001
WORKDIR /tmp
EXPOSE 8000
# `fitmodel serve` only; for other commands: docker run --no-healthcheck
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["fitmodel"]
CMD ["serve", "--model", "/models/prospect-fit", "--host", "0.0.0.0"]
