#include "access/keys.h"
#include "base/thread.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define NOW 1000000000000LL

static struct key *key_new(struct arena *a, char text[KEY_TEXT + 1])
{
    struct key *k = arena_zalloc(a, sizeof *k);
    key_id_make(k->id);
    key_make(k->id, text);
    key_hash((struct str){text, KEY_TEXT}, k->hash);
    k->grant.scopes = SCOPE_SEARCH;
    return k;
}

static void verdicts(void **state)
{
    struct arena *a = arena_new(0);
    struct keys *keys = keys_new();
    struct caller who;
    char text[KEY_TEXT + 1], other[KEY_TEXT + 1], stranger[KEY_TEXT + 1];
    struct prefix home;
    const struct str names[] = {STR("news")};
    assert_int_equal(prefix_parse(STR("192.0.2.0/24"), NULL, &home, NULL), ERR_OK);
    struct key *k = key_new(a, text), *unknown = key_new(a, stranger);
    key_make(k->id, other);
    k->grant.collections = names;
    k->grant.collection_count = 1;
    k->grant.filter = STR("a = 1");
    assert_int_equal(keys_check(keys, str_c(text), STR("::1"), NOW, a, &who), KEY_UNKNOWN);
    keys_replace(keys, &k, 1);
    assert_int_equal(keys_check(keys, str_c(text), STR("::1"), NOW, a, &who), KEY_FITS);
    assert_true(str_eq_c(who.key_id, k->id));
    assert_int_equal(who.scopes, SCOPE_SEARCH);
    assert_int_equal(who.collection_count, 1);
    assert_true(str_eq_c(who.collections[0], "news") && str_eq_c(who.filter, "a = 1"));
    assert_int_equal(atomic_load(&k->used_us), NOW);
    assert_int_equal(keys_check(keys, str_c(other), STR("::1"), NOW, a, &who), KEY_UNKNOWN);
    assert_int_equal(keys_check(keys, str_c(stranger), STR("::1"), NOW, a, &who), KEY_UNKNOWN);
    assert_int_equal(keys_check(keys, STR("akin_x"), STR("::1"), NOW, a, &who), KEY_MALFORMED);

    k->grant.expires_us = NOW + 1;
    assert_int_equal(keys_check(keys, str_c(text), STR("::1"), NOW, a, &who), KEY_FITS);
    assert_int_equal(keys_check(keys, str_c(text), STR("::1"), NOW + 1, a, &who), KEY_EXPIRED);
    assert_int_equal(keys_check(keys, str_c(other), STR("::1"), NOW + 1, a, &who), KEY_UNKNOWN);
    k->grant.expires_us = 0;

    k->grant.addresses = &home;
    k->grant.address_count = 1;
    assert_int_equal(keys_check(keys, str_c(text), STR("192.0.2.7"), NOW, a, &who), KEY_FITS);
    assert_int_equal(keys_check(keys, str_c(text), STR("::1"), NOW, a, &who), KEY_ELSEWHERE);
    assert_int_equal(keys_check(keys, str_c(text), STR("no address"), NOW, a, &who), KEY_ELSEWHERE);
    k->grant.address_count = 0;

    memcpy(k->old_hash, k->hash, KEY_HASH); /* rotated */
    key_hash(str_c(other), k->hash);
    k->old_until_us = NOW + 10;
    assert_int_equal(keys_check(keys, str_c(text), STR("::1"), NOW + 9, a, &who), KEY_FITS);
    assert_int_equal(keys_check(keys, str_c(other), STR("::1"), NOW + 9, a, &who), KEY_FITS);
    assert_int_equal(keys_check(keys, str_c(text), STR("::1"), NOW + 10, a, &who), KEY_UNKNOWN);
    assert_int_equal(keys_check(keys, str_c(other), STR("::1"), NOW + 10, a, &who), KEY_FITS);

    keys_replace(keys, &unknown, 1);
    assert_int_equal(keys_check(keys, str_c(other), STR("::1"), NOW, a, &who), KEY_UNKNOWN);
    keys_free(keys);
    arena_free(a);
}

/* A key takes of the limits of those that made it, up to one that an admin made. */
static void makers(void **state)
{
    enum { DEEP = KEY_DEPTH_MAX + 3 };
    struct arena *a = arena_new(0);
    struct keys *keys = keys_new();
    struct key *all[DEEP];
    struct caller who;
    char texts[DEEP][KEY_TEXT + 1];
    for (int i = 0; i < DEEP; i++) {
        all[i] = key_new(a, texts[i]);
        all[i]->grant.requests = (struct limit){.quota = i + 1, .burst = 1, .window_s = 1};
        if (i)
            memcpy(all[i]->within, all[i - 1]->id, sizeof all[i]->within);
    }
    keys_replace(keys, all, DEEP);
    for (int i = 0; i < DEEP; i++) {
        unsigned n = i < KEY_DEPTH_MAX ? (unsigned)i : KEY_DEPTH_MAX;
        assert_int_equal(keys_check(keys, str_c(texts[i]), STR("::1"), NOW, a, &who), KEY_FITS);
        assert_int_equal(who.maker_count, n);
        for (int k = 0; k < (int)n; k++) {
            assert_true(str_eq_c(who.makers[k].key_id, all[i - 1 - k]->id));
            assert_int_equal(who.makers[k].requests.quota, i - k);
        }
    }
    all[1]->deleted = true;
    assert_int_equal(keys_check(keys, str_c(texts[1]), STR("::1"), NOW, a, &who), KEY_UNKNOWN);
    assert_int_equal(keys_check(keys, str_c(texts[3]), STR("::1"), NOW, a, &who), KEY_FITS);
    assert_int_equal(who.maker_count, 3);
    all[2]->grant.expires_us = 1;
    all[1]->grant.scopes |= SCOPE_ADMIN_ALL;
    assert_int_equal(keys_check(keys, str_c(texts[3]), STR("::1"), NOW, a, &who), KEY_FITS);
    assert_int_equal(who.maker_count, 1);
    keys_free(keys);
    arena_free(a);
}

static void many_are_found(void **state)
{
    enum { MANY = 500 };
    struct arena *a = arena_new(0);
    struct keys *keys = keys_new();
    struct key *all[MANY];
    char(*texts)[KEY_TEXT + 1] = arena_alloc(a, MANY * sizeof *texts);
    struct caller who;
    for (int i = 0; i < MANY; i++)
        all[i] = key_new(a, texts[i]);
    keys_replace(keys, all, MANY);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(keys_check(keys, str_c(texts[i]), STR(""), NOW, a, &who), KEY_FITS);
        assert_true(str_eq_c(who.key_id, all[i]->id));
    }
    keys_free(keys);
    arena_free(a);
}

/* A key that was taken out is freed at once: whoever still looked at it would read freed memory
 * (address sanitizer), or race (thread sanitizer). */
struct reading {
    struct keys *keys;
    const char *text;
    atomic_bool stop;
    atomic_int fits;
};

static void reader_run(void *arg)
{
    struct reading *r = arg;
    struct arena *a = arena_new(0);
    struct caller who;
    while (!atomic_load(&r->stop)) {
        if (keys_check(r->keys, str_c(r->text), STR("::1"), NOW, a, &who) == KEY_FITS) {
            assert_true(who.filter.n == 5 && !memcmp(who.filter.s, "a = 1", 5));
            atomic_fetch_add(&r->fits, 1);
        }
        arena_reset(a);
    }
    arena_free(a);
}

static void readers_see_nothing_freed(void **state)
{
    struct arena *a = arena_new(0);
    char text[KEY_TEXT + 1];
    struct key *kept = key_new(a, text);
    struct reading r = {.keys = keys_new(), .text = text};
    struct thread *threads[2];
    for (int i = 0; i < 2; i++)
        threads[i] = thread_start("reader", reader_run, &r);
    for (int i = 0; i < 200 || atomic_load(&r.fits) < 100; i++) {
        struct key *k = xmalloc(sizeof *k);
        char *filter = xmalloc(5);
        memcpy(filter, "a = 1", 5);
        memcpy(k, kept, sizeof *k);
        k->grant.filter = (struct str){filter, 5};
        keys_replace(r.keys, &k, 1);
        keys_replace(r.keys, NULL, 0);
        memset(filter, '?', 5);
        free(filter);
        free(k);
    }
    atomic_store(&r.stop, true);
    for (int i = 0; i < 2; i++)
        thread_join(threads[i]);
    keys_free(r.keys);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts),
        cmocka_unit_test(makers),
        cmocka_unit_test(many_are_found),
        cmocka_unit_test(readers_see_nothing_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
