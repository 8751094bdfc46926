/* The file of the inverted index from any bytes. The first byte says how: bit 0, the rest is the
 * file as it is; bit 1, edits of a real one's payload, 3 bytes each: where (u16) and which bits;
 * neither, the rest is the payload of a section whose frame and checksums are right. What loads
 * must be whole, answer queries, take changes and stay whole, and be the same when saved and
 * loaded. */
#include "input.h"
#include "lexical/lexical.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define FRAME_HEADER 16
#define K 10

static char *sample; /* a payload */
static size_t sample_n;

/* ---- a real one ---- */

static const char *const words[] = {
    "a", "an", "and", "word", "words", "ward", "w\xC3\xB6rter", "searching", "search"};
#define WORDS (sizeof words / sizeof *words)

static void document_put(struct lexical *x, uint32_t number)
{
    struct lexical_token tokens[12];
    for (uint32_t i = 0; i < 12; i++)
        tokens[i] = (struct lexical_token){str_c(words[(i * i + number * (i % 3)) % WORDS]),
                                           i % 4 + i / 4, i / 4};
    struct lexical_document d = {number, number, tokens, 12, {4, 4, 4}, number % 3};
    lexical_put(x, &d);
}

static void sample_make(void)
{
    struct lexical *x = lexical_new();
    char *all;
    size_t n;
    for (uint32_t number = 1; number <= 150; number++)
        document_put(x, number);
    lexical_delete(x, 7);
    struct file *f = fuzz_file_new();
    if (lexical_save(x, f, NULL))
        abort();
    file_close(f);
    lexical_free(x);
    if (file_read_all(fuzz_path, 1u << 20, &all, &n, NULL) || n <= 2 * FRAME_HEADER)
        abort();
    sample_n = n - 2 * FRAME_HEADER;
    sample = xmalloc(sample_n);
    memcpy(sample, all + FRAME_HEADER, sample_n);
    free(all);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    fuzz_file_name("lexical");
    sample_make();
    return 0;
}

/* ---- what loads ---- */

static void must_be_whole(struct lexical *x)
{
    struct err_info e = {0};
    if (lexical_check(x, &e)) {
        fprintf(stderr, "%s\n", e.message);
        abort();
    }
}

/* Each role for two words of the dictionary, and both as a phrase: hits have the scores that are
 * given to their numbers. */
static void ask(struct lexical *x, const struct lexical_word *found, size_t n, struct arena *a)
{
    struct lexical_term terms[2];
    struct lexical_group groups[2];
    uint32_t offsets[2] = {0, 1}, numbers[K];
    struct lexical_hit *hits, scores[K];
    for (size_t i = 0; i < 2; i++) {
        terms[i] = (struct lexical_term){n ? found[i % n].term : STR("x"), 1};
        groups[i] = (struct lexical_group){&terms[i], 1, 1, 1, LEXICAL_MUST};
    }
    struct lexical_phrase phrase = {groups, offsets, 2, LEXICAL_MUST};
    for (unsigned way = 0; way < 8; way++) {
        groups[0].role = way & 1 ? LEXICAL_MUST : LEXICAL_SHOULD;
        groups[1].role = way & 2 ? LEXICAL_MUST : LEXICAL_SHOULD;
        struct lexical_query q = {groups, 2, &phrase, way / 4, NULL, way % 3};
        size_t count = lexical_search(x, &q, K, a, &hits);
        for (size_t i = 0; i < count; i++)
            numbers[i] = hits[i].number;
        lexical_score(x, &q, numbers, count, a, scores);
        for (size_t i = 0; i < count; i++)
            if (scores[i].score != hits[i].score || scores[i].revision != hits[i].revision)
                abort();
    }
}

static void look_around(struct lexical *x)
{
    struct arena *a = arena_new(0);
    struct lexical_word found[K];
    size_t n = lexical_prefixed(x, 0, STR(""), K, a, found);
    if (n && !lexical_terms(x))
        abort();
    ask(x, found, n, a);
    for (size_t i = 0; i < n; i++) {
        struct lexical_word near[2];
        lexical_near(x, (uint32_t)i % 3, found[i].term, 1 + i % 2, 2, a, near);
        lexical_prefixed(x, (uint32_t)i % 3, found[i].term, 2, a, near);
    }
    arena_free(a);
}

static void change(struct lexical *x)
{
    struct docset all;
    docset_init(&all);
    document_put(x, 3);
    document_put(x, 1000);
    must_be_whole(x);
    lexical_all(x, 0, &all);
    for (uint32_t i = docset_next(&all, 0); i != UINT32_MAX; i = docset_next(&all, i + 1))
        if (i % 3)
            lexical_delete(x, i);
    must_be_whole(x);
    docset_release(&all);
}

static void check_same(struct lexical *x)
{
    struct lexical *again = NULL;
    uint64_t offset = 0;
    struct file *f = fuzz_file_new();
    if (lexical_save(x, f, NULL) || lexical_load(f, &offset, &again, NULL) ||
        lexical_documents(x, 0) != lexical_documents(again, 0) ||
        lexical_terms(x) != lexical_terms(again))
        abort();
    must_be_whole(again);
    file_close(f);
    lexical_free(again);
}

/* ---- input ---- */

static struct file *edited(const uint8_t *data, size_t n)
{
    uint8_t *payload = fuzz_edited(sample, sample_n, data, n);
    struct file *f = fuzz_file_put(NULL, 0, payload, sample_n, false);
    free(payload);
    return f;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct lexical *x = NULL;
    uint64_t offset = 0;
    if (!n)
        return 0;
    struct file *f = data[0] & 2 ? edited(data + 1, n - 1)
                                 : fuzz_file_put(NULL, 0, data + 1, n - 1, data[0] & 1);
    enum err err = lexical_load(f, &offset, &x, NULL);
    file_close(f);
    if (err)
        return 0;
    must_be_whole(x);
    look_around(x);
    check_same(x);
    change(x);
    look_around(x);
    lexical_free(x);
    return 0;
}
