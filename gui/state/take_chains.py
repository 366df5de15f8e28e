"""Whose chain is heard: the app's, or that of a take that has one of its own. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from plugin_bridge.plugins.chain import Chain

#: Stands for the app where others are take ids.
APP = ""
_NO_CHAIN = Chain()


@dataclass(frozen=True)
class TakeChains:
    """One chain is shown, and may change; the others wait here as they were left.

    owner: whose chain is shown, a take's id or APP. others: by owner, without the shown one.
    """

    owner: str = APP
    others: Mapping[str, Chain] = field(default_factory=dict[str, Chain])

    def owner_for(self, take_id: str) -> str:
        """Return whose chain a take goes through: its own if it has one, else the app's."""
        has_own = take_id == self.owner or take_id in self.others
        return take_id if has_own else APP

    def turned_to(self, owner: str, shown: Chain) -> tuple[TakeChains, Chain]:
        """Return the chains with another one shown, and that. shown: the present one."""
        if owner == self.owner:
            return self, shown
        others = {**self.others, self.owner: shown}
        chain = others.pop(owner, _NO_CHAIN)
        return TakeChains(owner, others), chain

    def given_to(self, take_id: str, shown: Chain) -> TakeChains:
        """Return the chains where a take has the shown one as its own, which is the app's still."""
        return TakeChains(take_id, {**self.others, self.owner: shown})

    def taken_away(self) -> tuple[TakeChains, Chain]:
        """Return the chains without the shown take's, and the app's, which is shown then."""
        others = dict(self.others)
        chain = others.pop(APP, _NO_CHAIN)
        return TakeChains(APP, others), chain

    def with_app(self, read: Chain) -> TakeChains:
        """Return the chains with the app's of an earlier session, unless there is one already."""
        if self.owner == APP or self.others.get(APP, _NO_CHAIN).slots:
            return self
        return replace(self, others={**self.others, APP: read})

    def with_others(self, read: Mapping[str, Chain]) -> TakeChains:
        """Return the chains with those of an earlier session; what is known already counts."""
        fresh = {owner: chain for owner, chain in read.items() if owner != self.owner}
        return replace(self, others={**fresh, **self.others})
