from django.urls import path

from disputes.explanations.views import explain
from disputes.filing.views import ReferenceView, confirm, new_by_link
from disputes.status.views import status

urlpatterns = [
    path("disputes/new/", ReferenceView.as_view(), name="dispute-new"),
    path("disputes/new/<str:token>/", new_by_link, name="dispute-new-link"),
    path("disputes/confirm/<str:token>/", confirm, name="dispute-confirm"),
    path("disputes/explain/<str:token>/", explain, name="dispute-explain"),
    path("disputes/status/<str:token>/", status, name="dispute-status"),
]
