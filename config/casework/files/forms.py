"""Form fields that take files."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework.content import ATTACHMENTS, UploadRefused, check_upload

MOST_FILES = 5
ACCEPT = ",".join(kind.extension for kind in ATTACHMENTS)
HINT = gettext_lazy("PDF, PNG or JPG, at most 50 MB each.")


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class AttachmentsField(forms.FileField):
    """Any number of files up to `most`, each judged by its bytes (SEC-24); cleans to a list of uploads."""

    def __init__(self, *, most: int = MOST_FILES, **options: Any) -> None:
        options.setdefault(
            "widget", FilesInput(attrs={"accept": ACCEPT}) if most > 1 else forms.FileInput(attrs={"accept": ACCEPT})
        )
        options.setdefault("help_text", HINT)
        self.most = most
        super().__init__(**options)

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[Any]]:
        uploads: Sequence[Any] = data if isinstance(data, list | tuple) else [data]
        if len(uploads) > self.most:
            raise ValidationError(_("Send at most %(most)d files at once.") % {"most": self.most})
        files: list[UploadedFile[Any]] = []
        for upload in uploads:
            file = super().clean(upload, initial)
            if not file:
                continue
            try:
                check_upload(file.name or "", file)
            except UploadRefused as refusal:
                raise ValidationError(str(refusal)) from refusal
            files.append(file)
        return files
