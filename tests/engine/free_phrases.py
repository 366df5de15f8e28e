"""Free phrases, and the family a producer would expect: the words of no grammar.

Written before anything was fitted, and never fitted to.
"""

from __future__ import annotations

FREE_PHRASES: tuple[tuple[str, str], ...] = (
    # what hits
    ("hard-hitting four to the floor thump", "drums"),
    ("boomy taps with a lazy backbeat", "drums"),
    ("crunchy sticks and skins, head-nodding", "drums"),
    ("shuffling brushes on a jazz set", "drums"),
    ("rolling toms like distant war", "drums"),
    ("tribal pounding at the fire", "drums"),
    ("rattling hi-hats rolls", "drums"),
    ("sun-bleached kick pattern", "drums"),
    ("skippy two-step shuffle", "drums"),
    ("stomps and handclaps in a barn", "drums"),
    # what carries
    ("growl", "bass"),
    ("rumbling low frequencies that shake the floor", "bass"),
    ("fat squelchy low line", "bass"),
    ("deep sine rumble under everything", "bass"),
    ("snarling detuned low end", "bass"),
    ("rubbery fingered groove down low", "bass"),
    ("sliding 808s", "bass"),
    ("chest-shaking subs", "bass"),
    # keys
    ("sun-bleached rhodes", "keys"),
    ("smoky late night jazz ivories", "keys"),
    ("dusty upright in an empty hall", "keys"),
    ("gospel hammond swells", "keys"),
    ("wurli with tremolo", "keys"),
    ("tinkling toy box tune", "keys"),
    ("church bells far away", "keys"),
    ("soulful seventh chords played by hand", "keys"),
    ("ragtime saloon", "keys"),
    # what floats
    ("slowly evolving wash of sound", "pad"),
    ("celestial voices floating in space", "pad"),
    ("lush orchestral bed", "pad"),
    ("warm blanket of analog synthesizers", "pad"),
    ("foggy ethereal layers", "pad"),
    ("dreamy sustained chords", "pad"),
    ("bowed strings, slow and sad", "pad"),
    ("angelic humming", "pad"),
    ("glacial shimmering backdrop", "pad"),
    # what is plucked
    ("fingerpicked nylon", "pluck"),
    ("campfire strumming", "pluck"),
    ("short bouncy picked notes", "pluck"),
    ("caribbean steelpans", "pluck"),
    ("wooden mallets dancing", "pluck"),
    ("african thumb piano", "pluck"),
    ("spanish six-string", "pluck"),
    # what sings
    ("screaming solo synth", "lead"),
    ("catchy whistled tune", "lead"),
    ("soaring monophonic melody", "lead"),
    ("trancey hook over the top", "lead"),
    ("lonely trumpet at night", "lead"),
    ("smooth saxophone solo", "lead"),
    ("piercing portamento synth line", "lead"),
    # what runs
    ("cascading sixteenth notes up and down", "arp"),
    ("bubbling sequencer", "arp"),
    ("8-bit video game runs", "arp"),
    ("hypnotic stepping sequence", "arp"),
    ("fast broken chords on a synthesizer", "arp"),
    # what stabs
    ("short punchy chord hits", "stab"),
    ("90s rave chords", "stab"),
    ("horns blasting staccato accents", "stab"),
    ("echoing off-beat dub chords", "stab"),
    ("orchestra hits", "stab"),
    # what is no instrument
    ("tension rising before the drop", "fx"),
    ("spaceship taking off", "fx"),
    ("scary movie boom", "fx"),
    ("rain on a tin roof", "fx"),
    ("scratchy old record hiss", "fx"),
    ("cyberpunk glitches", "fx"),
    ("massive explosion with a long tail", "fx"),
    ("wind howling through a canyon", "fx"),
    ("robot malfunction", "fx"),
    # everything at once
    ("a whole song with everything", "mix"),
    ("the complete band playing together", "mix"),
    ("finished instrumental with rhythm section and melody", "mix"),
    ("drums plus bass and some chords", "mix"),
)

#: Phrases that name no sound: none should be guessed.
NO_FAMILY: tuple[str, ...] = (
    "something nice",
    "128",
    "dark",
    "A minor, 90 bpm",
    "sun-bleached",
    "hello",
    "make it good please",
    "techno 140",
    "🔥🔥🔥",
    "asdf qwer",
    "my birthday party",
    "4 bars",
)
