"""Speech for training and tests from the synthesizer espeak-ng: words in many voices, rooms, backgrounds, and scenes of words with their times."""
import subprocess

import numpy as np

RATE = 16000
ACCENTS = ["en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029"]
VARIANTS = ("m1 m3 m4 m6 m7 f1 f2 f4 Alex Alicia Andrea Andy antonio aunty boris david Denis Diogo ed edward Gene gustave Henrique Hugo iven iven3 Jacky Lee marcelo Mario "
            "Michael miguel Mike Nguyen paul pedro quincy robert steph steph3 travis victor zac klatt2 klatt4").split()
# Voices of the test alone: none of these variants, nor the first of the accents, is in training.
HELD_OUT_ACCENTS = ["en-us-nyc", "en-us", "en-gb", "en-gb-scotland"]
HELD_OUT_VARIANTS = "m2 m5 f3 f5 linda belinda adam Annie john benjamin norbert sandro shelby anika steph2 klatt3".split()

WORDS = """about after again air animal answer apple arrive autumn away baby back balance banana basket battle beach beauty because bedroom before begin believe below better between bicycle big bird black blanket
board body book bottle bottom bread bridge bright bring brother brown build business butter button camera candle captain careful carpet carry castle central chair chance change chapter cheese chicken children
circle city clean clear climb close clothes cloud coffee cold colour common commuter competing complete copper corner country cousin cover cross crowd dance danger daughter december decide degree desert dinner
distance doctor dollar double dozen dream drive during early earth easy eating edge eight eleven empty engine enough evening every example explain family famous farmer father february feeling fighter figure
final finger fire five floor flower follow foreign forest forty freedom friend front garden gentle giant glass golden grandmother green ground guitar hammer happy harbour hearing heavy helicopter history holiday
horse hospital hotel hundred hungry iceberg important index island jacket january journey juice jumper kettle kitten ladder language leading leather lemon lesson letter library lighter likes listen little
lizard machine magazine market measure medicine member middle million minute mirror moment monday monkey morning mountain mouse music-hall native nature needle neighbour nights nobody north number ocean october
office open orange orchestra other outside oven paper parent party pencil people pepper perhaps picture piece pilot planet plastic please pocket potato powder practice present promise purple quarter question
quick rabbit radio railway rather reason record remember river rocket round saddle salad saturday school science season second secret september service seven shadow shoulder silver simple sister sixteen
something south special spring square star starve station step stock store storm story street student sugar summer sunday surface table teacher telephone temple theatre thousand thunder ticket together tomorrow
towel traffic travel tree trouble turkey twelve uncle under university until valley vegetable village violin visitor voice wagon water weather wednesday welcome western whisper widow winter wonder yellow
yesterday young zebra""".replace("music-hall ", "").split()
HELD_OUT_WORDS = """afternoon airport always another august avenue balloon barrel beautiful birthday breakfast brilliant cabbage calendar ceiling champion cinema consider cottage cucumber curtain daylight delicate
diamond dictionary dolphin elephant envelope factory festival fifteen furniture general hallway handle harvest however hurricane insect jelly kingdom landscape lantern lighthouse limit marble meadow message
mystery newspaper nothing novel opposite package palace passenger peaceful pebble perfect pigeon pillow possible railroad rainbow restaurant ribbon scissors sentence seventy shelter signal sparrow strawberry
sunlight surprise thirteen tiger tractor treasure umbrella vacation velvet volcano walnut warning wooden""".split()


def resample(x, rate):
    """Band-limited resampling to 16 kHz over the whole clip; half a second of zeros keeps its ends apart."""
    tail = rate // 2
    length = (len(x) + tail) * RATE // rate
    spectrum = np.fft.rfft(np.concatenate([x, np.zeros(tail)]))[:length // 2 + 1]
    if len(spectrum) < length // 2 + 1:
        spectrum = np.pad(spectrum, (0, length // 2 + 1 - len(spectrum)))
    return np.fft.irfft(spectrum, length)[:len(x) * RATE // rate] * (length / (len(x) + tail))


def say(text, voice, speed, pitch):
    """float32 samples at 16 kHz, silence at both ends cut off, peak 1."""
    wav = subprocess.run(["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "--stdout", text], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    x = np.frombuffer(wav[44:len(wav) & ~1], "<i2").astype(np.float64)
    x = resample(x, int.from_bytes(wav[24:28], "little"))
    frames = np.abs(x[:len(x) // 160 * 160]).reshape(-1, 160).max(1)
    loud = np.flatnonzero(frames > 0.03 * frames.max())
    x = x[loud[0] * 160:(loud[-1] + 1) * 160]
    return (x / np.abs(x).max()).astype(np.float32)


def speak(rng, text, held_out=False):
    """The text in a voice, speed and pitch drawn at random."""
    accents, variants = (HELD_OUT_ACCENTS, HELD_OUT_VARIANTS) if held_out else (ACCENTS, VARIANTS)
    voice = f"{rng.choice(accents)}+{rng.choice(variants)}"
    return say(text, voice, int(rng.integers(115, 200)), int(rng.integers(25, 80)))


def no_word(rng):
    """Syllables drawn at random, so that a spotter learns more of what its keywords are not than a list of words holds."""
    begin = "b c d f g h k l m n p r s t v w ch sh th st str sp pl gr tr kw m k l w st".split()
    middle = "a e i o u ee oo ou ai ow er ar igh a e i o u".split()
    end = ["", "", "", "n", "t", "p", "s", "ts", "k", "l", "m", "nd", "ng", "r", "sh", "ck"]
    return "".join(str(rng.choice(begin)) + str(rng.choice(middle)) + str(rng.choice(end)) for _ in range(int(rng.integers(1, 4))))


def phrase(rng, words):
    return " ".join(rng.choice(words, int(rng.integers(3, 8))))


def coloured(rng, length, slope):
    """Noise whose power falls as 1 / f^slope."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    f = np.maximum(np.fft.rfftfreq(length, 1 / RATE), 30)
    return np.fft.irfft(spectrum * f ** (-slope / 2), length)


def babble(rng, length, phrases):
    total = np.zeros(length)
    for _ in range(int(rng.integers(4, 9))):
        at = -int(rng.integers(0, RATE))
        while at < length:
            clip = phrases[rng.integers(len(phrases))]
            a, b = max(at, 0), min(at + len(clip), length)
            if b > a:
                total[a:b] += clip[a - at:b - at]
            at += len(clip) + int(rng.integers(0, RATE // 2))
    return total


def background(rng, length, phrases, kind=None):
    """White, pink or brown noise, hum, or other speakers all at once; rms 1."""
    kind = kind or rng.choice(["white", "pink", "brown", "hum", "babble", "babble"])
    if kind == "babble":
        x = babble(rng, length, phrases)
    elif kind == "hum":
        t = np.arange(length) / RATE
        x = sum(rng.random() * np.sin(2 * np.pi * (rng.choice([50, 60]) * k * t + rng.random())) for k in range(1, 12)) + 0.3 * coloured(rng, length, 1)
    else:
        x = coloured(rng, length, {"white": 0, "pink": 1, "brown": 2}[kind])
    return x / np.sqrt(np.mean(x ** 2) + 1e-12)


def room(rng, x):
    """The signal in a small room: the direct sound and a decaying tail behind it."""
    length = int(rng.uniform(0.1, 0.4) * RATE)
    tail = rng.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
    tail *= rng.uniform(0.1, 0.5) / np.sqrt(np.sum(tail ** 2))
    tail[0] = 1
    n = 1 << (len(x) + length - 1).bit_length()
    return np.fft.irfft(np.fft.rfft(x, n) * np.fft.rfft(tail, n), n)[:len(x)]


def scene(rng, length, draw, phrases, snr=None, kind=None, gap=(0.1, 0.8), end=0.3):
    """
    Clips one after the other in a background: float32 samples, and (label, first, past the last sample) of each clip. draw() gives a label and its clip; snr in dB is that of
    the clips' mean power, None means none; the last clip ends at least end seconds before the scene does.
    """
    x, said = np.zeros(length), []
    at = int(rng.uniform(*gap) * RATE)
    while True:
        label, clip = draw()
        if at + len(clip) > length - int(end * RATE):
            break
        x[at:at + len(clip)] = clip * 10 ** (rng.uniform(-6, 6) / 20)
        said.append((label, at, at + len(clip)))
        at += len(clip) + int(rng.uniform(*gap) * RATE)
    if rng.random() < 0.5:
        x = room(rng, x)
    talk = np.concatenate([x[a:b] for _, a, b in said]) if said else np.ones(1)
    level = np.sqrt(np.mean(talk ** 2))
    if snr is not None:
        x = x + background(rng, length, phrases, kind) * level * 10 ** (-snr / 20)
    x *= 10 ** (rng.uniform(-30, -3) / 20) / max(np.abs(x).max(), 1e-9)
    return np.round(np.clip(x, -1, 1) * 32767).astype(np.int16), said
