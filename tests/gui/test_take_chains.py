"""Whose chain is heard, as pure bookkeeping."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gui.state.take_chains import APP, TakeChains
from plugin_bridge.plugins.chain import Chain, ChainSlot

TAKES = ("a", "b", "c")

moves = st.lists(
    st.one_of(
        st.tuples(st.just("hear"), st.sampled_from((APP, *TAKES))),
        st.tuples(st.just("edit"), st.integers(1, 99).map(str)),
        st.tuples(st.sampled_from(["give", "share"]), st.just("")),
    ),
    max_size=40,
)


def chain(name: str) -> Chain:
    return Chain((ChainSlot(name),))


@given(moves=moves)
def test_every_take_is_heard_through_what_was_last_set_for_it(moves: list[tuple[str, str]]) -> None:
    """Against a plain table of what each owner's chain should be."""
    chains, shown, heard = TakeChains(), chain("0"), APP
    table = {APP: shown}
    for deed, what in moves:
        owner = heard if heard in table else APP
        match deed:
            case "hear":
                heard = what
                chains, shown = chains.turned_to(chains.owner_for(heard), shown)
            case "edit":
                shown = table[owner] = chain(what)
            case "give" if heard != APP and owner == APP:
                chains = chains.given_to(heard, shown)
                table[heard] = table[APP]
            case "share" if owner != APP:
                chains, shown = chains.taken_away()
                del table[heard]
            case _:
                pass
        assert shown == table.get(heard, table[APP])
        assert chains.owner == (heard if heard in table else APP)
        rest = {owner: table[owner] for owner in table if owner != chains.owner}
        assert chains.others == rest


def test_what_is_set_already_counts_more_than_an_earlier_session() -> None:
    chains, _ = TakeChains().with_others({"a": chain("1"), "b": chain("2")}).turned_to("a", Chain())
    read = chains.with_others({"a": chain("old"), "c": chain("3")}).with_app(chain("app"))
    assert read.others == {APP: chain("app"), "b": chain("2"), "c": chain("3")}
    assert read.with_app(chain("other")) == read
