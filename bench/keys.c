/* What a request's key costs: found among many, its secret hashed and compared, the caller made.
 *
 *     bench_keys [keys] [deep]   (default 1,000 and 0; the most are KEYS_MAX and KEY_DEPTH_MAX: so
 *                                 many keys made one another) */
#include "access/keys.h"
#include "base/clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 300000

static double round_us(struct keys *keys, char (*texts)[KEY_TEXT + 1], size_t count,
                       struct arena *a)
{
    struct caller who;
    size_t fits = 0;
    int64_t start = clock_thread_ns();
    for (size_t i = 0; i < ROUNDS; i++) {
        fits += keys_check(keys, str_c(texts[i * 7919 % count]), STR("192.0.2.7"), 1, a, &who) ==
                KEY_FITS;
        if (i % 64 == 0)
            arena_reset(a);
    }
    if (fits != ROUNDS)
        abort();
    return (double)(clock_thread_ns() - start) / 1e3 / ROUNDS;
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
    size_t deep = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    if (count < 1 || count > KEYS_MAX || deep > KEY_DEPTH_MAX)
        return 2;
    struct arena *a = arena_new(0), *request = arena_new(0);
    struct keys *keys = keys_new();
    struct key **all = arena_array(a, count, sizeof *all);
    char(*texts)[KEY_TEXT + 1] = arena_array(a, count, sizeof *texts);
    const struct str names[] = {STR("news"), STR("blog")};
    struct prefix from;
    if (prefix_parse(STR("192.0.2.0/24"), NULL, &from, NULL))
        return 2;
    for (size_t i = 0; i < count; i++) {
        all[i] = arena_zalloc(a, sizeof **all);
        key_id_make(all[i]->id);
        if (i % (deep + 1))
            memcpy(all[i]->within, all[i - 1]->id, KEY_ID);
        key_make(all[i]->id, texts[i]);
        key_hash(str_c(texts[i]), all[i]->hash);
        all[i]->grant = (struct grant){.scopes = SCOPE_SEARCH,
                                       .collections = names,
                                       .collection_count = 2,
                                       .filter = STR("tenant = \"acme\""),
                                       .addresses = &from,
                                       .address_count = 1};
    }
    keys_replace(keys, all, count);
    for (int i = 0; i < 3; i++)
        printf("%zu keys: %.3f us CPU a check\n", count, round_us(keys, texts, count, request));
    keys_free(keys);
    arena_free(request);
    arena_free(a);
    return 0;
}
