// What the framework (Debian's dpf-source) asks about the test plugins; see probe.cpp.
#define DISTRHO_PLUGIN_BRAND "Loopgraft"
#define DISTRHO_PLUGIN_HAS_UI 0
#define DISTRHO_PLUGIN_NUM_OUTPUTS 2
#define DISTRHO_PLUGIN_WANT_PROGRAMS 0
#define DISTRHO_PLUGIN_WANT_STATE 0
#ifdef SYNTH
#define DISTRHO_PLUGIN_NAME "Probe Synth"
#define DISTRHO_PLUGIN_URI "urn:loopgraft:probe-synth"
#define DISTRHO_PLUGIN_NUM_INPUTS 0
#define DISTRHO_PLUGIN_IS_SYNTH 1
#define DISTRHO_PLUGIN_WANT_MIDI_INPUT 1
#else
#define DISTRHO_PLUGIN_NAME "Probe"
#define DISTRHO_PLUGIN_URI "urn:loopgraft:probe"
#define DISTRHO_PLUGIN_NUM_INPUTS 2
#define DISTRHO_PLUGIN_WANT_LATENCY 1
#endif
