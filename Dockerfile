FROM python:3.13-slim-bookworm AS build
RUN apt-get update && apt-get install --yes --no-install-recommends make && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY . .
RUN make install && rm -rf .cache node_modules

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data --create-home aimanager
COPY --from=build /app /app
WORKDIR /app
ENV AI_MANAGER_HOST=0.0.0.0 AI_MANAGER_DATA_DIR=/data
VOLUME /data
EXPOSE 8000
USER aimanager
HEALTHCHECK --start-period=30s CMD [".venv/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=5)"]
CMD [".venv/bin/gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
