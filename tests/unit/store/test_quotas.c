/* Quotas: judged inside of the commit, by counts that are exact. */
#include "fixture.h"

open_fn *fixture_open = store_open;

static struct collection_record quota_of(struct fixture *f)
{
    struct collection_record r;
    ok(store_collection_get(f->s, f->a, STR("news"), &r, &f->e));
    return r;
}

static void held(struct fixture *f, uint64_t documents, uint64_t bytes)
{
    struct collection_record r = quota_of(f);
    assert_int_equal(r.documents, documents);
    assert_int_equal(r.bytes, bytes);
    ok(store_check(f->s, &f->e)); /* counts them all */
}

static uint32_t make(struct fixture *f, uint64_t documents_max, uint64_t bytes_max)
{
    struct store_act act = act_collection("news");
    act.collection.documents_max = documents_max;
    act.collection.bytes_max = bytes_max;
    return (uint32_t)done(f, act).id;
}

static struct store_act quota_set(struct fixture *f, uint64_t documents_max, uint64_t bytes_max)
{
    struct store_act act = {.kind = ACT_COLLECTION_UPDATE, .collection = quota_of(f)};
    act.collection.documents_max = documents_max;
    act.collection.bytes_max = bytes_max;
    return act;
}

static struct store_act put(struct fixture *f, uint32_t c, const char *id, const char *payload)
{
    return act_put(f, c, str_c(id), payload);
}

static void test_documents(void **state)
{
    struct fixture *f = *state;
    uint32_t c = make(f, 2, 0);
    size_t one = put(f, c, "a", "one").document.payload.n;
    done(f, put(f, c, "a", "one"));
    done(f, put(f, c, "b", "two"));
    refused(f, put(f, c, "c", "one"), ERR_QUOTA);
    done(f, put(f, c, "b", "one"));
    held(f, 2, 2 * one);
    struct store_act swap[] = {act_delete(c, STR("a")), put(f, c, "c", "one"),
                               put(f, c, "d", "one")};
    ok(store_write(f->s, swap, 3, false, NULL, &f->e));
    assert_true(!swap[0].err && !swap[1].err && swap[2].err == ERR_QUOTA);
    reopen(f);
    held(f, 2, 2 * one);
    refused(f, put(f, c, "d", "one"), ERR_QUOTA);
    done(f, quota_set(f, 0, 0));
    done(f, put(f, c, "d", "one"));
}

static void test_bytes(void **state)
{
    struct fixture *f = *state;
    uint32_t c = make(f, 0, 0);
    size_t small = put(f, c, "a", "1234").document.payload.n;
    done(f, put(f, c, "a", "1234"));
    done(f, put(f, c, "b", "1234"));
    done(f, quota_set(f, 0, 2 * small + 1));
    refused(f, put(f, c, "c", "1234"), ERR_QUOTA);
    refused(f, put(f, c, "a", "123456"), ERR_QUOTA);
    held(f, 2, 2 * small);
    done(f, put(f, c, "a", "12345"));
    refused(f, put(f, c, "b", "12345"), ERR_QUOTA);
    /* below what is there: nothing grows, anything shrinks */
    done(f, quota_set(f, 0, 1));
    refused(f, put(f, c, "b", "12345"), ERR_QUOTA);
    done(f, put(f, c, "b", "abcd"));
    done(f, put(f, c, "b", "1"));
    done(f, put(f, c, "a", "1"));
    held(f, 2, 2 * small - 6);
    done(f, act_delete(c, STR("a")));
    held(f, 1, small - 3);
}

/* What is undone counts nothing. */
static void test_atomic(void **state)
{
    struct fixture *f = *state;
    uint32_t c = make(f, 2, 0);
    size_t one = put(f, c, "a", "one").document.payload.n;
    done(f, put(f, c, "a", "one"));
    struct store_act acts[] = {put(f, c, "a", "longer than one"), put(f, c, "b", "one"),
                               put(f, c, "c", "one")};
    assert_int_equal(store_write(f->s, acts, 3, true, NULL, &f->e), ERR_QUOTA);
    held(f, 1, one);
    assert_true(acts[0].err == ERR_CANCELLED && acts[2].err == ERR_QUOTA);
    done(f, act_delete(c, STR("a")));
    held(f, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_documents, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_atomic, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
