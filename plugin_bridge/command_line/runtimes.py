"""What runs the models on this machine, as the model itself tells it in a child process."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass

from engine.child_process import child_environment, module_command
from engine.errors import ModelProblem

_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class ModelRuntime:
    """name: with its version and precision. provider: ONNX Runtime's, or torch's device. note:
    why it is not the fastest there is."""

    name: str
    provider: str
    note: str

    @property
    def text(self) -> str:
        note = f"; {self.note}" if self.note else ""
        return f"{self.name} ({self.provider}){note}"


def find_runtimes(device: str) -> dict[str, ModelRuntime]:
    """Load the models as a worker would and return what runs each. Raises ModelProblem."""
    try:
        done = subprocess.run(
            module_command("engine.models.graft.runtime", device),
            env=child_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_SECONDS,
            check=True,
        )
        found = json.loads(done.stdout)
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip()
        raise ModelProblem(
            "The model cannot be loaded; look at what `loopgraft models verify` says.", said
        ) from error
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise ModelProblem("The model did not say what runs it.", repr(error)) from error
    return {name: ModelRuntime(**parts) for name, parts in found.items()}
