"""The HTTP API: what each app answers, under one roof."""

from config.casework.api.base import DeskAPI
from config.casework.cases.api import router as cases
from incidents.api import router as incidents
from integrations.signals.api import router as signals

api = DeskAPI(
    title="Jobarium Desk",
    version="1",
    description="Calls for the operated systems: bearer tokens with scopes, errors as problem+json, lists in pages.",
    openapi_url="/openapi.json",
    docs_url="/docs",
    urls_namespace="api",
)
api.add_router("/ingest", signals)
api.add_router("/cases", cases)
api.add_router("/incidents", incidents)
