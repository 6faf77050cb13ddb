# The portal: web, workers, beat, sandbox and one-shot commands are this one image with other commands.
# The Python that the requirements were locked and tested with.
FROM python:3.11.15-slim-bookworm

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app

# Wheels only: nothing is compiled, and no package's code runs while it is installed.
COPY requirements.txt ./
RUN pip install --require-hashes --only-binary=:all: -r requirements.txt

COPY manage.py LICENSE ./
COPY portal portal
COPY uploads uploads
COPY templates templates
COPY static static
ENV DJANGO_SETTINGS_MODULE=portal.settings DATA_DIR=/data STATIC_ROOT=/app/staticfiles
RUN SECRET_KEY=only-to-collect python manage.py collectstatic --no-input
RUN python -m compileall -q portal uploads
RUN mkdir /data && chown 10001:10001 /data

USER 10001:10001
EXPOSE 8000
