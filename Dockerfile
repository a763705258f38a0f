# The service, the batch and the retraining in one image; see docs/guides/docker.md.
FROM python:3.11-slim AS build
WORKDIR /source
RUN python -m venv /venv
# The libraries first: this layer is kept until pyproject.toml or constraints.txt changes.
COPY constraints.txt pyproject.toml ./
RUN python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
e = p['optional-dependencies']; print(*p['dependencies'], *e['service'], *e['sql'], sep='\n')" \
    > libraries.txt \
    && /venv/bin/pip install --no-cache-dir --constraint constraints.txt --requirement libraries.txt
COPY README.md LICENSE ./
COPY src ./src
RUN /venv/bin/pip install --no-cache-dir --constraint constraints.txt '.[service,sql]'

FROM python:3.11-slim
# One thread per process: idle threads of native libraries wait by spinning.
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    OMP_NUM_THREADS=1 \
    MLFLOW_DISABLE_TELEMETRY=true \
    FITMODEL_PORT=8000 \
    HOME=/tmp
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin fitmodel
COPY --from=build /venv /venv
USER 10001
WORKDIR /tmp
EXPOSE 8000
# `fitmodel serve` only, on the port that it reads too; for other commands: docker run --no-healthcheck
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['FITMODEL_PORT']}/healthz\", timeout=4)"]
ENTRYPOINT ["fitmodel"]
CMD ["serve", "--model", "/models/prospect-fit", "--host", "0.0.0.0"]
