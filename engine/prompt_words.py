"""The words that name a family, a style or a single hit in a prompt.

Kept in step with the corpus's captions, whose words are what the denoiser has read:
a bare "808" is a bass there, "808 kit" a drum kit.
"""

from __future__ import annotations

from typing import NamedTuple


class Sense(NamedTuple):
    """What a phrase says.

    A weak sense counts only where nothing strong is said; so does a style beside a family,
    where it describes the instrument: "cinematic hit".
    """

    family: str | None = None
    style: str | None = None
    one_shot: bool | None = None
    is_weak: bool = False


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(phrase.strip() for phrase in text.replace("\n", ",").split(",") if phrase.strip())


FAMILY_PHRASES: dict[str, tuple[str, ...]] = {
    "drums": _phrases(
        """
        drum, drums, kicks, drum kit, drumkit, kit, drum loop, drum pattern, drum machine, drum set
        drumset, drum pad, drum fill, drum roll, drumming, drummer, beat, breakbeat, break
        amen, amen break, drum break, percussion, percussive, perc, kick, kick drum, kickdrum
        bass drum, bassdrum, bd, snare, snare drum, snare roll, clap, handclap, hand clap, snap
        finger snap, rim, rimshot, rim shot, hat, hi hat, hihat, high hat, hh, closed hat
        open hat, ride cymbal, crash, crash cymbal, cymbal, tom, tom tom, floor tom, shaker
        tambourine, maraca, cabasa, guiro, clave, woodblock, wood block, cowbell, agogo, conga
        bongo, djembe, cajon, tabla, taiko, timpani, timbale, tops, top loop, hat loop
        808 kit, 808 drums, 808 drum, 808 beat, 808 kick, 808 snare, 808 clap, 808 hat
        808 cowbell, 808 tom, tr 808, tr808, 909, tr 909, tr909, 707, tr 707, linndrum
        linn drum, trap hat, four on the floor, 4 on the floor, bass drums, beatbox
        """
    ),
    "bass": _phrases(
        """
        bass, bassline, bass line, bass loop, bass part, bass riff, bass synth, synth bass
        bass guitar, electric bass, slap bass, upright bass, double bass, fretless bass
        acoustic bass, contrabass, sub, sub bass, subbass, deep sub, 808, 808 bass, 808 sub
        808 glide, 808 slide, reese, reese bass, wobble, wobble bass, wub, lfo bass, growl bass
        303, tb 303, tb303, acid, acid line, acid bass, donk, moog bass, low end
        """
    ),
    "keys": _phrases(
        """
        keys, keyboard, piano, grand piano, upright piano, felt piano, e piano, epiano
        electric piano, ep keys, rhodes, fender rhodes, wurlitzer, wurli, wurly, organ, hammond
        b3 organ, church organ, bell, tubular bell, church bell, celesta, celeste, music box
        glockenspiel, glock, chime, clavinet, clav, harpsichord, clavichord, dx7, accordion
        keyboard part
        """
    ),
    "pad": _phrases(
        """
        pad, synth pad, string, string section, string ensemble, string quartet, violin, viola
        cello, choir, choral, vocal pad, voices, atmosphere, atmo, atmos, ambience, soundscape
        ambient texture, ambient soundscape, synth string, string pad, supersaw pad, saw pad
        trance pad, mellotron, swell, string machine
        """
    ),
    "pluck": _phrases(
        """
        pluck, pluck loop, guitar, acoustic guitar, electric guitar, nylon guitar, lead guitar
        rhythm guitar, harp, kalimba, mbira, thumb piano, marimba, xylophone, vibraphone, koto
        sitar, banjo, ukulele, mandolin, lute, oud, zither, dulcimer, pizzicato
        pizzicato string, steel drum, steel drums, steelpan, steel pan, handpan, hang drum
        tongue drum
        """
    ),
    "lead": _phrases(
        """
        lead, leads, lead line, lead melody, lead synth, synth lead, solo synth, supersaw lead
        whistle, theremin, flute, panflute, pan flute, recorder, ocarina, sax, saxophone
        trumpet, clarinet, bass clarinet, oboe, trombone, topline, hoover
        """
    ),
    "arp": _phrases(
        """
        arp, arpeggio, arpeggiator, arp loop, arpeggiated synth, arpeggiated sequence
        synth sequence
        """
    ),
    "stab": _phrases(
        """
        stab, chord stab, rave stab, dub stab, dub chord, dub techno chord, orchestral hit
        orchestra hit, orch hit, brass, brass hit, brass section, horn, horn section, skank
        """
    ),
    "fx": _phrases(
        """
        fx, sfx, sound effect, sound fx, riser, uplifter, build up, buildup, rising sweep
        downlifter, downer, falling sweep, down sweep, impact, cinematic hit, impact hit, boom
        sub boom, sub drop, bass drop, whoosh, swoosh, sweep, noise sweep, white noise
        transition, reverse cymbal, foley, foley loop, vinyl crackle, vinyl noise
        record crackle, mechanical loop, machine rhythm, laser, zap, siren, alarm, explosion
        thunder, braam, drone, room tone, low background noise, gated noise, noise texture
        field recording, ocean wave
        """
    ),
    "mix": _phrases(
        """
        full track, full loop, full mix, full song, full beat, full arrangement, full band
        complete track, complete song, complete beat, whole song, whole track, entire track
        entire song, track loop, song, mix, mix loop, backing track, whole band, drums and bass
        """
    ),
}

#: Generic or describing words: they name a family only where no instrument is named.
WEAK_FAMILY_PHRASES: dict[str, tuple[str, ...]] = {
    "drums": _phrases("groove, rhythm, fill, ride, drummy"),
    "bass": _phrases("bassy, subby"),
    "keys": _phrases("chord, chord progression, progression"),
    "pad": _phrases("orchestra, chorale"),
    "pluck": _phrases("plucked, plucky, plucking, plucked melody, strum, strummed"),
    "lead": _phrases("melody, melodic line, riff, hook, solo"),
    "arp": _phrases("arpeggiated, arpeggiating, sequence, sequenced, ostinato"),
    "stab": _phrases("stabby"),
    "fx": _phrases("effect, texture, noise, crackle, rumble, glitch, rain, wind, granular"),
    "mix": _phrases("track, instrumental, band, composition, arrangement"),
}

STYLE_PHRASES: dict[str, tuple[str, ...]] = {
    "house": _phrases(
        """
        house, deep house, tech house, bass house, acid house, funky house, afro house
        electro house, progressive house, future house, french house, chicago house
        disco house, jazz house, lo fi house, lofi house, slap house, tropical house
        latin house, garage house, ghetto house, 4x4 house, amapiano, uk garage, ukg, 2 step
        nu disco, edm
        """
    ),
    "techno": _phrases(
        """
        techno, acid techno, dub techno, minimal techno, hard techno, warehouse techno
        industrial techno, melodic techno, ambient techno, detroit techno, peak time techno
        hardstyle, gabber, schranz
        """
    ),
    "trap": _phrases(
        "trap, modern trap, trap soul, trap beat, drill, uk drill, phonk, cloud rap, rage beat"
    ),
    "boom-bap": _phrases(
        """
        boom bap, boombap, boom bap hip hop, hip hop, hiphop, old school hip hop
        oldschool hip hop, jazzy hip hop, east coast hip hop, west coast hip hop, g funk, gfunk
        90s rap, old school rap, 90s hip hop
        """
    ),
    "lo-fi": _phrases(
        """
        lofi hip hop, lo fi hip hop, lofi hiphop, lo fi hiphop, chillhop
        chill hop, lofi beat, lo fi beat, study beat, jazzhop
        """
    ),
    "drum and bass": _phrases(
        """
        drum and bass, drum n bass, drum bass, drumnbass, drum nbass, drumandbass, dnb, d and b
        d n b, jungle, ragga jungle, liquid, liquid dnb, liquid drum and bass, neurofunk
        jump up dnb, drumstep, breakcore
        """
    ),
    "dubstep": _phrases("dubstep, brostep, riddim, dub step, grime, bass music"),
    "ambient": _phrases("downtempo, down tempo, chillout, chill out, new age"),
    "synthwave": _phrases(
        """
        synthwave, synth wave, retrowave, retro wave, outrun, darksynth, dark synth, vaporwave
        chillwave, 80s synth, 80s retro, 80s pop, synthpop, synth pop
        """
    ),
    "funk": _phrases("funk, disco funk, p funk, electro funk, jazz funk, disco, boogie"),
    "afrobeat": _phrases(
        "afrobeat, afro beat, afropop, afro pop, highlife, high life, afroswing, afro fusion"
    ),
    "reggaeton": _phrases(
        "reggaeton, reggeton, regeton, regaeton, reggaton, dembow, dem bow, perreo, moombahton"
        ", dancehall, latin trap beat"
    ),
    "cinematic": _phrases(
        """
        cinematic, film score, movie score, film music, soundtrack, trailer, trailer music
        orchestral score, epic score, hans zimmer
        """
    ),
}

#: Words that are moods as often as styles.
WEAK_STYLE_PHRASES: dict[str, tuple[str, ...]] = {
    "house": _phrases("club"),
    "techno": _phrases("tech, rave, industrial"),
    "boom-bap": _phrases("rap, old school, oldschool"),
    "synthwave": _phrases("80s, eighties, 1980s"),
    "lo-fi": _phrases("lo fi, lofi"),
    "ambient": _phrases("ambient"),
    "funk": _phrases("funky"),
    "afrobeat": _phrases("afro"),
    "reggaeton": _phrases("latin"),
    "cinematic": _phrases("epic, orchestral, film"),
}

ONE_SHOT_PHRASES = _phrases(
    "one shot, oneshot, 1 shot, single shot, single hit, one hit, single note, single stroke"
)
LOOP_PHRASES = _phrases("loop, looped, looping, loopable, seamless")
#: One-shot words where they follow an instrument: "kick sample".
WEAK_ONE_SHOT_PHRASES = _phrases("hit, sample")

#: Longer phrases that take a word's meaning away.
MEANINGLESS_PHRASES = _phrases(
    """
    hits, lead into, lead to, lead up, lead in, leads into, leads to, leads up, in the mix
    the mix, mix ready, mix engineer, in the house, in a house, my house, house party
    house of cards, bass heavy, bass boosted, bass boost, bass clef, future bass, in the jungle
    jungle animal, no break, break down, break free, take a break, garage door, guitar amp
    key of, in the pocket, band pass, bandpass, on the beat, off beat, offbeat, on beat, down beat
    string along, rain down, sub genre, drum free, noise free, ride the, ride on, kick in
    kick off, kicks in, kicks off, tom petty, club ready, track for, sound track
    """
)

NEGATORS = frozenset(
    _phrases(
        """
        no, not, without, minus, sans, except, excluding, never, zero, ohne, w/o, remove
        instead, rather, non, avoid, omit, lacking
        """
    )
)
#: After a negation these take it for themselves: "no reverb, ...", "not too busy drums".
NEGATION_ENDERS = frozenset(
    _phrases(
        """
        too, so, very, overly, just, only, but, with, reverb, delay, swing, vocal, vocals, vox
        echo, distortion, compression, nonsense, frills, clicks, limits, effects, stop, one
        """
    )
)

#: Common misspellings that are further than one letter away, or too short to be guessed.
MISSPELLINGS: dict[str, str] = {
    "kik": "kick", "kiks": "kicks", "kic": "kick", "snair": "snare", "snairs": "snares",
    "bas": "bass", "bazz": "bass", "hatz": "hats", "symbal": "cymbal", "symbals": "cymbals",
    "cimbal": "cymbal", "simbal": "cymbal", "chelo": "cello", "pluc": "pluck", "plux": "plucks",
    "xilophone": "xylophone", "zylophone": "xylophone", "xylofone": "xylophone",
    "saxafone": "saxophone", "saxaphone": "saxophone", "wurlitser": "wurlitzer",
    "arpegiator": "arpeggiator", "arpegiated": "arpeggiated", "arpegiatted": "arpeggiated",
    "aprs": "arps", "apreggio": "arpeggio", "apregio": "arpeggio", "ragaeton": "reggaeton",
    "reageton": "reggaeton", "lofy": "lofi", "rhode": "rhodes",
    "baseline": "bassline", "deephouse": "deep house", "techhouse": "tech house",
    "drumz": "drums", "beatz": "beats",
    "synthwve": "synthwave", "pade": "pad", "leed": "lead", "tekno": "techno", "tecno": "techno",
}  # fmt: skip

#: Real words one letter from a word above that are too rare for `engine.real_words`.
REAL_WORDS = frozenset(
    _phrases(
        """
        voice, voices, close, closes, looking, looming, looting, recorded, completed, competes
        compete, scored, scorer, pretty, parties, quarter, quarters, staring, storing, stirring
        sting, stings, shake, shakes, raising, risking, rising, filed, partly, boots, booster
        boasted, housed, trace, traces, trained, trainer, trainers, failing, filling, barking
        grande, entries, electron, electrons, elector, electors, coral, trailed, doubled
        reversed, stroked, stokes, stoke, steele, garbage, atoms, complexes, coats, glider
        glided, sampled, musica, sturdy, chilly, dummy, cloudy, singled, topical, whistled, finer
        chard, shard, stub, clop, cleave, dumb, chimed, knicks, calves, hooves, sweeps, table
        tables, leader, leaders, leading
        horse, brassy, bleed, boomy, sharper, chore, chores
        """
    )
)


def _senses() -> dict[str, Sense]:
    """Gather every phrase; what is added later wins."""
    senses: dict[str, Sense] = {}
    for style, phrases in WEAK_STYLE_PHRASES.items():
        senses.update(dict.fromkeys(phrases, Sense(style=style, is_weak=True)))
    for family, phrases in WEAK_FAMILY_PHRASES.items():
        senses.update(dict.fromkeys(phrases, Sense(family, is_weak=True)))
    for style, phrases in STYLE_PHRASES.items():
        senses.update(dict.fromkeys(phrases, Sense(style=style)))
    for family, phrases in FAMILY_PHRASES.items():
        senses.update(dict.fromkeys(phrases, Sense(family)))
    senses.update(dict.fromkeys(ONE_SHOT_PHRASES, Sense(one_shot=True)))
    senses.update(dict.fromkeys(LOOP_PHRASES, Sense(one_shot=False)))
    senses.update(dict.fromkeys(WEAK_ONE_SHOT_PHRASES, Sense(one_shot=True, is_weak=True)))
    senses.update(dict.fromkeys(MEANINGLESS_PHRASES, Sense()))
    senses.update(_DOUBLE_SENSES)
    for phrase in _LOOP_FAMILY_PHRASES:
        senses[phrase] = senses[phrase]._replace(one_shot=False)
    return senses


_DOUBLE_SENSES: dict[str, Sense] = {
    "dub techno chord": Sense("stab", "techno"),
    "ambient texture": Sense("pad", "ambient"),
    "ambient soundscape": Sense("pad", "ambient"),
    "trap beat": Sense("drums", "trap"),
    "rage beat": Sense("drums", "trap"),
    "trap hat": Sense("drums", "trap"),
    "lofi beat": Sense("drums", "lo-fi"),
    "lo fi beat": Sense("drums", "lo-fi"),
    "study beat": Sense("drums", "lo-fi"),
    "bass drum and bass": Sense("bass", "drum and bass"),
    "bass drum n bass": Sense("bass", "drum and bass"),
    "trap kit": Sense("drums", "trap"),
    "trap drums": Sense("drums", "trap"),
    "lofi drums": Sense("drums", "lo-fi"),
    "lo fi drums": Sense("drums", "lo-fi"),
    "cinematic drums": Sense("drums", "cinematic"),
    "epic percussion": Sense("drums", "cinematic"),
    "lofi kit": Sense("drums", "lo-fi"),
    "lo fi kit": Sense("drums", "lo-fi"),
    "cinematic kit": Sense("drums", "cinematic"),
    "funky clav": Sense("keys", "funk"),
    "cinematic hit": Sense("fx", "cinematic", one_shot=True),
    "impact hit": Sense("fx", one_shot=True),
    "orchestral hit": Sense("stab", one_shot=True),
    "orchestra hit": Sense("stab", one_shot=True),
    "orch hit": Sense("stab", one_shot=True),
    "brass hit": Sense("stab", one_shot=True),
}
_LOOP_FAMILY_PHRASES = _phrases(
    """
    drum loop, bass loop, pluck loop, arp loop, top loop, hat loop, foley loop, mechanical loop
    full loop, track loop, mix loop
    """
)

SENSES: dict[str, Sense] = _senses()
