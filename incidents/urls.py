from django.urls import path

from incidents.customers.views import unsubscribe
from incidents.oncall.views import oncall_feed
from incidents.paging.views import acknowledge_page

urlpatterns = [
    path("a/<str:token>/", acknowledge_page, name="page-acknowledge"),
    path("unsubscribe/<str:token>/", unsubscribe, name="unsubscribe"),
    path("calendar/oncall/<str:token>.ics", oncall_feed, name="oncall-feed"),
]
