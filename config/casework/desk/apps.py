"""The admin with the desk's own site."""

from django.contrib.admin.apps import AdminConfig


class DeskAdminConfig(AdminConfig):
    default_site = "config.casework.desk.site.DeskSite"
