"""Django settings, made from `config.environment` alone."""

import sys
from typing import Any

import django_stubs_ext
from django.templatetags.static import static
from django.utils.csp import CSP
from django.utils.translation import gettext_lazy as _

from config import environment
from config.logs import logging_config

django_stubs_ext.monkeypatch()

try:
    DESK = environment.read()
except environment.BadEnvironment as error:
    sys.stderr.write(f"The desk cannot start: {error}\n")
    raise SystemExit(2) from None

BASE_DIR = environment.PROJECT
SECRET_KEY = DESK.secret_key
DEBUG = DESK.debug
TESTING = DESK.testing
PRODUCTION = DESK.production
ALLOWED_HOSTS = list(DESK.allowed_hosts)
BASE_URL = DESK.base_url
DATA_DIR = DESK.data_dir

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.import_export",
    "unfold.contrib.guardian",
    "config",
    "config.casework",
    "integrations",
    "incidents",
    "gdpr",
    "disputes",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "config.casework.desk.apps.DeskAdminConfig",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    *(["allauth.socialaccount.providers.google"] if DESK.google_client_id else []),
    "axes",
    "guardian",
    "import_export",
    "pgtrigger",
    "pghistory",
    "pghistory.admin",
    "django_q",
    "ninja",
]

MIDDLEWARE = [
    "config.middleware.TraceMiddleware",
    "config.middleware.DeskPolicyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.ProblemMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "config.middleware.ZoneMiddleware",
    "config.middleware.StaffMiddleware",
    "config.middleware.HistoryMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

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
                "django.template.context_processors.csp",
                "config.views.reference",
            ],
        },
    }
]

# --- database -------------------------------------------------------------------------------------------------------
# Web processes share a pool; worker clusters fork, and a pool does not survive that, so they keep plain connections.


def _database() -> dict[str, Any]:
    database: dict[str, Any] = {"ENGINE": "django.db.backends.postgresql", **DESK.database, "CONN_HEALTH_CHECKS": True}
    options: dict[str, Any] = dict(database.get("OPTIONS", {}))
    if DESK.database_role:
        options["options"] = f"-c role={DESK.database_role}"
    if DESK.database_pool:
        options["pool"] = {
            "min_size": 1,
            "max_size": DESK.database_pool,
            "timeout": 5,
            "reconnect_timeout": 10,
            "max_idle": 300,
        }
        database["CONN_MAX_AGE"] = 0
    else:
        database["CONN_MAX_AGE"] = 60
    return database | {"OPTIONS": options, "ATOMIC_REQUESTS": False}


DATABASES = {"default": _database()}
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "desk_cache"},
    "local": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}
if DESK.broker_url:
    CACHES["default"] = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": DESK.broker_url}

# --- background work --------------------------------------------------------------------------------------------------
# Rows of config.casework.work own state and attempts; a task only says "look". retry = 3 * timeout + 1 keeps a slow
# task from running twice at once.
Q_CLUSTER: dict[str, Any] = {
    "name": "desk",
    "workers": 2,
    "timeout": 60,
    "retry": 181,
    "queue_limit": 2,
    "bulk": 1,
    "max_attempts": 1,
    "ack_failures": True,
    "save_limit": 250,
    "catch_up": False,
    "poll": 0.2,
    "cache": "local",
    "label": "Background work",
}
Q_CLUSTER |= {"redis": DESK.broker_url} if DESK.broker_url else {"orm": "default"}

# --- people -----------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "casework.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "config.accounts.RoleBackend",
    "guardian.backends.ObjectPermissionBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/admin/"
ACCOUNT_ADAPTER = "config.accounts.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "config.accounts.SocialAccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_USER_DISPLAY = "config.accounts.display_name"
ACCOUNT_RATE_LIMITS = {"login_failed": None}
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Jobarium Desk"
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {}
if DESK.google_client_id:
    SOCIALACCOUNT_PROVIDERS["google"] = {
        "APPS": [{"client_id": DESK.google_client_id, "secret": DESK.google_client_secret, "key": ""}],
        "SCOPE": ["profile", "email"],
        "OAUTH_PKCE_ENABLED": True,
    }
SUPERADMIN_EMAILS = DESK.superadmin_emails
STAFF_EMAIL_DOMAINS = DESK.staff_email_domains
STAFF_NEEDS_SECOND_FACTOR = True
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_CALLABLE = "config.accounts.sign_in_name"
AXES_CLIENT_IP_CALLABLE = "config.accounts.client_address"
AXES_LOCKOUT_TEMPLATE = "account/locked_out.html"
AXES_ENABLE_ADMIN = True
GUARDIAN_RAISE_403 = True
PGHISTORY_ADMIN_CLASS = "config.casework.audit.admin.RowHistoryAdmin"
ANONYMOUS_USER_NAME = None

# --- import and export: never past the permissions ----------------------------------------------------------------------
IMPORT_EXPORT_IMPORT_PERMISSION_CODE = "add"
IMPORT_EXPORT_EXPORT_PERMISSION_CODE = "view"
IMPORT_EXPORT_SKIP_ADMIN_LOG = True
IMPORT_EXPORT_TMP_STORAGE_CLASS = "import_export.tmp_storages.MediaStorage"
IMPORT_EXPORT_USE_TRANSACTIONS = True

# --- words and time -----------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en-gb", _("English")), ("de", _("German"))]
LOCALE_PATHS = [BASE_DIR / "config" / "locale"]
FORMAT_MODULE_PATH = ["config.formats"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- files --------------------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
MEDIA_ROOT = DATA_DIR / "files"
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if TESTING or DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True  # every page names them by their hash
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_PERMISSIONS = 0o600

# --- mail ---------------------------------------------------------------------------------------------------------------
MAILERS = {"default": DESK.mailer}
DEFAULT_FROM_EMAIL = DESK.mail_from
SERVER_EMAIL = DESK.mail_from
NOTIFY_URLS = DESK.notify_urls

# --- the web, guarded ---------------------------------------------------------------------------------------------------
# unfold needs eval for its scripts and inline styles; both are allowed on the staff pages only.
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}
STAFF_CSP = SECURE_CSP | {
    "script-src": [CSP.SELF, CSP.UNSAFE_EVAL],
    "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
    "base-uri": [CSP.SELF],
}
HTTPS = BASE_URL.startswith("https://")
SECURE_SSL_REDIRECT = PRODUCTION
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = HTTPS or PRODUCTION
CSRF_COOKIE_SECURE = HTTPS or PRODUCTION
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = False
CSRF_TRUSTED_ORIGINS = [BASE_URL] if BASE_URL else []
CSRF_FAILURE_VIEW = "config.views.csrf_failure"
X_FRAME_OPTIONS = "DENY"
TRUSTED_PROXIES = DESK.trusted_proxies
OUTBOUND_ALLOW = DESK.outbound_allow
HEARTBEAT_URL = DESK.heartbeat_url
DESK_KEYS = DESK.keys
DESK_ENV = DESK.stage
WEBHOOK_SECRETS = DESK.webhook_secrets

LOGGING_CONFIG = None
LOGGING = logging_config(DESK.log_level)

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Jobarium Desk",
    "SITE_HEADER": "Jobarium Desk",
    "SITE_URL": "/",
    "SITE_SYMBOL": "support_agent",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "config.dashboard.context",
    "STYLES": [
        lambda _request: static("desk/tones.css"),
        lambda _request: static("desk/desk.css"),
        lambda _request: static("desk/admin.css"),
    ],
    "SITE_ICON": lambda _request: static("desk/logo.svg"),
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("desk/favicon.svg")}],
    "BORDER_RADIUS": "6px",
    "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": "config.dashboard.navigation"},
    "COLORS": {
        "base": {
            "50": "#f8fafc",
            "100": "#f1f5f9",
            "200": "#e2e6ec",
            "300": "#cbd5e1",
            "400": "#8a94a6",
            "500": "#64748b",
            "600": "#475569",
            "700": "#334155",
            "800": "#2a3650",
            "900": "#0f172a",
            "950": "#0b1120",
        },
        "font": {
            "subtle-light": "#4b5563",
            "subtle-dark": "#a3b0c2",
            "default-light": "#111827",
            "default-dark": "#e5e7eb",
            "important-light": "#111827",
            "important-dark": "#f8fafc",
        },
        "primary": {
            "50": "#f0fdfa",
            "100": "#ccfbf1",
            "200": "#99f6e4",
            "300": "#5eead4",
            "400": "#2dd4bf",
            "500": "#14b8a6",
            "600": "#0f766e",
            "700": "#0f766e",
            "800": "#115e59",
            "900": "#134e4a",
            "950": "#042f2e",
        },
    },
}
