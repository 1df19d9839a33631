"""Download of a case's file by staff."""

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from config.casework import clock
from config.casework.access.models import User
from config.casework.access.services import may_see
from config.casework.audit.services import record
from config.casework.files.models import StoredFile
from config.casework.files.services import FileGone, read

SANDBOX = "default-src 'none'; sandbox"


@require_safe
@login_required
def download(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Send a file to a member of staff who may see its case, and say so in the trail.

    It is saved, never shown: no browser shall render what a stranger sent, from our own address.
    """
    user = request.user
    if not isinstance(user, User) or not user.is_staff or not user.has_perm("casework.view_storedfile"):
        raise PermissionDenied
    stored = get_object_or_404(StoredFile, pk=pk)
    if stored.case is None or not may_see(user, stored.case):
        raise Http404
    if request.method == "HEAD" and stored.is_readable:
        return as_attachment(HttpResponse(content_type=stored.mime), stored.name, stored.size)
    try:
        pieces = read(stored)
    except FileGone:
        return render(request, "410.html", status=410)
    record(stored.case, "file.opened", actor=user, at=clock.now(), about=stored)
    return as_attachment(StreamingHttpResponse(pieces, content_type=stored.mime), stored.name, stored.size)


def as_attachment(response: HttpResponseBase, name: str, size: int) -> HttpResponseBase:
    """Make a browser save an answer under a name: no sniffing, no scripts, no caches."""
    response.headers["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response.headers["Content-Length"] = str(size)
    response.headers["Content-Security-Policy"] = SANDBOX
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response
