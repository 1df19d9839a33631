"""Lists that stay quick at a million rows: counting and paging stop, and say so."""

from functools import cached_property
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.translation import gettext as _

from config.casework.desk.skin import SkinChangeList

COUNT_LIMIT = 10_000
PAGE_LIMIT = 100


class BoundedPaginator(Paginator[Any]):
    """Counts to 10,000 and offers 100 pages at most."""

    template_name = "desk/admin/pagination.html"

    @cached_property
    def _bounded_count(self) -> int:
        rows: Any = self.object_list
        if not hasattr(rows, "query"):
            return len(rows)
        return int(rows.order_by()[: COUNT_LIMIT + 1].count())

    @property
    def count(self) -> int:
        return min(self._bounded_count, COUNT_LIMIT)

    @property
    def count_text(self) -> str:
        """The number of rows as the list shows it."""
        return f"{COUNT_LIMIT:,}+" if self._bounded_count > COUNT_LIMIT else f"{self._bounded_count:,}"

    @property
    def num_pages(self) -> int:
        return min(super().num_pages, PAGE_LIMIT)


class DeskChangeList(SkinChangeList):
    """A list that refuses to page deeper than a person reads."""

    def get_results(self, request: HttpRequest) -> None:
        if self.page_num > PAGE_LIMIT:
            messages.warning(
                request,
                _("A list shows its first %(pages)s pages. Narrow your search to see the rest.")
                % {"pages": PAGE_LIMIT},
            )
            self.page_num = 1
        super().get_results(request)
        self.full_result_count = self.result_count  # or the skin says "10000 results" beside the heading
        prepare = getattr(self.model_admin, "prepare_rows", None)
        if prepare is not None:
            prepare(request, list(self.result_list))
