"""Which version of the API a request is served."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from starlette.requests import HTTPConnection

from domain.clock import Clock
from infra.http.refusals import RequestRefused

HEADER = "X-Api-Version"
PARAMETER = "apiVersion"
SHOWN = 40  # characters of what a client wrote


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """`newest` is served to who asks for none; `supported` has, oldest first, the releases whose
    support has not ended on a day."""

    newest: str
    supported: Callable[[date], Sequence[str]]
    clock: Clock

    def of(self, request: HTTPConnection) -> str:
        """By its header, else by its URL; raises RequestRefused."""
        said = [each.strip(" \t") for each in request.headers.getlist(HEADER)]  # as HTTP has it
        if not said and request.scope["query_string"]:
            said = request.query_params.getlist(PARAMETER)
        return self.chosen(said) if said else self.newest

    def chosen(self, said: Sequence[str]) -> str:
        """The one version that is said, to the letter; raises RequestRefused."""
        if len(said) != 1:
            raise self._refused(f"The API version is said {len(said)} times.")
        [wanted] = said
        if wanted != self.newest and wanted not in self._served():
            raise self._refused(f"API version {wanted[:SHOWN]!r} is not served here.")
        return wanted

    def _served(self) -> list[str]:
        return [*self.supported(self.clock().date())]

    def _refused(self, problem: str) -> RequestRefused:
        served = self._served()
        served += [] if self.newest in served else [self.newest]
        return RequestRefused(
            kind="UNKNOWN_API_VERSION",
            status=400,
            problem=f"{problem} Served: {', '.join(served)}.",
            extensions={"supported": served},
        )
