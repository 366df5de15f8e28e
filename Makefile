# Two commands: `make run` and `make test`. Each does all the set-up it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: run test check setup soak figures screenshots clean

run: setup
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ "$$(uname)" = Darwin ]; then \
		$(BIN)/python -m plugin_bridge; \
	else \
		echo "There is no screen here: this makes a first loop in place of opening the window."; \
		$(BIN)/python -m plugin_bridge generate "dusty lo-fi drums, 84 bpm" --bars 4 --out .; \
	fi

# The pictures of the README and of every state of the window.
screenshots: setup
	$(BIN)/python -m pytest -m screenshots tests/gui/test_screenshots.py

test: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python -m pytest

setup: $(STAMP)

$(STAMP): pyproject.toml .ci/setup
	PYTHON=$(PYTHON) sh .ci/setup $(VENV)
	touch $@

# Slow evidence: hundreds of kills and cancels with the real weights.
soak: setup
	$(BIN)/python -m pytest -m slow --timeout 3600

# The performance table of the README.
figures: setup
	$(BIN)/python -m plugin_bridge bench

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis
