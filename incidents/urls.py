from django.urls import path

from incidents.contact_methods.views import acknowledge_test_page
from incidents.customers.views import unsubscribe
from incidents.oncall.views import oncall_feed
from incidents.paging.views import acknowledge_page

urlpatterns = [
    path("a/<str:token>/", acknowledge_page, name="page-acknowledge"),
    path("a/test/<str:token>/", acknowledge_test_page, name="test-page-acknowledge"),
    path("unsubscribe/<str:token>/", unsubscribe, name="unsubscribe"),
    path("calendar/oncall/<str:token>.ics", oncall_feed, name="oncall-feed"),
]
