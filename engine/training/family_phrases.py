"""Free ways to ask for each family, which the guess of a family is fitted to."""

from __future__ import annotations

from engine.training.captions import FAMILY_WORDS


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


PHRASES: dict[str, tuple[str, ...]] = {
    "drums": _lines("""
        thumping beats
        a steady pulse to dance to
        live drummer in a garage
        snappy backbeat
        knocking boom and crack
        marching band percussionists
        banging on pots and pans
        ticking cymbals
        ghost notes and fills
        heavy rhythm for head nodding
        pounding four four rhythm
        clattering breaks
        brushed jazz kit
        hand percussion circle
        booming taiko ensemble
        finger snaps and stomping feet
        crisp trap rolls
        slamming warehouse rhythm
        bouncy drum machine
        shuffled swing rhythm section, only percussion
    """),
    "bass": _lines("""
        low end rumble
        deep frequencies
        growling
        subsonic tone
        fat low synth line
        gnarly midrange snarl
        thick round bottom
        wobbling lows
        slapping fingers on four strings
        walking upright
        squelching resonant line
        booming sine glide
        floor shaking subs
        dirty distorted low notes
        rolling liquid low line
        gritty neuro growls
    """),
    "keys": _lines("""
        jazzy chords on the ivories
        a pianist playing softly
        old upright in a pub
        electric tines with tremolo
        church service organist
        chiming bells
        toy music box lullaby
        soul seventh chords
        ballad accompaniment by hand
        gospel chords
        harpsichord baroque
        mellow late night chords
        vintage suitcase electric keys
        tinkling high keys
        funky clavinet comping
        saloon honky tonk
    """),
    "pad": _lines("""
        floating ambient bed
        sustained dreamy wash
        ethereal choir in a cathedral
        slow swelling orchestra strings
        warm analog synth layers
        evolving soundscape
        lush background harmony
        heavenly voices
        cold glassy drifting texture
        long soft chords
        shimmering cloud of synths
        sad bowed strings
        cinematic underscore, quiet and wide
        hazy atmosphere
        slow blooming chords
        humming choir
    """),
    "pluck": _lines("""
        fingerpicked acoustic
        strummed six string
        nylon strings, bossa
        picked notes, short and bright
        bouncy plucked synth
        wooden mallet instrument
        island steel pans
        thumb piano pattern
        harp glissando
        koto and shamisen
        country picking
        marimba dance
        staccato tropical house notes
        muted palm picking
    """),
    "lead": _lines("""
        soaring solo line
        screaming synthesizer solo
        catchy topline
        singing hook
        whistling tune
        flute solo
        saxophone solo
        wailing monosynth
        trance anthem hook
        lonely horn player melody
        high melodic phrase
        portamento glide melody
        festival anthem synth
        recorder tune
    """),
    "arp": _lines("""
        running sixteenth notes
        broken chords going up and down
        bubbling modular sequencer
        video game chip runs
        hypnotic repeating sequence
        fast note pattern cycling through a chord
        pulsing sequenced synthesizer
        cascading notes
        berlin school sequencer
        rippling synth notes
        retro computer game music
        stepping synth sequence
    """),
    "stab": _lines("""
        short chord hits
        rave chords from the nineties
        punchy brass accents
        horn section hits
        off beat dub chords with echo
        orchestral hit
        staccato chord accent
        detroit techno chord hits
        piano house chord hits
        reggae skank
        sharp synth chord punches
        tutti accents
    """),
    "fx": _lines("""
        tension building up
        rising noise before the drop
        explosion
        whoosh past the ear
        spaceship engine
        thunder and rain
        wind outside
        record scratches and hiss
        static noise
        broken robot
        glitchy digital errors
        scary movie impact
        laser gun
        sea waves on a beach
        machine humming in a factory
        horror drone
        reverse swell into a transition
        footsteps and doors
        city street recording
        siren alarm
    """),
    "mix": _lines("""
        full song
        whole band playing
        complete track with everything
        finished instrumental
        beat with melody and bass together
        full arrangement
        entire production, all instruments
        rhythm section with chords and melody
        backing track for a singer
        drums with bass and keys together
    """),
}

#: Words that name no sound: what is near to them is not guessed.
NOTHING: tuple[str, ...] = _lines("""
    good
    make something cool
    please
    dark and moody
    fast
    90 bpm
    A minor
    in C major, slow
    techno
    house 124
    something for my friend
    test
    hello there
    beautiful
    red
    holiday
    1234
    loop
    4 bars
    new idea
    vintage
    warm
    aggressive
    random words here
    i do not know
    xyz abc
    summer vibes
    sad
    happy
    energetic, 140 bpm
""")


def family_texts() -> list[tuple[str, str]]:
    """Return every (text, family) to fit to; "" is no family."""
    texts = [(text, family) for family, lines in PHRASES.items() for text in lines]
    texts += [(word, family) for family, words in FAMILY_WORDS.items() for word in set(words)]
    return texts + [(text, "") for text in NOTHING]
