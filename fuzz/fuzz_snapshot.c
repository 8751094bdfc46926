/* Sections of a snapshot from any bytes. The first byte says how: odd, the rest is the file as it
 * is; even, the rest is the payload of a section whose frame and checksums are right, so that the
 * reader behind them is reached; with bit 3 it is edits of the payload of a real one, 3 bytes each:
 * where (u16) and which bits; bit 4 says words, of whose two sections the second is a real one.
 * What loads must hold its own check, and survive being saved and loaded again. */
#include "input.h"
#include "base/hash.h"
#include "base/json.h"
#include "index/duplicates.h"
#include "index/filter.h"
#include "index/vectors.h"
#include "index/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* ---- real ones ---- */

enum { ATTRIBUTES, VECTORS, DUPLICATES, WORDS, KINDS };
#define FRAME_HEADER 16
#define DIMS 8

static struct sample {
    char *payload;
    size_t n;
    char *behind; /* the section after it */
    size_t behind_n;
} samples[KINDS];

/* The payload of the first section's one frame, and what is behind that section. */
static void sample_take(struct file *f, struct sample *out)
{
    char *all;
    size_t n;
    uint32_t bytes;
    file_close(f);
    if (file_read_all(fuzz_path, 1u << 20, &all, &n, NULL) || n <= 2 * FRAME_HEADER)
        abort();
    memcpy(&bytes, all, sizeof bytes);
    size_t end = bytes + 2 * FRAME_HEADER;
    *out = (struct sample){xmalloc(bytes), bytes, xmalloc(n - end + 1), n - end};
    memcpy(out->payload, all + FRAME_HEADER, bytes);
    memcpy(out->behind, all + end, n - end);
    free(all);
}

static bool words_read(void *ctx, uint32_t number, const uint64_t **words, size_t *count)
{
    (void)number;
    *words = ctx;
    *count = 20;
    return true;
}

static void sample_vectors(void)
{
    struct vectors *v = vectors_new(DIMS);
    for (uint32_t i = 1; i <= 40; i++) {
        uint16_t rows[2 * DIMS] = {0}; /* some are copies of others */
        rows[i % DIMS] = rows[DIMS + i * i % DIMS] = 0x3C00;
        if (vectors_put(v, i, i, rows, 1 + i % 2, NULL))
            abort();
    }
    vectors_delete(v, 7);
    struct file *f = fuzz_file_new();
    if (vectors_save(v, f, NULL))
        abort();
    sample_take(f, &samples[VECTORS]);
    vectors_free(v);
}

static void sample_attributes(void)
{
    struct attributes *x = attributes_new();
    for (uint32_t i = 1; i <= 20; i++) {
        char text[128];
        snprintf(text, sizeof text, "{\"attributes\":{\"a\":%u,\"b\":\"t%u\",\"c\":[true,%u.5]}}",
                 i, i % 3, i);
        json_t *d = json_loads(text, 0, NULL);
        attributes_put(x, i, d);
        json_decref(d);
    }
    struct file *f = fuzz_file_new();
    if (attributes_save(x, f, NULL))
        abort();
    sample_take(f, &samples[ATTRIBUTES]);
    attributes_free(x);
}

static void sample_duplicates(void)
{
    struct duplicates *d = duplicates_new();
    uint64_t words[20];
    for (uint32_t i = 1; i <= 20; i++) {
        for (uint32_t k = 0; k < 20; k++)
            words[k] = (i / 4 * 100 + k) * UINT64_C(0x9E3779B97F4A7C15);
        duplicates_put(d, i, 0, words, 20, words_read, words);
    }
    struct file *f = fuzz_file_new();
    if (duplicates_save(d, f, NULL))
        abort();
    sample_take(f, &samples[DUPLICATES]);
    duplicates_free(d);
}

/* Words between blanks, in a language of two letters. */
static uint32_t blanks_analyze(void *session, unsigned language, struct str text,
                               words_term_fn *emit, void *ctx)
{
    uint32_t count = 0;
    for (size_t at = 0, end; at < text.n; at = end + 1) {
        const char *blank = memchr(text.s + at, ' ', text.n - at);
        end = blank ? (size_t)(blank - text.s) : text.n;
        struct words_term t = {.text = {text.s + at, end - at < 64 ? end - at : 64},
                               .start = at,
                               .end = end,
                               .position = count,
                               .word = true,
                               .phrase = true};
        if (end > at) {
            emit(ctx, &t);
            count++;
        }
    }
    return count;
}

static void *session_new(void)
{
    return xmalloc(1);
}

static unsigned language_of(struct str code)
{
    return str_eq_c(code, "en") ? 1 : str_eq_c(code, "de") ? 2 : 0;
}

static const char *language_code(unsigned language)
{
    return language == 1 ? "en" : language == 2 ? "de" : "";
}

static const struct words_analyzer analyzer = {.version = 1,
                                               .session_new = session_new,
                                               .session_free = free,
                                               .analyze = blanks_analyze,
                                               .language_of = language_of,
                                               .language_code = language_code};

static void words_put_some(struct words *w, uint32_t from)
{
    for (uint32_t i = from; i < from + 20; i++) {
        struct words_document d = {.number = i,
                                   .revision = i,
                                   .lang = i % 3 ? STR("en") : STR("de"),
                                   .title = STR("a title"),
                                   .text = i % 2 ? STR("odd words here") : STR("even words there"),
                                   .tags = STR("tag"),
                                   .tenant = i % 3   ? STR("")
                                             : i % 2 ? STR("a")
                                                     : STR("b")};
        words_put(w, &d);
    }
}

static void sample_words(void)
{
    struct words *w = words_new(&analyzer);
    words_put_some(w, 1);
    words_delete(w, 7);
    struct file *f = fuzz_file_new();
    if (words_save(w, f, NULL))
        abort();
    sample_take(f, &samples[WORDS]);
    words_free(w);
}

static void samples_make(void)
{
    sample_words();
    sample_attributes();
    sample_vectors();
    sample_duplicates();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    json_setup();
    fuzz_file_name("snapshot");
    samples_make();
    return 0;
}

/* `whole`: not if the values themselves were edited, which only a checksum can tell. */
static void check_vectors(struct file *f, bool whole)
{
    struct vectors *v = NULL, *again = NULL;
    uint64_t offset = 0;
    if (vectors_load(f, &offset, &v, NULL)) {
        file_close(f);
        return;
    }
    file_close(f);
    f = fuzz_file_new();
    offset = 0;
    if ((whole && vectors_check(v, NULL)) || vectors_save(v, f, NULL) ||
        vectors_load(f, &offset, &again, NULL) || vectors_count(v) != vectors_count(again) ||
        vectors_documents(v) != vectors_documents(again))
        abort();
    file_close(f);
    vectors_free(v);
    vectors_free(again);
}

static void check_attributes(struct file *f)
{
    struct attributes *x = NULL, *again = NULL;
    uint64_t offset = 0;
    if (attributes_load(f, &offset, &x, NULL)) {
        file_close(f);
        return;
    }
    file_close(f);
    f = fuzz_file_new();
    offset = 0;
    if (attributes_save(x, f, NULL) || attributes_load(f, &offset, &again, NULL) ||
        !attributes_equal(x, again) || !attributes_equal(again, x))
        abort();
    file_close(f);
    attributes_free(x);
    attributes_free(again);
}

static void check_duplicates(struct file *f)
{
    struct duplicates *d = NULL, *again = NULL;
    uint64_t offset = 0;
    if (duplicates_load(f, &offset, &d, NULL)) {
        file_close(f);
        return;
    }
    file_close(f);
    f = fuzz_file_new();
    offset = 0;
    if (duplicates_check(d, NULL) || duplicates_save(d, f, NULL) ||
        duplicates_load(f, &offset, &again, NULL) || !duplicates_equal(d, again))
        abort();
    file_close(f);
    duplicates_free(d);
    duplicates_free(again);
}

/* Languages may be those of other documents: a change that came between is replayed. */
static void check_words(struct file *f)
{
    struct words *w = NULL;
    uint64_t offset = 0;
    enum err err = words_load(f, &offset, &analyzer, &w, NULL);
    file_close(f);
    if (err)
        return;
    struct arena *a = arena_new(0);
    struct words_options o = {.typos = true, .prefix = true};
    struct word_hit *hits;
    const struct words_query *q = words_query(w, STR("odd wrods \"words here\" tit"), &o, a);
    size_t found = words_search(w, q, 10, NULL, a, &hits);
    o.tenant = STR("a");
    q = words_query(w, STR("odd wrods \"words here\" tit"), &o, a);
    words_search(w, q, 10, NULL, a, &hits);
    words_put_some(w, 1);
    words_put_some(w, 2000);
    for (uint32_t i = 1; i < 4000; i++)
        words_delete(w, i);
    if (found > 10 || words_documents(w))
        abort();
    words_free(w);
    arena_free(a);
}

static struct file *input(const uint8_t *data, size_t n, const struct sample *behind, bool raw)
{
    struct file *f = fuzz_file_put(NULL, 0, data, n, raw);
    if (!raw && file_write(f, behind->behind, behind->behind_n, NULL))
        abort();
    return f;
}

static struct file *edited(const struct sample *s, const uint8_t *data, size_t n)
{
    uint8_t *payload = fuzz_edited(s->payload, s->n, data, n);
    struct file *f = input(payload, s->n, s, false);
    free(payload);
    return f;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (!n)
        return 0;
    unsigned kind = data[0] & 16  ? WORDS
                    : data[0] & 4 ? DUPLICATES
                    : data[0] & 2 ? VECTORS
                                  : ATTRIBUTES;
    const struct sample *sample = &samples[kind];
    struct file *f =
        data[0] & 8 ? edited(sample, data + 1, n - 1) : input(data + 1, n - 1, sample, data[0] & 1);
    if (kind == DUPLICATES)
        check_duplicates(f);
    else if (kind == WORDS)
        check_words(f);
    else if (kind == VECTORS)
        check_vectors(f, !(data[0] & 8));
    else
        check_attributes(f);
    return 0;
}
