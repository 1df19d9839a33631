from django.urls import path

from incidents.paging.views import acknowledge_page

urlpatterns = [path("a/<str:token>/", acknowledge_page, name="page-acknowledge")]
