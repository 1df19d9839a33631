"""Staff addresses of files; mounted below /admin/, where sign-in and second factor are asked for."""

from django.urls import path

from config.casework.files import views

urlpatterns = [path("<int:pk>/", views.download, name="file-download")]
