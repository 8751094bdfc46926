/* Any bytes as a text: its tokens, passages, terms and NFC. */
#include "base/json.h"
#include "text/passage.h"
#include "text/text.h"
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct tokenizer *small;
static struct term_analyzer *terms;

#define VOCAB                                                                                      \
    "\"vocab\":{\"[UNK]\":0,\"[CLS]\":1,\"[SEP]\":2,\"a\":3,\"##a\":4,\"ab\":5,\"##bab\":6,"       \
    "\".\":7,\"e\":8,\"\\u4e2d\":9,\"##e\":10,\"\\u1100\":11,\"##\\u1161\":12,\"i\":13}"

static struct tokenizer *tokenizer_small(void)
{
    struct tokenizer *t;
    struct str json =
        STR("{\"normalizer\":{\"type\":\"BertNormalizer\"},\"pre_tokenizer\":{\"type\":"
            "\"BertPreTokenizer\"},\"added_tokens\":[{\"id\":2,\"content\":\"[SEP]\",\"special\":"
            "true,\"normalized\":false,\"lstrip\":true,\"rstrip\":true},{\"id\":20,\"content\":"
            "\"aba\",\"normalized\":false,\"single_word\":true},{\"id\":21,\"content\":\"EE\"}],"
            "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\","
            "\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":20," VOCAB "}}");
    enum err err = tokenizer_parse(json, &t, NULL);
    assert(!err);
    return t;
}

static void tokens_check(const struct tokenizer *t, struct str text)
{
    struct tokens out;
    tokens_init(&out);
    tokenizer_encode(t, text, false, &out);
    assert(out.n <= 4 * text.n);
    for (size_t i = 0; i < out.n; i++) {
        assert(out.ids[i] < tokenizer_vocab_size(t));
        assert(out.starts[i] < out.ends[i] && out.ends[i] <= text.n);
        assert(i == 0 || out.starts[i] >= out.starts[i - 1]);
    }
    tokens_release(&out);
}

static void passages_check(const struct tokenizer *t, struct str text, struct arena *a,
                           unsigned max)
{
    struct passage_options o = {.tokens_max = 8 + max % 16, .overlap_tokens = max % 4};
    struct passage *list;
    struct tokens alone;
    size_t n;
    tokens_init(&alone);
    enum err err = passages_split(t, text, &o, a, &list, &n, NULL);
    assert(!err && n);
    for (size_t i = 0; i < n; i++) {
        assert(list[i].start <= list[i].end && list[i].end <= text.n);
        assert(i == 0 || (list[i].start > list[i - 1].start && list[i].end > list[i - 1].end));
        tokenizer_encode(t, (struct str){text.s + list[i].start, list[i].end - list[i].start},
                         false, &alone);
        assert(alone.n <= o.tokens_max);
    }
    tokens_release(&alone);
}

static void term_check(void *ctx, const struct term *t)
{
    const struct str *text = ctx;
    assert(t->start < t->end && t->end <= text->n && t->text.n && t->text.n <= 64);
    assert(utf8_valid(t->text) == t->text.n);
}

static void nfc_check(struct str text, struct arena *a)
{
    struct str once, twice;
    if (text_nfc(a, text, &once, NULL) || text_nfc(a, once, &twice, NULL)) {
        assert(utf8_valid(text) < text.n);
        return;
    }
    assert(once.s == twice.s && once.n == twice.n);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    json_setup();
    small = tokenizer_small();
    terms = term_analyzer_new();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    struct arena *a = arena_new(0);
    struct str text = {(const char *)data + 1, n - 1};
    tokens_check(small, text);
    passages_check(small, text, a, data[0]);
    term_analyze(terms, LANGUAGE_en, text, term_check, &text);
    nfc_check(text, a);
    arena_free(a);
    return 0;
}
