"""A user's span always becomes latent frames that hold all of it; 1 keeps, 0 regenerates."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.audio import FrameSpan
from engine.diffusion.masks import boundary_band, keep_mask, overlapping

HOP = 64
COUNT = 12
PERIOD = COUNT * HOP
SPANS = st.builds(
    lambda start, frames: FrameSpan(start, start + frames),
    st.integers(0, PERIOD - 1),
    st.integers(1, PERIOD),
)


def _owner(sample: int) -> int:
    """The latent frame whose own samples [k HOP - HOP/8, (k + 1) HOP - HOP/8) hold a sample."""
    return (sample + HOP // 8) // HOP


@given(st.lists(SPANS, min_size=1, max_size=3))
def test_on_a_circle_exactly_the_frames_that_own_a_span_are_regenerated(
    spans: list[FrameSpan],
) -> None:
    keep = keep_mask(COUNT, HOP, spans, circular=True)
    owners = {_owner(n) % COUNT for span in spans for n in range(span.start, span.stop)}
    assert keep.shape == (COUNT, 1)
    assert set(torch.nonzero(keep[:, 0] == 0).flatten().tolist()) == owners
    assert set(keep.unique().tolist()) <= {0.0, 1.0}


@given(st.lists(SPANS, min_size=1, max_size=3))
def test_on_a_line_nothing_wraps(spans: list[FrameSpan]) -> None:
    keep = keep_mask(COUNT, HOP, spans, circular=False)
    owners = {_owner(n) for span in spans for n in range(span.start, span.stop)}
    made = set(torch.nonzero(keep[:, 0] == 0).flatten().tolist())
    assert made == {owner for owner in owners if owner < COUNT}


def test_without_spans_everything_is_kept() -> None:
    assert bool((keep_mask(COUNT, HOP, (), circular=True) == 1).all())


@given(st.lists(SPANS, min_size=1, max_size=3), st.integers(1, COUNT - 1))
def test_turning_spans_by_whole_hops_turns_the_mask(spans: list[FrameSpan], by: int) -> None:
    turned = [FrameSpan(s.start + by * HOP, s.stop + by * HOP) for s in spans]
    # A span may end past the end of the circle once, not twice.
    turned = [FrameSpan(s.start - PERIOD, s.stop - PERIOD) if s.start >= PERIOD else s
              for s in turned]  # fmt: skip
    expected = keep_mask(COUNT, HOP, spans, circular=True).roll(by, 0)
    assert torch.equal(keep_mask(COUNT, HOP, turned, circular=True), expected)


@given(st.lists(SPANS, min_size=1, max_size=2), st.booleans())
def test_windows_are_met_exactly_when_they_share_a_sample(
    spans: list[FrameSpan], circular: bool
) -> None:
    hit = overlapping(COUNT, HOP, HOP, HOP, spans, circular=circular)
    frames = {n for span in spans for n in range(span.start, span.stop)}
    if circular:
        frames |= {n + shift for n in frames for shift in (-PERIOD, PERIOD)}
    expected = [not frames.isdisjoint(range(k * HOP - HOP, k * HOP + HOP)) for k in range(COUNT)]
    assert hit.tolist() == expected


@given(st.lists(st.booleans(), min_size=3, max_size=20), st.integers(0, 3), st.booleans())
def test_the_boundary_band_is_the_kept_frames_near_a_made_one(
    kept: list[bool], width: int, circular: bool
) -> None:
    keep = torch.tensor(kept).float()[:, None]
    total = len(kept)

    def distance(a: int, b: int) -> int:
        return min(abs(a - b), total - abs(a - b)) if circular else abs(a - b)

    made = [i for i, k in enumerate(kept) if not k]
    expected = [k and any(distance(i, m) <= width for m in made) for i, k in enumerate(kept)]
    assert boundary_band(keep, width, circular=circular)[:, 0].tolist() == expected


@pytest.mark.parametrize("circular", [True, False])
def test_a_span_of_one_sample_is_regenerated(circular: bool) -> None:
    for sample in range(PERIOD - HOP // 8):
        keep = keep_mask(COUNT, HOP, [FrameSpan(sample, sample + 1)], circular=circular)
        assert int((keep == 0).sum()) == 1
