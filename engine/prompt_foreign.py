"""Words for instruments and moods in German, Spanish, French and Japanese, and as emoji.

Only those that are no English words, or mean the same there. Without accents, as
`engine.prompt_spelling` compares them.
"""

from __future__ import annotations


def _table(text: str) -> dict[str, str]:
    """Read "one two = english" lines; underscores stand for blanks inside a phrase."""
    pairs: dict[str, str] = {}
    for line in text.strip().splitlines():
        words, _, english = line.partition("=")
        pairs.update((word.replace("_", " "), english.strip()) for word in words.split())
    return pairs


#: Lower-case words of languages that part words by blanks.
FOREIGN_WORDS: dict[str, str] = _table(
    """
    schlagzeug trommeln bateria batterie tambores tambours percussions perkussion = drums
    trommel tambor = drum
    grosse_caisse bombo basstrommel = kick
    kleine_trommel caja caisse_claire redoblante = snare
    becken platillo platillos cymbale = cymbal
    haendeklatschen handeklatschen palmas aplausos = clap
    pauke pauken timbal timbales = timpani
    kontrabass contrabajo contrebasse = double bass
    bajo bajos basse basses basslinie = bass
    klavier fluegel flugel pianoforte = piano
    tasten teclado teclados clavier claviers = keys
    orgel organo orgue orgues = organ
    glocke campana cloche = bell
    glocken campanas cloches glockchen = bells
    spieluhr = music box
    streicher cuerdas cordes = strings
    geige geigen violon violons violines = violin
    bratsche = viola
    violonchelo violoncelo violoncelle = cello
    chor choere coro choeur choeurs = choir
    stimmen voces voix = voices
    flache flaeche flachen flaechen nappe nappes = pad
    gitarre gitarren guitarra guitarras guitare guitares = guitar
    harfe arpa harpe = harp
    laute = lute
    flote floete flauta flute = flute
    trompete trompeta trompette = trumpet
    posaune trombon = trombone
    saxofon saxofone saxophon saxofoon = saxophone
    klarinette clarinete clarinette = clarinet
    blaeser blaser metales cuivres = brass
    melodie melodia = melody
    akkord acorde = chord
    akkorde acordes = chords
    arpegios arpegio arpege arpeges = arpeggio
    gerausch gerausche geraeusch geraeusche ruido bruit rauschen = noise
    lluvia pluie = rain
    viento = wind
    donner trueno tonnerre = thunder
    explosionen = explosion
    schleife bucle boucle = loop
    takt takte compases mesures = bars
    dunkel dunkle dunkler dunkles oscuro oscura sombre = dark
    helle heller brillante = bright
    weich weiche weicher suave suaves doux douce = soft
    hart harte harter duro dura = hard
    warme warmes calido calida chaud chaude = warm
    schmutzig sucio sucia = dirty
    langsam langsame lento lenta = slow
    schnell schnelle rapido rapida rapide = fast
    traurig traurige triste tristes = sad
    """
)

#: Japanese words, found inside a run of signs too: longer ones first.
SIGN_WORDS: dict[str, str] = _table(
    """
    ドラムンベース = drum and bass
    ドラムス ドラム 太鼓 = drums
    パーカッション = percussion
    キック = kick
    スネア = snare
    ハイハット = hi-hat
    シンバル = cymbal
    クラップ = clap
    ベースライン = bassline
    ベース = bass
    エレクトリックピアノ エレピ = electric piano
    ピアノ = piano
    キーボード = keys
    オルガン = organ
    ベル = bell
    シンセパッド パッド = pad
    ストリングス = strings
    バイオリン ヴァイオリン = violin
    チェロ = cello
    合唱 コーラス = choir
    ギター = guitar
    ハープ 琴 = harp
    リード = lead
    メロディー メロディ = melody
    フルート = flute
    トランペット = trumpet
    サックス = sax
    アルペジオ = arpeggio
    コード 和音 = chords
    ノイズ = noise
    雨 = rain
    効果音 = sound effect
    テクノ = techno
    ハウス = house
    アンビエント = ambient
    トラップ = trap
    ループ = loop
    ワンショット = one-shot
    小節 = bars
    暗い = dark
    明るい = bright
    🥁 = drums
    🪘 = conga
    🪇 = shaker
    👏 = clap
    🎹 = piano
    🎸 🪕 = guitar
    🎻 = violin
    🎺 = trumpet
    🎷 = saxophone
    🪈 = flute
    🔔 🛎 = bell
    """
)

#: The most words that a phrase of FOREIGN_WORDS has.
LONGEST_FOREIGN_PHRASE = max(phrase.count(" ") + 1 for phrase in FOREIGN_WORDS)
