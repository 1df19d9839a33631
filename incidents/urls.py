from django.urls import path

from incidents.customers.views import unsubscribe
from incidents.paging.views import acknowledge_page

urlpatterns = [
    path("a/<str:token>/", acknowledge_page, name="page-acknowledge"),
    path("unsubscribe/<str:token>/", unsubscribe, name="unsubscribe"),
]
