"""`python -m engine.training.fit_family_guess`: fit the guess of a family, in a minute."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from engine.family_guess import GUESS_FILE, FamilyGuess, save_guess
from engine.prompt_words import FAMILY_PHRASES
from engine.resources import resource_path
from engine.taxonomy import FAMILIES
from engine.text_encoder import TextEncoder
from engine.training.family_phrases import family_texts

STEPS = 400
WEIGHT_DECAY = 3e-4
#: The vocabulary's bare words teach what an instrument is near to, free phrases how people ask.
FREE_WEIGHT = 3.0


def fit(
    pooled: NDArray[np.float32], families: NDArray[np.int64], weights: NDArray[np.float32]
) -> FamilyGuess:
    """Fit a multinomial regression. pooled: (texts, 384); families: (texts,), the last = none."""
    torch.manual_seed(0)
    layer = torch.nn.Linear(pooled.shape[1], len(FAMILIES) + 1)
    optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=STEPS, line_search_fn="strong_wolfe")
    x, y, w = torch.from_numpy(pooled), torch.from_numpy(families), torch.from_numpy(weights)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        losses = torch.nn.functional.cross_entropy(layer(x), y, reduction="none")
        loss = (losses * w).sum() / w.sum() + WEIGHT_DECAY * layer.weight.square().sum() / 2
        loss.backward()
        return loss

    optimizer.step(closure)
    return FamilyGuess(layer.weight.detach().T.numpy().copy(), layer.bias.detach().numpy().copy())


def main() -> None:
    """Fit to the free phrases and the parser's vocabulary, and write the shipped file."""
    free = family_texts()
    known = [(word, family) for family, words in FAMILY_PHRASES.items() for word in words]
    texts = free + known
    pooled = TextEncoder().encode([text for text, _ in texts]).pooled
    names = [*FAMILIES, ""]
    families = np.array([names.index(family) for _, family in texts])
    counts = np.bincount(families, minlength=len(names))
    weights = np.array([FREE_WEIGHT] * len(free) + [1.0] * len(known)) / counts[families]
    guess = fit(pooled, families, weights.astype(np.float32))
    save_guess(guess, resource_path("models", "text", GUESS_FILE))


if __name__ == "__main__":
    main()
