/* Packed weights over a model's life: made once, mapped, made anew, done without. */
#include "tiny.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static struct tiny tiny;
static char cache[64];

static int setup(void **state)
{
    json_setup();
    tiny_make(&tiny);
    snprintf(cache, sizeof cache, "/tmp/akin-cache-XXXXXX");
    assert_non_null(mkdtemp(cache));
    return 0;
}

static int teardown(void **state)
{
    file_hook(NULL);
    tiny_release(&tiny);
    assert_int_equal(file_remove_tree(cache, NULL), ERR_OK);
    return 0;
}

struct opened {
    float vector[HIDDEN];
    char digest[65];
    bool packed;
    enum precision precision;
};

static struct opened open_with(const struct model_options *o)
{
    static const uint32_t ids[] = {2, 7, 9, 30, 11, 3};
    struct opened x;
    struct model *m = NULL;
    struct err_info e = {0};
    if (model_open(tiny.dir, o, &m, &e))
        fail_msg("%s: %s", e.field, e.message);
    struct model_run *r = model_run_new(m, 16);
    assert_int_equal(model_embed(r, ids, &(uint32_t){6}, 1, x.vector, NULL), ERR_OK);
    snprintf(x.digest, sizeof x.digest, "%s", model_info(m)->digest);
    x.packed = model_info(m)->packed;
    x.precision = model_info(m)->precision;
    model_run_free(r);
    model_unref(m);
    return x;
}

static struct opened open_at(enum precision p)
{
    return open_with(&(struct model_options){.precision = p});
}

/* Names in a folder that end so; *path: the last of them. */
static size_t count_files(const char *folder, const char *end, char path[300])
{
    char **names = NULL;
    size_t count = 0, found = 0;
    if (!file_is_dir(folder))
        return 0;
    assert_int_equal(file_list(folder, &names, &count, NULL), ERR_OK);
    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(names[i]), k = strlen(end);
        if (n >= k && strcmp(names[i] + n - k, end) == 0) {
            found++;
            if (path)
                snprintf(path, 300, "%.100s/%.150s", folder, names[i]);
        }
        free(names[i]);
    }
    free(names);
    return found;
}

static const char *packed_folder(void)
{
    static char folder[100];
    snprintf(folder, sizeof folder, "%s/packed", tiny.dir);
    return folder;
}

static void assert_same(const struct opened *a, const struct opened *b)
{
    assert_memory_equal(a->vector, b->vector, sizeof a->vector);
    assert_string_equal(a->digest, b->digest);
}

/* How often the weights and the vocabulary are read. */
static void count_reads(void *ctx, enum file_op op, const char *path, uint64_t offset,
                        const void *data, size_t n)
{
    if (op == FILE_READ && (strstr(path, "model.safetensors") || strstr(path, "vocab.txt")))
        ++*(unsigned *)ctx;
}

static void test_read_once(void **state)
{
    for (enum precision p = PRECISION_AUTO; p <= PRECISION_INT8; p++) {
        unsigned reads = 0;
        struct opened before = open_at(p);
        assert_true(before.packed);
        file_hook(&(struct file_hook){.after = count_reads, .ctx = &reads});
        struct opened after = open_at(p);
        file_hook(NULL);
        assert_same(&before, &after);
        assert_int_equal(after.precision, before.precision);
        assert_int_equal(reads, 0);
    }
}

static int no_writes(void *ctx, enum file_op op, const char *path, uint64_t offset, size_t n,
                     size_t *torn)
{
    return op == FILE_WRITE && strncmp(path, ctx, strlen(ctx)) == 0 ? ENOSPC : 0;
}

static void test_a_folder_that_cannot_be_written(void **state)
{
    file_hook(&(struct file_hook){.before = no_writes, .ctx = tiny.dir});
    struct opened memory = open_at(PRECISION_INT8);
    assert_false(memory.packed);
    assert_int_equal(count_files(packed_folder(), "", NULL), 0);
    file_hook(NULL);
}

static void test_the_cache_instead(void **state)
{
    char folder[300] = "";
    const struct model_options o = {.precision = PRECISION_BF16, .cache_dir = cache};
    file_hook(&(struct file_hook){.before = no_writes, .ctx = tiny.dir});
    struct opened a = open_with(&o), b = open_with(&o);
    file_hook(NULL);
    assert_true(a.packed && b.packed);
    assert_same(&a, &b);
    assert_int_equal(count_files(packed_folder(), ".pack", NULL), 0);
    assert_int_equal(count_files(cache, "", folder), 1);
    assert_int_equal(count_files(folder, "-bf16.pack", NULL), 1);
    assert_int_equal(count_files(folder, "-tokenizer.pack", NULL), 1);
    assert_int_equal(count_files(folder, "state.json", NULL), 1);
}

/* Header, table of 13 sections, and the first section, the word vectors, at the next 64 bytes. */
enum { WORDS_END = (64 + 13 * 80 + 63) / 64 * 64 + VOCAB * HIDDEN * 4 };

static void test_damage_is_made_good(void **state)
{
    char path[300], *bytes = NULL;
    size_t n = 0;
    struct opened before = open_at(PRECISION_FP32);
    assert_int_equal(count_files(packed_folder(), "-f32.pack", path), 1);
    assert_int_equal(file_read_all(path, 1u << 24, &bytes, &n, NULL), ERR_OK);
    log_set_level(LOG_ERROR);
    for (size_t i = 0; i < n; i += n / 41 + 1) {
        bytes[i] ^= 1;
        assert_int_equal(file_write_atomic(path, bytes, n, 0600, NULL), ERR_OK);
        bytes[i] ^= 1;
        if (i < WORDS_END) /* the gap and the word vectors are not read at a start */
            assert_int_equal(model_verify(tiny.dir, NULL, NULL), ERR_OK);
        struct opened after = open_at(PRECISION_FP32);
        assert_same(&before, &after);
        assert_true(after.packed);
    }
    for (size_t cut = 0; cut < n; cut += n / 7 + 1) {
        assert_int_equal(file_write_atomic(path, bytes, cut, 0600, NULL), ERR_OK);
        struct opened after = open_at(PRECISION_FP32);
        assert_same(&before, &after);
    }
    char state_path[300];
    snprintf(state_path, sizeof state_path, "%s/state.json", packed_folder());
    assert_int_equal(file_write_atomic(state_path, "{\"format\":1,\"files\":7", 20, 0600, NULL), 0);
    struct opened after = open_at(PRECISION_FP32);
    assert_same(&before, &after);
    log_set_level(LOG_INFO);
    free(bytes);
}

/* Nobody reads the gaps that align the sections. */
static bool in_a_gap(const char *pack, size_t i)
{
    uint32_t sections;
    memcpy(&sections, pack + 12, sizeof sections);
    for (uint32_t k = 0; k < sections; k++) {
        uint64_t range[2]; /* offset, bytes */
        memcpy(range, pack + 64 + 80 * k + 56, sizeof range);
        if (i >= range[0] && i < range[0] + range[1])
            return false;
    }
    return i >= 64 + 80 * sections;
}

static void test_a_damaged_tokenizer_is_made_good(void **state)
{
    char path[300], *bytes = NULL, *now = NULL;
    size_t n = 0, now_n = 0;
    struct opened before = open_at(PRECISION_FP32);
    assert_int_equal(count_files(packed_folder(), "-tokenizer.pack", path), 1);
    assert_int_equal(file_read_all(path, 1u << 24, &bytes, &n, NULL), ERR_OK);
    log_set_level(LOG_ERROR);
    for (size_t i = 0; i < n; i += i < 64 + 9 * 80 ? 11 : n / 41 + 1) {
        if (in_a_gap(bytes, i))
            continue;
        bytes[i] ^= 1;
        assert_int_equal(file_write_atomic(path, bytes, n, 0600, NULL), ERR_OK);
        bytes[i] ^= 1;
        if (i % 2)
            assert_int_equal(model_verify(tiny.dir, NULL, NULL), ERR_OK);
        struct opened after = open_at(PRECISION_FP32);
        assert_same(&before, &after);
        assert_int_equal(file_read_all(path, 1u << 24, &now, &now_n, NULL), ERR_OK);
        assert_int_equal(now_n, n); /* made anew */
        assert_memory_equal(now, bytes, n);
        free(now);
    }
    log_set_level(LOG_INFO);
    free(bytes);
}

/* Neither is tokenizer_config.json only looked at when it is parsed. */
static void test_another_tokenizer_takes_the_place(void **state)
{
    struct opened before = open_at(PRECISION_FP32);
    char first[300], second[300];
    assert_int_equal(count_files(packed_folder(), "-tokenizer.pack", first), 1);
    tiny_text(&tiny, "tokenizer_config.json", "{\"do_lower_case\":false}");
    struct opened after = open_at(PRECISION_FP32);
    assert_string_not_equal(before.digest, after.digest);
    assert_int_equal(count_files(packed_folder(), "-tokenizer.pack", second), 1);
    assert_string_not_equal(first, second);
}

static void test_other_weights_take_the_place(void **state)
{
    struct opened before = open_at(PRECISION_INT8);
    ((float *)tiny_find(&tiny, "encoder.layer.1.output.dense.weight"))[5] += 1;
    tiny_save(&tiny);
    struct opened after = open_at(PRECISION_INT8);
    assert_string_not_equal(before.digest, after.digest);
    assert_memory_not_equal(before.vector, after.vector, sizeof after.vector);
    assert_int_equal(count_files(packed_folder(), "-int8.pack", NULL), 1);
}

static void test_what_a_crash_left_goes(void **state)
{
    char path[200];
    snprintf(path, sizeof path, "%s/0000-f32.pack.1234.tmp", packed_folder());
    assert_int_equal(file_mkdirs(packed_folder(), 0700, NULL), ERR_OK);
    assert_int_equal(file_write_atomic(path, "x", 1, 0600, NULL), ERR_OK);
    open_at(PRECISION_INT8);
    assert_true(file_exists(path)); /* somebody may be writing it */
    assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[2]){{1, 0}, {1, 0}}, 0), 0);
    open_at(PRECISION_FP32);
    assert_false(file_exists(path));
}

/* The same weights under other numbers of config.json are another model. */
static void test_other_shape_is_not_taken(void **state)
{
    struct opened before = open_at(PRECISION_FP32);
    char config[600];
    snprintf(config, sizeof config,
             "{\"model_type\":\"bert\",\"hidden_act\":\"gelu\",\"hidden_size\":%d,"
             "\"num_attention_heads\":%d,\"num_hidden_layers\":%d,\"intermediate_size\":%d,"
             "\"vocab_size\":%d,\"max_position_embeddings\":%d,\"type_vocab_size\":%d,"
             "\"layer_norm_eps\":1e-12}",
             HIDDEN, 2 * HEADS, LAYERS, WIDE, VOCAB, POSITIONS, TYPES);
    tiny_text(&tiny, "config.json", config);
    struct opened after = open_at(PRECISION_FP32);
    assert_string_not_equal(before.digest, after.digest);
    assert_memory_not_equal(before.vector, after.vector, sizeof after.vector);
}

/* Content that changed behind size and time: only verify looks. */
static void test_verify_hashes_again(void **state)
{
    char path[100], state_path[200], *text = NULL;
    struct err_info e = {0};
    open_at(PRECISION_AUTO);
    snprintf(state_path, sizeof state_path, "%s/state.json", packed_folder());
    assert_int_equal(file_read_all(state_path, 1u << 20, &text, NULL, NULL), ERR_OK);
    char *at = strstr(strstr(text, "\"model.safetensors\""), "\"sha256\": \"");
    assert_non_null(at);
    at[12] = at[12] == '0' ? '1' : '0';
    assert_int_equal(file_write_atomic(state_path, text, strlen(text), 0600, NULL), ERR_OK);
    snprintf(path, sizeof path, "%s", tiny.dir);
    assert_int_equal(model_verify(path, NULL, &e), ERR_CORRUPT);
    assert_non_null(strstr(e.message, "another content"));
    free(text);
}

static void test_inspect(void **state)
{
    struct model_info a, b;
    assert_int_equal(model_inspect(tiny.dir, NULL, &a, NULL), ERR_OK);
    assert_int_equal(a.precision, PRECISION_AUTO);
    assert_int_equal(a.dims, HIDDEN);
    assert_string_equal(a.architecture, "bert");
    struct opened x = open_at(PRECISION_AUTO);
    assert_int_equal(model_inspect(tiny.dir, NULL, &b, NULL), ERR_OK);
    assert_int_equal(b.precision, x.precision);
    assert_int_equal(model_inspect("/nowhere", NULL, &b, NULL), ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_read_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_folder_that_cannot_be_written, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_cache_instead, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damage_is_made_good, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_damaged_tokenizer_is_made_good, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_tokenizer_takes_the_place, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_weights_take_the_place, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_a_crash_left_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_shape_is_not_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_verify_hashes_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_inspect, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
