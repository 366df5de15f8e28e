"""Whether a plugin's own window can be shown here without taking the process with it."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys


def what_the_screen_lacks() -> str:
    """Return why no window can be shown, one sentence; empty when one can.

    JUCE goes to display :0 where none is named, and asks the owner of the desktop's settings for
    them without looking whether there is one; X then ends the process (BadWindow).
    """
    if sys.platform != "linux":
        return ""
    if not os.environ.get("DISPLAY"):
        return "There is no X screen here to show the plugin's own window; set its parameters."
    library = ctypes.util.find_library("X11")
    if library is None:
        return "The plugin's own window needs libX11; install the package libx11-6."
    if not _has_settings(ctypes.CDLL(library)):
        return "The plugin's own window needs the desktop's settings; start xsettingsd."
    return ""


def _has_settings(x11: ctypes.CDLL) -> bool:
    """Whether a program owns the settings of the first screen (the XSETTINGS protocol)."""
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XInternAtom.restype = x11.XGetSelectionOwner.restype = ctypes.c_ulong
    display = x11.XOpenDisplay(None)
    if not display:
        return False
    pointer = ctypes.c_void_p(display)
    try:
        atom = x11.XInternAtom(pointer, b"_XSETTINGS_S0", False)
        return bool(x11.XGetSelectionOwner(pointer, ctypes.c_ulong(atom)))
    finally:
        x11.XCloseDisplay(pointer)
