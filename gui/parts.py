"""What the window stands on: built once, closed once."""

from __future__ import annotations

from dataclasses import dataclass

from engine.client import WorkerOptions
from engine.places import data_folder, library_folder, log_folder
from gui.drag_out import DragOut
from gui.state.background import Background
from gui.state.clips import ClipLoader
from gui.state.door import ScriptDoor
from gui.state.exports import ExportStore
from gui.state.generation import Generation
from gui.state.library import LibraryState
from gui.state.overviews import Overviews
from gui.state.playback import Playback
from gui.state.rack import Rack
from gui.state.rack_thread import ChainPlaces
from gui.state.recorder import Recorder
from gui.state.session import Session
from gui.state.settings import Settings
from gui.state.sync import Sync
from gui.state.wet_files import WetFiles
from plugin_bridge.audio_client import AudioOptions
from plugin_bridge.plugins.host_client import HostOptions


@dataclass(frozen=True)
class Parts:
    """Every state of the app. UI thread only."""

    session: Session
    generation: Generation
    playback: Playback
    rack: Rack
    sync: Sync
    door: ScriptDoor
    recorder: Recorder
    clips: ClipLoader
    background: Background
    library: LibraryState
    overviews: Overviews
    out: DragOut
    settings: Settings

    def close(self) -> None:
        """End every process and thread; what was made is on the disk."""
        for part in (
            self.door,
            self.out.wet,
            self.recorder,
            self.rack,
            self.playback,
            self.generation,
            self.clips,
            self.background,
            self.library,
        ):
            part.close()


def build_parts(worker: WorkerOptions, audio: AudioOptions) -> Parts:
    """Start the processes behind the window; none of them is waited for."""
    clips = ClipLoader()
    library = LibraryState()
    playback = Playback(audio)
    # Those of takes lie with the takes: the library may go to another machine.
    places = ChainPlaces(data_folder() / "chain.json", library_folder() / "Chains")
    rack = Rack(playback, places, host_options(audio.sample_rate))
    store = ExportStore(clips.service)
    playback.rate_changed.connect(rack.use_rate)
    sync = Sync(playback)
    playback.chose.connect(rack.hear)
    return Parts(
        session=Session(),
        generation=Generation(worker),
        playback=playback,
        rack=rack,
        door=ScriptDoor(),
        sync=sync,
        recorder=Recorder(sync),
        clips=clips,
        background=Background(),
        library=library,
        overviews=Overviews(library, clips.service),
        out=DragOut(store, WetFiles(store, rack.wet_chain)),
        settings=Settings(data_folder() / "window.ini"),
    )


def worker_options(device: str = "auto", maker: str = "graft") -> WorkerOptions:
    """Return how the engine's worker is started."""
    log_path = log_folder() / "engine.log"
    return WorkerOptions(library_folder(), device=device, maker=maker, log_path=log_path)


def audio_options(device: str = "") -> AudioOptions:
    """Return how the audio process is started. device: "" is the system's own output."""
    return AudioOptions(device, log_path=log_folder() / "audio.log")


def host_options(sample_rate: int) -> HostOptions:
    """Return how the plugin host is started. sample_rate: Hz, until the output tells its own."""
    return HostOptions(sample_rate, log_path=log_folder() / "plugins.log")
