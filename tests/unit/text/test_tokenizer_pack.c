/* A tokenizer that is mapped from its parts is the one that was parsed; wrong parts are refused. */
#include "test.h"
#include "base/arena.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "text/tokenizer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const small[] = {
    "unigram_bytes", "unigram_steps", "unigram_xlmr",   "bpe_affixes",     "bpe_llama2",
    "bpe_llama3",    "bpe_roberta",   "wordpiece_bert", "wordpiece_cased", "wordpiece_steps",
};
enum { SMALL = sizeof small / sizeof *small };

/* clang-format off */
#define TEXT(literal) {literal, sizeof literal - 1}
/* clang-format on */
static const struct str texts[] = {
    TEXT(""),
    TEXT("a ab  aba"),
    TEXT("\0a\0"),
    TEXT("\xff\xc3 a\xe4\xb8"),
    TEXT("e\314\201\357\254\201 \344\270\255\346\226\207"),
    TEXT("<mask>[MASK]<s>[CLS] it's  12\n\nab\r\n\t</s>"),
    TEXT("\360\237\221\251\342\200\215\360\237\222\273 \331\205\330\261\330\255\330\250\330\247"),
    TEXT("\341\204\222\341\205\241\341\206\253 Stra\303\237e \304\260STANBUL"),
    TEXT("unaffable, don't!!  \342\200\213x\302\240y"),
};
enum { TEXTS = sizeof texts / sizeof *texts };

/* Copies of the parts, so that a test can change them. */
struct copy {
    struct str parts[TOKENIZER_PARTS];
};

static void copy_make(struct copy *c, const struct tokenizer *t)
{
    struct tokenizer_part parts[TOKENIZER_PARTS];
    tokenizer_parts(t, parts);
    for (unsigned i = 0; i < TOKENIZER_PARTS; i++) {
        char *p = malloc(parts[i].bytes.n + 1);
        assert_string_equal(parts[i].name, tokenizer_part_name(i));
        if (parts[i].bytes.n)
            memcpy(p, parts[i].bytes.s, parts[i].bytes.n);
        c->parts[i] = (struct str){p, parts[i].bytes.n};
    }
}

static void copy_release(struct copy *c)
{
    for (unsigned i = 0; i < TOKENIZER_PARTS; i++)
        free((char *)c->parts[i].s);
}

static struct str *part(struct copy *c, const char *name)
{
    for (unsigned i = 0; i < TOKENIZER_PARTS; i++)
        if (strcmp(tokenizer_part_name(i), name) == 0)
            return &c->parts[i];
    fail_msg("no part %s", name);
    return NULL;
}

static struct tokenizer *open_small(const char *name)
{
    struct tokenizer *t = NULL;
    struct err_info e = {0};
    char path[1000], *json;
    size_t n;
    snprintf(path, sizeof path, TOKENIZERS_DIR "/%s.json", name);
    assert_int_equal(file_read_all(path, 1 << 20, &json, &n, &e), ERR_OK);
    if (tokenizer_parse((struct str){json, n}, &t, &e))
        fail_msg("%s: %s", e.field, e.message);
    free(json);
    return t;
}

static struct tokenizer *map(const struct copy *c)
{
    struct tokenizer *t = NULL;
    struct err_info e = {0};
    if (tokenizer_map(c->parts, &t, &e))
        fail_msg("%s: %s", e.field, e.message);
    return t;
}

static void same_tokens(const struct tokenizer *a, const struct tokenizer *b, struct str text)
{
    struct tokens x, y;
    struct strbuf s, t;
    tokens_init(&x);
    tokens_init(&y);
    strbuf_init(&s, 0);
    strbuf_init(&t, 0);
    tokenizer_encode(a, text, true, &x);
    tokenizer_encode(b, text, true, &y);
    assert_int_equal(x.n, y.n);
    for (size_t i = 0; i < x.n; i++) {
        assert_int_equal(x.ids[i], y.ids[i]);
        assert_int_equal(x.starts[i], y.starts[i]);
        assert_int_equal(x.ends[i], y.ends[i]);
    }
    for (int skip = 0; skip < 2; skip++) {
        tokenizer_decode(a, x.ids, x.n, skip, &s);
        tokenizer_decode(b, x.ids, x.n, skip, &t);
    }
    assert_true(str_eq(strbuf_str(&s), strbuf_str(&t)));
    strbuf_release(&s);
    strbuf_release(&t);
    tokens_release(&x);
    tokens_release(&y);
}

static void same(const struct tokenizer *a, const struct tokenizer *b)
{
    assert_int_equal(tokenizer_vocab_size(a), tokenizer_vocab_size(b));
    assert_int_equal(tokenizer_specials(a), tokenizer_specials(b));
    for (uint32_t id = 0; id < tokenizer_vocab_size(a) + 2; id++) {
        struct str token = tokenizer_token(a, id), other = tokenizer_token(b, id);
        assert_true(!token.s == !other.s && str_eq(token, other));
        assert_int_equal(tokenizer_is_special(a, id), tokenizer_is_special(b, id));
        assert_int_equal(tokenizer_id(a, token), tokenizer_id(b, token));
    }
    for (size_t i = 0; i < TEXTS; i++)
        same_tokens(a, b, texts[i]);
}

static void a_mapped_one_is_the_same(void **state)
{
    for (size_t i = 0; i < SMALL; i++) {
        struct copy c;
        struct tokenizer *parsed = open_small(small[i]);
        copy_make(&c, parsed);
        struct tokenizer *mapped = map(&c);
        same(parsed, mapped);
        tokenizer_free(mapped);
        tokenizer_free(parsed);
        copy_release(&c);
    }
}

static void put(const char *dir, const char *name, const char *text)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(file_write_atomic(path, text, strlen(text), 0600, NULL), ERR_OK);
}

static void of_a_directory_with_vocab_txt(void **state)
{
    char dir[] = "/tmp/akin-test-XXXXXX";
    assert_non_null(mkdtemp(dir));
    put(dir, "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n\na\nA\n##b\n##ba\n\n");
    for (int config = 0; config < 2; config++) {
        struct tokenizer *parsed = NULL;
        struct copy c;
        if (config)
            put(dir, "tokenizer_config.json", "{\"do_lower_case\":false}");
        assert_int_equal(tokenizer_open(dir, &parsed, NULL), ERR_OK);
        copy_make(&c, parsed);
        struct tokenizer *mapped = map(&c);
        same(parsed, mapped);
        tokenizer_free(mapped);
        tokenizer_free(parsed);
        copy_release(&c);
    }
    assert_int_equal(file_remove_tree(dir, NULL), ERR_OK);
}

static void refused(const struct copy *c, const char *why)
{
    struct tokenizer *t = NULL;
    struct err_info e = {0};
    assert_int_not_equal(tokenizer_map(c->parts, &t, &e), ERR_OK);
    if (!strstr(e.message, why))
        fail_msg("\"%s\" does not say \"%s\"", e.message, why);
}

/* One number of a table becomes another, and then itself again. */
static void refused_with(struct copy *c, const char *name, size_t at, uint32_t v, const char *why)
{
    struct str *p = part(c, name);
    uint32_t *numbers = (uint32_t *)p->s, before;
    assert_true((at + 1) * sizeof *numbers <= p->n);
    before = numbers[at];
    numbers[at] = v;
    refused(c, why);
    numbers[at] = before;
}

static void refused_shorter(struct copy *c, const char *name, size_t by, const char *why)
{
    struct str *p = part(c, name);
    assert_true(p->n >= by);
    p->n -= by;
    refused(c, why);
    p->n += by;
}

static void what_would_leave_a_table_is_refused(void **state)
{
    struct tokenizer *t = open_small("bpe_roberta");
    struct copy c;
    copy_make(&c, t);
    uint32_t nodes = (uint32_t)(part(&c, "vocab.ids")->n / 4), end = tokenizer_vocab_size(t);
    refused_with(&c, "vocab.edges", 1, nodes, "tables that cannot be");
    refused_with(&c, "vocab.ids", 3, end, "tables that cannot be");
    refused_with(&c, "words.ids", 3, end, "tables that cannot be");
    refused_with(&c, "texts", 2, (uint32_t)part(&c, "texts.bytes")->n, "texts of tokens");
    refused_with(&c, "texts.bytes", 0, 0xffffffff, "texts of tokens");
    refused_shorter(&c, "vocab.edges", 8, "wrong sizes");
    refused_shorter(&c, "vocab.ids", 1, "wrong sizes");
    refused_shorter(&c, "vocab.ids", part(&c, "vocab.ids")->n, "wrong sizes");
    refused_shorter(&c, "merges", 16, "merges");
    refused_shorter(&c, "merges", part(&c, "merges")->n, "merges");
    refused_shorter(&c, "texts", 1, "texts of tokens");
    refused_shorter(&c, "settings", 1, "");
    tokenizer_free(t);
    copy_release(&c);
}

/* A search that finds neither its key nor an empty slot would never end. */
static void full_tables_are_refused(void **state)
{
    struct tokenizer *t = open_small("bpe_roberta");
    struct copy c;
    copy_make(&c, t);
    uint32_t *edges = (uint32_t *)part(&c, "vocab.edges")->s;
    for (size_t i = 1; i < part(&c, "vocab.edges")->n / 4; i += 2)
        edges[i] = edges[i] ? edges[i] : 1;
    refused(&c, "tables that cannot be");
    copy_release(&c);
    copy_make(&c, t);
    uint64_t *merges = (uint64_t *)part(&c, "merges")->s;
    for (size_t i = 0; i < part(&c, "merges")->n / 8; i += 2)
        merges[i] = i;
    refused(&c, "merges");
    tokenizer_free(t);
    copy_release(&c);
}

static void fewer_scores_than_tokens_are_refused(void **state)
{
    struct tokenizer *t = open_small("unigram_xlmr");
    struct copy c;
    copy_make(&c, t);
    refused_shorter(&c, "scores", 8, "scores");
    tokenizer_free(t);
    copy_release(&c);
}

/* If this fails since the tables of the same file are others now, packs of before would be taken
 * for packs of now: count TOKENIZER_PARTS_FORMAT up, and put the new number here. */
static void the_format_is_as_it_was(void **state)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < SMALL; i++) {
        struct copy c;
        struct tokenizer *t = open_small(small[i]);
        copy_make(&c, t);
        for (unsigned k = 1; k < TOKENIZER_PARTS; k++) /* behind the settings */
            sum = checksum64(c.parts[k].s, c.parts[k].n, sum);
        tokenizer_free(t);
        copy_release(&c);
    }
    assert_int_equal(TOKENIZER_PARTS_FORMAT, 1);
    assert_int_equal(sum, UINT64_C(0x000ad3d668d37c10));
}

static int setup(void **state)
{
    json_setup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mapped_one_is_the_same),
        cmocka_unit_test(of_a_directory_with_vocab_txt),
        cmocka_unit_test(what_would_leave_a_table_is_refused),
        cmocka_unit_test(full_tables_are_refused),
        cmocka_unit_test(fewer_scores_than_tokens_are_refused),
        cmocka_unit_test(the_format_is_as_it_was),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
