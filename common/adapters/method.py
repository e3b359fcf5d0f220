"""What a paper says of its adapter: for which layers it is, and how one is made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from common.adapters.adapter import Adapter
from common.adapters.sites import Kind, Site
from common.errors import InvalidInputError


class AdapterMethod(ABC):
    """A method of adaptation and its settings; papers derive frozen dataclasses from it.

    Attributes:
        title: for messages.
        kinds: of layers for which the method is defined.
    """

    title: ClassVar[str]
    kinds: ClassVar[tuple[Kind, ...]] = ("linear", "convolution", "embedding")

    def validate(self) -> None:  # noqa: B027  (a method without settings has nothing to refuse)
        """Raise InvalidInputError for settings that fit no layer."""

    def shared(self, sites: Mapping[str, Site]) -> Any:
        """What the adapters of one model have in common, made once; None where there is nothing."""
        return None

    @abstractmethod
    def build(self, site: Site, shared: Any, index: int) -> Adapter:
        """The adapter of one layer, on the layer's device, in float32 (float64 for such a weight).

        Args:
            site: the layer.
            shared: what :meth:`shared` returned.
            index: of the layer among those that are adapted, for draws that differ between layers.

        Raises:
            InvalidInputError: the settings do not fit the layer.
        """

    def check(self, site: Site) -> None:
        """Refuse a layer for which the method is not defined."""
        if site.kind not in self.kinds:
            raise InvalidInputError(
                f"{site.name} is a {type(site.layer).__name__}; {self.title} is defined for "
                f"{' and '.join(self.kinds)} layers. Leave it out of the targets."
            )
