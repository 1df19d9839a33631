"""The HTTP API: what each app answers, under one roof."""

from config.casework.api.base import DeskAPI
from config.casework.cases.api import router as cases
from disputes.assessments.api import router as assessments
from disputes.hiring.api import router as hiring
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
api.add_router("/assessments", assessments)
api.add_router("/hiring-decisions", hiring)
