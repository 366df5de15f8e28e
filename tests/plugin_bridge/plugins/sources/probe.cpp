// Two plugins for the tests: an effect (gain, a fixed delay that it reports) and, with SYNTH, a
// sine synth. Both break in the chosen way when a sample above 4 comes in, or a note of 127.

#include "DistrhoPlugin.hpp"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

START_NAMESPACE_DISTRHO

namespace {

enum Trouble { kNone, kCrash, kHang, kAllocate, kNaN, kExit, kSlow };
enum Parameter_ { kGain, kTrouble, kParameters };

const uint32_t kDelay = 100;
const float kTrigger = 4.0f;

}  // namespace

class Probe : public Plugin {
public:
    Probe() : Plugin(kParameters, 0, 0)
    {
        values[kGain] = 1.0f;
        values[kTrouble] = kNone;
#ifndef SYNTH
        std::memset(delayed, 0, sizeof(delayed));
        setLatency(kDelay);
#endif
    }

protected:
    const char* getLabel() const override { return DISTRHO_PLUGIN_NAME; }
    const char* getMaker() const override { return "Loopgraft"; }
    const char* getLicense() const override { return "GPL-3.0-or-later"; }
    uint32_t getVersion() const override { return d_version(1, 2, 3); }
    int64_t getUniqueId() const override
    {
#ifdef SYNTH
        return d_cconst('L', 'g', 'P', 's');
#else
        return d_cconst('L', 'g', 'P', 'e');
#endif
    }

    void initParameter(uint32_t index, Parameter& parameter) override
    {
        parameter.hints = kParameterIsAutomatable;
        parameter.name = index == kGain ? "Gain" : "Trouble";
        parameter.symbol = index == kGain ? "gain" : "trouble";
        parameter.ranges.def = values[index];
        parameter.ranges.min = 0.0f;
        parameter.ranges.max = index == kGain ? 2.0f : 6.0f;
        if (index == kTrouble)
            parameter.hints |= kParameterIsInteger;
    }

    float getParameterValue(uint32_t index) const override { return values[index]; }
    void setParameterValue(uint32_t index, float value) override { values[index] = value; }

#ifdef SYNTH
    void activate() override { note = -1; }

    void run(const float**, float** outputs, uint32_t frames, const MidiEvent* events,
             uint32_t count) override
    {
        uint32_t at = 0;
        for (uint32_t i = 0; i < count; ++i) {
            sound(outputs, at, events[i].frame);
            at = events[i].frame;
            take(events[i].data);
        }
        sound(outputs, at, frames);
    }

    void take(const uint8_t* data)
    {
        const uint8_t kind = data[0] & 0xf0;
        if (kind == 0x90 && data[1] == 127)
            misbehave();
        if (kind == 0x90 && data[2] > 0) {
            note = data[1];
            phase = 0.0;
        } else if ((kind == 0x80 || kind == 0x90) && note == data[1]) {
            note = -1;
        }
    }

    void sound(float** outputs, uint32_t from, uint32_t to)
    {
        const double step = note < 0 ? 0.0 : std::pow(2.0, (note - 69) / 12.0) * 440.0;
        for (uint32_t i = from; i < to; ++i) {
            const float value = note < 0 ? 0.0f : 0.5f * (float)std::sin(2.0 * M_PI * phase);
            outputs[0][i] = outputs[1][i] = value * values[kGain];
            phase += step / getSampleRate();
        }
    }

    int note = -1;
    double phase = 0.0;
#else
    void activate() override { std::memset(delayed, 0, sizeof(delayed)); }

    void run(const float** inputs, float** outputs, uint32_t frames) override
    {
        bool spoiled = false;
        for (uint32_t i = 0; i < frames; ++i) {
            if (inputs[0][i] > kTrigger)
                spoiled = misbehave() || spoiled;
            for (int side = 0; side < 2; ++side) {
                float& kept = delayed[side][place];
                const float out = kept * values[kGain];
                kept = inputs[side][i];
                outputs[side][i] = out;
            }
            place = (place + 1) % kDelay;
        }
        if (spoiled)
            outputs[0][0] = NAN;
    }

    float delayed[2][kDelay];
    uint32_t place = 0;
#endif

    // Returns whether the block is to hold a NaN.
    bool misbehave()
    {
        switch ((int)std::lround(values[kTrouble])) {
        case kCrash:
            *(volatile int*)nullptr = 1;
            break;
        case kHang:
            for (;;)
                sleep(1);
        case kAllocate:
            for (;;)
                std::memset(std::malloc(1 << 24), 1, 1 << 24);
        case kNaN:
            return true;
        case kExit:
            _exit(0);
        case kSlow:
            usleep(300000);
            break;
        }
        return false;
    }

private:
    float values[kParameters];
};

Plugin* createPlugin()
{
    return new Probe();
}

END_NAMESPACE_DISTRHO
