/* A remote provider's answers, and when it is asked. Requests as such: tests/e2e/test_remote.py. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/arena.h"
#include "base/json.h"
#include "embed/embed.h"
#include "embed/remote_answer.h"
#include "embed/remote_pace.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MS 1000000LL
#define S (1000 * MS)

/* --- answers --- */

static enum err parse(const char *body, size_t count, unsigned dims, struct remote_answer *out,
                      struct err_info *e)
{
    *out = (struct remote_answer){0};
    *e = (struct err_info){0};
    return remote_answer_parse(str_c(body), count, dims, out, e);
}

static void test_good_answer(void **state)
{
    struct remote_answer a;
    struct err_info e;
    /* Not in the order of the texts; vectors of other lengths than 1; integers. */
    assert_int_equal(parse("{\"object\":\"list\",\"data\":["
                           "{\"index\":1,\"embedding\":[0,-5]},"
                           "{\"index\":0,\"embedding\":[3.0,4e0]}],"
                           "\"usage\":{\"prompt_tokens\":7,\"total_tokens\":9}}",
                           2, 2, &a, &e),
                     ERR_OK);
    assert_int_equal(a.dims, 2);
    assert_int_equal(a.tokens, 7);
    assert_true(fabsf(a.vectors[0] - .6f) < 1e-6f && fabsf(a.vectors[1] - .8f) < 1e-6f);
    assert_true(a.vectors[2] == 0 && a.vectors[3] == -1);
    free(a.vectors);
}

static void test_dims_are_learned(void **state)
{
    struct remote_answer a;
    struct err_info e;
    assert_int_equal(parse("{\"data\":[{\"embedding\":[1,2,2]}]}", 1, 0, &a, &e), ERR_OK);
    assert_int_equal(a.dims, 3);
    assert_int_equal(a.tokens, 0);
    free(a.vectors);
}

static void test_length_of_extreme_vectors(void **state)
{
    struct remote_answer a;
    struct err_info e;
    assert_int_equal(
        parse("{\"data\":[{\"embedding\":[3e38,3e38]},{\"embedding\":[1e-44,0]}]}", 2, 2, &a, &e),
        ERR_OK);
    assert_true(fabsf(a.vectors[0] - sqrtf(.5f)) < 1e-6f);
    assert_true(fabsf(a.vectors[2] - 1) < 1e-6f && a.vectors[3] == 0);
    free(a.vectors);
}

static void test_bad_answers_say_what_is_wrong(void **state)
{
    static const struct {
        const char *body, *says;
    } cases[] = {
        {"", "no readable JSON"},
        {"<html>busy</html>", "no readable JSON"},
        {"{\"data\":[{\"index\":0,\"embedding\":[1,", "no readable JSON"},
        {"[]", "no array \"data\""},
        {"{}", "no array \"data\""},
        {"{\"data\":{}}", "no array \"data\""},
        {"{\"error\":{\"message\":\"x\"}}", "is an error"},
        {"{\"data\":[]}", "0 vectors for 2 texts"},
        {"{\"data\":[{\"embedding\":[1,2]}]}", "1 vectors for 2 texts"},
        {"{\"data\":[1,2]}", "no numbers in data[0]"},
        {"{\"data\":[{\"embedding\":[1,2]},{\"embedding\":[]}]}", "no numbers in data[1]"},
        {"{\"data\":[{\"embedding\":[1,2]},{\"embedding\":[1,2,3]}]}",
         "3 numbers in data[1]; expected are 2"},
        {"{\"data\":[{\"embedding\":[1,2]},{\"embedding\":[1]}]}", "1 numbers in data[1]"},
        {"{\"data\":[{\"embedding\":[1,2]},{\"embedding\":\"AACAPwAAAEA=\"}]}",
         "base64 in data[1]"},
        {"{\"data\":[{\"embedding\":[1,null]},{\"embedding\":[1,2]}]}", "no number in vector 0"},
        {"{\"data\":[{\"embedding\":[1,2]},{\"embedding\":[1,\"2\"]}]}", "no number in vector 1"},
        {"{\"data\":[{\"embedding\":[1,1e39]},{\"embedding\":[1,2]}]}", "not finite"},
        {"{\"data\":[{\"embedding\":[1,1e999]},{\"embedding\":[1,2]}]}", "no readable JSON"},
        {"{\"data\":[{\"embedding\":[1,NaN]},{\"embedding\":[1,2]}]}", "no readable JSON"},
        {"{\"data\":[{\"embedding\":[0,0]},{\"embedding\":[1,2]}]}", "all zeros"},
        {"{\"data\":[{\"index\":0,\"embedding\":[1,2]},{\"index\":0,\"embedding\":[1,2]}]}",
         "two vectors for text 0"},
        {"{\"data\":[{\"index\":0,\"embedding\":[1,2]},{\"index\":2,\"embedding\":[1,2]}]}",
         "\"index\" in data[1]"},
        {"{\"data\":[{\"index\":-1,\"embedding\":[1,2]},{\"index\":1,\"embedding\":[1,2]}]}",
         "\"index\" in data[0]"},
        {"{\"data\":[{\"index\":\"0\",\"embedding\":[1,2]},{\"index\":1,\"embedding\":[1,2]}]}",
         "\"index\" in data[0]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct remote_answer a;
        struct err_info e;
        assert_int_not_equal(parse(cases[i].body, 2, 2, &a, &e), ERR_OK);
        if (!strstr(e.message, cases[i].says))
            fail_msg("%s: \"%s\" does not say \"%s\"", cases[i].body, e.message, cases[i].says);
        assert_null(a.vectors);
    }
}

static void test_usage_is_not_believed_blindly(void **state)
{
    static const char *const usages[] = {"{\"prompt_tokens\":-4}", "{\"prompt_tokens\":1e300}",
                                         "{\"prompt_tokens\":9007199254740993}", "7", "null"};
    for (size_t i = 0; i < sizeof usages / sizeof *usages; i++) {
        char body[200];
        struct remote_answer a;
        struct err_info e;
        snprintf(body, sizeof body, "{\"data\":[{\"embedding\":[1]}],\"usage\":%s}", usages[i]);
        assert_int_equal(parse(body, 1, 1, &a, &e), ERR_OK);
        assert_int_equal(a.tokens, 0);
        free(a.vectors);
    }
}

static void test_reason_hides_the_key(void **state)
{
    static const char key[] = "sk-canary-0123456789";
    static const char *const bodies[] = {
        "{\"error\":{\"message\":\"Incorrect API key provided: sk-canary-0123456789. Sorry\"}}",
        "{\"error\":\"sk-canary-0123456789 is not known\"}",
        "{\"detail\":\"Bearer sk-canary-0123456789\"}",
        "Unauthorized: sk-canary-0123456789\r\nsk-canary-0123456789",
    };
    char out[REMOTE_REASON];
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        remote_answer_reason(str_c(bodies[i]), key, out);
        assert_null(strstr(out, "canary"));
        assert_non_null(strstr(out, "***"));
        assert_null(strpbrk(out, "\r\n"));
    }
    /* Where it is cut off, too. */
    char body[600];
    for (size_t before = 150; before < 200; before++) {
        snprintf(body, sizeof body, "%0*d%s", (int)before, 0, key);
        remote_answer_reason(str_c(body), key, out);
        assert_null(strstr(out, "sk-"));
        assert_true(strlen(out) < REMOTE_REASON);
    }
    remote_answer_reason(STR("<html><h1>502</h1></html>"), key, out);
    assert_string_equal(out, "");
    remote_answer_reason(STR(""), NULL, out);
    assert_string_equal(out, "");
}

/* --- breaker --- */

static void test_breaker_opens_and_closes(void **state)
{
    struct pace p = {0};
    int64_t now = 100 * S, wait;
    for (int i = 0; i < BREAKER_FAILURES; i++) {
        assert_true(pace_enter(&p, now, &wait));
        pace_failure(&p, now, .5);
    }
    assert_int_equal(p.state, BREAKER_OPEN);
    assert_false(pace_enter(&p, now, &wait));
    assert_true(wait >= 500 * MS && wait <= 1000 * MS);
    now += wait;
    assert_true(pace_enter(&p, now, &wait)); /* the probe, */
    assert_int_equal(p.state, BREAKER_HALF_OPEN);
    assert_false(pace_enter(&p, now, &wait)); /* and nobody else meanwhile */
    assert_true(wait > 0);
    pace_failure(&p, now, .5);
    assert_false(pace_enter(&p, now, &wait));
    assert_true(wait >= 1000 * MS && wait <= 2000 * MS); /* longer than before */
    now += wait;
    assert_true(pace_enter(&p, now, &wait));
    pace_success(&p);
    assert_int_equal(p.state, BREAKER_CLOSED);
    assert_true(pace_enter(&p, now, &wait) && pace_enter(&p, now, &wait));
}

static void test_breaker_counts_failures_in_a_row(void **state)
{
    struct pace p = {0};
    int64_t wait;
    for (int i = 0; i < 10 * BREAKER_FAILURES; i++) {
        if (i % (BREAKER_FAILURES - 1) == 0)
            pace_success(&p);
        pace_failure(&p, i * S, 0);
        assert_true(pace_enter(&p, i * S, &wait));
    }
}

static void test_breaker_waits_at_most(void **state)
{
    struct pace p = {0};
    int64_t now = 0, wait = 0;
    for (int i = 0; i < BREAKER_FAILURES; i++)
        pace_failure(&p, now, .999);
    for (int probe = 0; probe < 100; probe++) {
        now += pace_wait_ns(&p, now);
        assert_true(pace_enter(&p, now, &wait));
        pace_failure(&p, now, .999);
        assert_true(pace_wait_ns(&p, now) <= BREAKER_OPEN_MS_MAX * MS);
    }
    assert_true(pace_wait_ns(&p, now) > BREAKER_OPEN_MS_MAX * MS / 2);
}

static void test_probe_that_was_given_up(void **state)
{
    struct pace p = {0};
    int64_t wait;
    for (int i = 0; i < BREAKER_FAILURES; i++)
        pace_failure(&p, 0, 0);
    assert_true(pace_enter(&p, S, &wait));
    pace_cancel(&p, S);
    assert_true(pace_enter(&p, S, &wait)); /* the next one is the probe */
    assert_int_equal(p.state, BREAKER_HALF_OPEN);
}

static void test_pause(void **state)
{
    struct pace p = {0};
    int64_t wait;
    pace_pause(&p, 10 * S, 3 * S);
    pace_pause(&p, 11 * S, 1 * S); /* a shorter one does not shorten it */
    assert_false(pace_enter(&p, 12 * S, &wait));
    assert_true(wait == 1 * S);
    pace_success(&p);
    assert_false(pace_enter(&p, 12 * S, &wait)); /* an answer to somebody else neither */
    assert_true(pace_enter(&p, 13 * S, &wait));
}

static void test_backoff_is_jittered_and_bounded(void **state)
{
    assert_true(backoff_ns(0, 0) == 0);
    for (unsigned attempt = 0; attempt < 40; attempt++) {
        int64_t bound = (int64_t)BACKOFF_MS << (attempt < 20 ? attempt : 20);
        bound = (bound < BACKOFF_MS_MAX ? bound : BACKOFF_MS_MAX) * MS;
        assert_true(backoff_ns(attempt, .25) < backoff_ns(attempt, .75));
        assert_true(backoff_ns(attempt, .999999) <= bound);
        assert_true(backoff_ns(attempt, .999999) > bound / 2);
    }
}

static void test_retry_after(void **state)
{
    int64_t now_us = 1763827742000000; /* Sat, 22 Nov 2025 16:09:02 GMT */
    assert_true(retry_after_parse(STR(" 7 \r\n"), now_us) == 7 * S);
    assert_true(retry_after_parse(STR("0"), now_us) == 0);
    assert_true(retry_after_parse(STR("99999999999"), now_us) == RETRY_AFTER_MAX_S * S);
    assert_true(retry_after_parse(STR("Sat, 22 Nov 2025 16:09:12 GMT"), now_us) == 10 * S);
    assert_true(retry_after_parse(STR("Saturday, 22-Nov-25 16:09:12 GMT"), now_us) == 10 * S);
    assert_true(retry_after_parse(STR("Sat Nov 22 16:09:12 2025"), now_us) == 10 * S);
    assert_true(retry_after_parse(STR("Sat, 22 Nov 2025 16:09:01 GMT"), now_us) == 0);
    assert_true(retry_after_parse(STR("Sat, 22 Nov 2098 16:09:01 GMT"), now_us) ==
                RETRY_AFTER_MAX_S * S);
    static const char *const bad[] = {"", "soon", "-5", "1.5", "1e3", "in a while, maybe"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_true(retry_after_parse(str_c(bad[i]), now_us) == -1);
    char long_text[200];
    memset(long_text, '9', sizeof long_text);
    assert_true(retry_after_parse((struct str){long_text, sizeof long_text}, now_us) == -1);
}

/* --- opening --- */

static void test_options_are_checked(void **state)
{
    static const struct {
        struct remote_options o;
        const char *field;
    } cases[] = {
        {{.model = "", .dims = 4}, "embed.model"},
        {{.model = "m", .dims = 4, .base_url = "ftp://host/v1"}, "embed.base_url"},
        {{.model = "m", .dims = 4, .base_url = "no address"}, "embed.base_url"},
        {{.model = "m", .dims = 4, .base_url = "https://user:hush@host/v1"}, "embed.base_url"},
        {{.model = "m", .dims = 4, .base_url = "https://host/v1?key=a"}, "embed.base_url"},
        {{.model = "m", .dims = 4, .base_url = "https://host/v1#a"}, "embed.base_url"},
        {{.model = "m", .dims = 4, .api_key = "a\r\nX-Evil: 1"}, "embed.api_key"},
        {{.model = "m", .dims = 100000}, "embed.dimensions"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model *m = NULL;
        struct err_info e = {0};
        assert_int_equal(model_open_remote(&cases[i].o, &m, &e), ERR_INVALID);
        assert_string_equal(e.field, cases[i].field);
        assert_null(strstr(e.message, "hush"));
        assert_null(strstr(e.message, "Evil"));
    }
}

static void digest_of(const char *url, const char *model, unsigned dims, char out[65])
{
    struct model *m = NULL;
    struct remote_options o = {.base_url = url,
                               .model = model,
                               .dims = dims,
                               .dims_known = dims, /* nobody is asked */
                               .mean_cosine_known = .1f};
    assert_int_equal(model_open_remote(&o, &m, NULL), ERR_OK);
    assert_true(model_is_remote(m));
    assert_int_equal(model_info(m)->dims, dims);
    assert_true(model_info(m)->mean_cosine == .1f);
    memcpy(out, model_info(m)->digest, 65);
    model_unref(m);
}

static void test_digest_is_of_the_space(void **state)
{
    char a[65], b[65];
    digest_of("https://api.example.com/v1", "m", 8, a);
    digest_of("https://API.example.com:443/v1/", "m", 8, b);
    assert_string_equal(a, b); /* the same place */
    digest_of("https://api.example.com/v2", "m", 8, b);
    assert_string_not_equal(a, b);
    digest_of("https://api.example.org/v1", "m", 8, b);
    assert_string_not_equal(a, b);
    digest_of("https://api.example.com/v1", "n", 8, b);
    assert_string_not_equal(a, b);
    digest_of("https://api.example.com/v1", "m", 4, b);
    assert_string_not_equal(a, b);
}

static void test_away_without_dimensions(void **state)
{
    struct model *m = NULL;
    struct err_info e = {0};
    struct remote_options o = {.base_url = "http://127.0.0.1:1/v1", .model = "m"};
    assert_int_equal(model_open_remote(&o, &m, &e), ERR_UNAVAILABLE);
    assert_non_null(strstr(e.message, "embed.dimensions"));
    o.dims = 16;
    assert_int_equal(model_open_remote(&o, &m, &e), ERR_OK);
    assert_false(model_remote_learned(m));
    float out[16];
    struct embed_text t = {.text = STR("a"), .out = out};
    struct embedder *x = embedder_new(&(struct embedder_options){.threads = 1});
    struct err_info late = {0};
    assert_int_equal(embedder_embed(x, m, ROLE_NONE, LANE_INTERACTIVE, &t, 1, 0, &late),
                     ERR_UNAVAILABLE);
    assert_non_null(strstr(late.message, "127.0.0.1:1"));
    uint32_t id = 5;
    t.ids = &id;
    t.id_count = 1;
    assert_int_equal(embedder_embed(x, m, ROLE_NONE, LANE_INTERACTIVE, &t, 1, 0, NULL),
                     ERR_INVALID);
    model_stop(m);
    t.ids = NULL;
    assert_int_not_equal(embedder_embed(x, m, ROLE_NONE, LANE_BULK, &t, 1, 0, NULL), ERR_OK);
    embedder_free(x);
    model_unref(m);
}

/* --- estimates --- */

static size_t estimate(const char *text)
{
    struct tokenizer *t = tokenizer_estimate();
    struct tokens out;
    tokens_init(&out);
    tokenizer_encode(t, str_c(text), false, &out);
    size_t n = out.n;
    uint32_t end = 0;
    for (size_t i = 0; i < n; i++) { /* in order, without overlap, inside the text */
        assert_true(out.starts[i] >= end && out.ends[i] > out.starts[i]);
        end = out.ends[i];
    }
    assert_true(end <= strlen(text));
    tokens_release(&out);
    tokenizer_free(t);
    return n;
}

static void test_estimate(void **state)
{
    assert_int_equal(estimate(""), 0);
    assert_int_equal(estimate("  \t\n "), 0);
    assert_int_equal(estimate("the"), 1);
    assert_int_equal(estimate("the tent."), 3);
    assert_int_equal(estimate("international"), 4);
    assert_int_equal(estimate("camelCase"), 3);
    assert_int_equal(estimate("USA"), 2);
    assert_int_equal(estimate("2026-11-22"), 10);
    assert_int_equal(estimate("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"), 3);
    assert_int_equal(estimate("na\xc3\xafve"), 3);
    assert_int_equal(estimate("a\xff\xfe z"), 4);
    struct tokenizer *t = tokenizer_estimate();
    assert_int_equal(tokenizer_specials(t), 2);
    assert_int_equal(tokenizer_id(t, STR("the")), -1);
    tokenizer_free(t);
}

int main(void)
{
    json_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_answer),
        cmocka_unit_test(test_dims_are_learned),
        cmocka_unit_test(test_length_of_extreme_vectors),
        cmocka_unit_test(test_bad_answers_say_what_is_wrong),
        cmocka_unit_test(test_usage_is_not_believed_blindly),
        cmocka_unit_test(test_reason_hides_the_key),
        cmocka_unit_test(test_breaker_opens_and_closes),
        cmocka_unit_test(test_breaker_counts_failures_in_a_row),
        cmocka_unit_test(test_breaker_waits_at_most),
        cmocka_unit_test(test_probe_that_was_given_up),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_backoff_is_jittered_and_bounded),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_options_are_checked),
        cmocka_unit_test(test_digest_is_of_the_space),
        cmocka_unit_test(test_away_without_dimensions),
        cmocka_unit_test(test_estimate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
