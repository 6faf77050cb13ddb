"""The portal's settings. What differs between machines comes from the environment through ``env``."""

import logging
from pathlib import Path
from urllib.parse import urlsplit

import django_stubs_ext
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from portal.env import database, env, fernet_keys, log_level, secret, secret_url, time_zone
from portal.logs import logging_config

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "data"))).expanduser().resolve()
SECRETS_DIR = DATA_DIR / "secrets"  # where `make run` keeps what it has made for itself

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = secret("SECRET_KEY", default="for-development-only" if DEBUG else "", kept=SECRETS_DIR)
if not SECRET_KEY:
    raise ImproperlyConfigured("Set SECRET_KEY or SECRET_KEY_FILE (`make run` makes one in DATA_DIR).")
# Fernet keys that encrypt the Qure tokens; the first encrypts, all decrypt.
FIELD_KEYS = fernet_keys("FIELD_KEYS", secret("FIELD_KEYS", kept=SECRETS_DIR), kept=SECRETS_DIR)

PUBLIC_URL = env.str("PUBLIC_URL", default="http://127.0.0.1:8000").rstrip("/")
_public = urlsplit(PUBLIC_URL)
_is_https = _public.scheme == "https"
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[_public.hostname or "127.0.0.1", "localhost", "127.0.0.1"])

INSTALLED_APPS = [
    "uploads",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "csp",
    "django_structlog",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "uploads.languages.scripts_and_administration_in_english",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "uploads.http.no_store",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "uploads.views.pages.destination_alarm",
                "uploads.views.notices.unread_notices",
                "uploads.languages.script_words",
            ]
        },
    }
]

# Database. SQLite takes its write lock at BEGIN, so that two writers queue instead of failing.
DATABASES = {
    "default": database(
        "DATABASE_URL", secret_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR}/portal.sqlite3")
    )
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,  # seconds
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
elif DATABASES["default"]["ENGINE"].endswith("postgresql"):
    # Who froze, died or lost its line in mid-transaction keeps nobody waiting for its locks.
    _idle = env.int("DATABASE_IDLE_SECONDS", default=30)
    _server = {
        "idle_in_transaction_session_timeout": _idle * 1000,
        "tcp_keepalives_idle": _idle,
        "tcp_keepalives_interval": 10,
        "tcp_keepalives_count": 3,
    }
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault(
        "options", " ".join(f"-c {name}={value}" for name, value in _server.items())
    )
DATABASES["default"]["CONN_MAX_AGE"] = 60  # seconds
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Rate limits live in the database: they must hold for all web processes and without a broker.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"}}

# Staging: one object a parcel.
STAGING_S3_BUCKET = env.str("STAGING_S3_BUCKET", default="")
STAGING_DIR = DATA_DIR / "staging"
_STAGING_FILES = {"BACKEND": "uploads.storage.StagingFiles", "OPTIONS": {"location": STAGING_DIR}}
_STAGING_S3 = {
    "BACKEND": "uploads.bucket.StagingBucket",
    "OPTIONS": {
        "bucket_name": STAGING_S3_BUCKET,
        "endpoint_url": env.str("STAGING_S3_ENDPOINT", default="") or None,
        "access_key": secret("AWS_ACCESS_KEY_ID") or None,
        "secret_key": secret("AWS_SECRET_ACCESS_KEY") or None,
        "region_name": env.str("AWS_REGION", default="us-east-1"),
        "verify": env.str("STAGING_S3_CA_BUNDLE", default="") or None,
    },
}
STORAGES = {
    "default": _STAGING_S3 if STAGING_S3_BUCKET else _STAGING_FILES,
    "staticfiles": {"BACKEND": "portal.static.ModuleStaticFiles"},
}

# Static files
STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(DATA_DIR / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_KEEP_ONLY_HASHED_FILES = True  # nobody asks for the others, and compressing takes seconds

# Sign-in
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["uploads.accounts.LeanArgon2"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "upload"
ACCOUNT_ADAPTER = "uploads.accounts.ClosedDoor"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_RATE_LIMITS = {"login_failed": "20/m/ip,5/5m/key"}
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)
SESSION_COOKIE_AGE = 12 * 3600  # seconds, a long shift
SESSION_EXPIRE_AT_BROWSER_CLOSE = True

# Mail: password resets and notices. A server that hangs must not hold a worker.
EMAIL_BACKEND = env.str("EMAIL_BACKEND", default="django.core.mail.backends.console.EmailBackend")
EMAIL_HOST = env.str("EMAIL_HOST", default="localhost")
EMAIL_PORT = env.int("EMAIL_PORT", default=25)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", default="")
EMAIL_HOST_PASSWORD = secret("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", default=False)
EMAIL_USE_SSL = env.bool("EMAIL_USE_SSL", default=False)
EMAIL_TIMEOUT = 15  # seconds
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="portal@localhost")

# Headers and cookies
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "uploads.views.errors.csrf_failure"
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _is_https
if _is_https:
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
# The manifest of 2,000 paths is the largest body that Django itself reads; parcels are streamed.
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 20_000  # parts of one POST /studies; its size is limited too

# Celery carries hints; the database is the truth.
# Not BROKER_URL: Celery's command line reads a variable of that name itself, and knows no {password}.
CELERY_BROKER_URL = secret_url("REDIS_URL", default="")
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "uploads.tasks.check_parcel": {"queue": "checks"},
    "uploads.tasks.send_batch": {"queue": "relay"},
    "uploads.tasks.make_picture": {"queue": "pictures"},
    # to a mail server and to webhooks: only some workers have a way out
    "uploads.tasks.mail_notice": {"queue": "outside"},
    "uploads.tasks.call_webhook": {"queue": "outside"},
}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 5,  # seconds
    "socket_connect_timeout": 2,  # seconds
    "queue_order_strategy": "priority",  # a worker's queues in the order in which they are given to it
    "max_retries": 0,  # whoever gives a hint does not wait for a broker that is away: by default six seconds
}
CELERY_TASK_PUBLISH_RETRY = False

# Limits
POSTED_MAX_BYTES = 100_000_000  # the body of one POST /studies, as the API document says
UPLOAD_JOB_MAX_FILES = 100_000
UPLOAD_PARCEL_MAX_BYTES = 34 * 1024 * 1024  # 32 MiB of files and their TAR headers
UPLOAD_FREE_BYTES_FLOOR = env.int(
    "UPLOAD_FREE_BYTES_FLOOR", default=1024**3
)  # bytes kept free on the staging disk
# Bytes that a team may have announced or brought, and that Qure has not taken yet, for whatever reason, as
# long as they are kept; 0 for any number. Of cancelled uploads nothing counts.
UPLOAD_TEAM_MAX_BYTES = env.int("UPLOAD_TEAM_MAX_BYTES", default=250_000_000_000)
UPLOAD_WAITING_MAX_FILES = env.int("UPLOAD_WAITING_MAX_FILES", default=1_000_000)  # of all teams
STAGING_RETENTION_HOURS = env.int(
    "STAGING_RETENTION_HOURS", default=72
)  # after delivery, and for the abandoned
NOTICE_RETENTION_DAYS = env.int("NOTICE_RETENTION_DAYS", default=90)  # notices, and calls of webhooks
# Until a parcel's checks are taken for dead. One of 2,000 hostile files takes longer: it is checked again.
CHECK_LEASE_SECONDS = env.int("CHECK_LEASE_SECONDS", default=600)

# Qure. Destinations are rows; these make the first one, and hold for all.
QURE_BASE_URL = env.str("QURE_BASE_URL", default="")
QURE_TOKEN = secret("QURE_TOKEN")
QURE_SOURCE = env.str("QURE_SOURCE", default="")
QURE_SCHEME = env.str("QURE_SCHEME", default="Token")
QURE_CA_BUNDLE = env.str("QURE_CA_BUNDLE", default="")
# Hosts that an administrator may enter; the environment's own is always allowed.
QURE_ALLOWED_HOSTS = env.list("QURE_ALLOWED_HOSTS", default=[])
# Hosts that may be spoken to without TLS, as this machine may: a sandbox in a network of our own.
QURE_PLAIN_HTTP_HOSTS = env.list("QURE_PLAIN_HTTP_HOSTS", default=[])
# Teams' webhooks: hosts that an administrator may enter, and who vouches for their certificates.
WEBHOOK_ALLOWED_HOSTS = env.list("WEBHOOK_ALLOWED_HOSTS", default=[])
WEBHOOK_CA_BUNDLE = env.str("WEBHOOK_CA_BUNDLE", default="")
RELAY_BATCH_MAX_BYTES = env.int("RELAY_BATCH_MAX_BYTES", default=100_000_000)
UPLOAD_FILE_MAX_BYTES = RELAY_BATCH_MAX_BYTES - 2_000  # room for a file header and the multipart frame
RELAY_LEASE_SECONDS = env.int("RELAY_LEASE_SECONDS", default=120)
RELAY_ANSWER_SECONDS = env.int("RELAY_ANSWER_SECONDS", default=300)
RELAY_STALL_SECONDS = env.int("RELAY_STALL_SECONDS", default=60)
RELAY_FIRST_WAIT_SECONDS = env.float("RELAY_FIRST_WAIT_SECONDS", default=10)
# A paused destination is tried after that long, then ever less often: Qure may have mended what was wrong.
RELAY_PAUSE_SECONDS = env.float("RELAY_PAUSE_SECONDS", default=300)
SWEEP_SECONDS = env.float("SWEEP_SECONDS", default=10)
# Work that was hinted at so long ago, and that no worker gets on with, is done by beat.
WORKERS_SILENT_SECONDS = env.float("WORKERS_SILENT_SECONDS", default=30)
# An open upload that has been silent this long sends what it has, full batch or not.
UPLOAD_IDLE_SECONDS = env.float("UPLOAD_IDLE_SECONDS", default=30)

# A file that workers and beat touch while they live, for health checks. Web processes answer /healthz.
PULSE_FILE = env.str("PULSE_FILE", default="")

# Time and language
USE_TZ = True
TIME_ZONE = time_zone("TIME_ZONE", env.str("TIME_ZONE", default="UTC"))
LANGUAGE_CODE = "en"  # also of mails and logs, whose reader's language nobody knows
LANGUAGES = [("en", "English"), ("de", "Deutsch")]  # each by its own name
FORMAT_MODULE_PATH = ["portal.formats"]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600  # seconds
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SECURE = _is_https

LOGGING_CONFIG = None
logging_config(
    env.str("LOG_FORMAT", default="console"), log_level("LOG_LEVEL", env.str("LOG_LEVEL", default="INFO"))
)
DJANGO_STRUCTLOG_CELERY_ENABLED = True
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = DJANGO_STRUCTLOG_CELERY_TASK_START_LOG_LEVEL = logging.DEBUG
# A proxy of ours names each request, so that its log and this one say the same name. Nobody else may.
DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = ALLAUTH_TRUSTED_PROXY_COUNT > 0
DJANGO_STRUCTLOG_USER_ID_FIELD = "pk"
SILENCED_SYSTEM_CHECKS: list[str] = []
