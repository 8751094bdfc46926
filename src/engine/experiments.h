/* Experiments: requests of a scenario are served in variants, a reader always in the same, and
 * what readers did with the answers says which is better.
 *
 *   experiment_definition.c  what a client says of one, checked and read
 *   experiments.c            kept, started, stopped; who is in which variant
 *   experiment_results.c     what came out
 *   tally.c                  the counting: answers from the log, and the feedback that names them
 *
 * A variant is chosen by HMAC(secret of the data directory, collection, experiment, reader), cut
 * into shares by the weights in their order: nobody can tell it from outside, nothing is stored,
 * and it stays as long as the weights do. Changing weights moves readers between neighbours, as few
 * as possible at the ends. */
#ifndef ENGINE_EXPERIMENTS_H
#define ENGINE_EXPERIMENTS_H

#include "engine/internal.h"

#define EXPERIMENT_VARIANTS_MAX 10
#define EXPERIMENT_NAME_MAX 64
#define EXPERIMENT_ALPHA .05

enum experiment_metric { METRIC_CLICK_THROUGH, METRIC_CONVERSION };
extern const char *const experiment_metric_names[2];

/* Bits of what a variant overrides. */
enum variant_field {
    VARIANT_RECOMMENDER = 1,
    VARIANT_BLEND = 2,
    VARIANT_DIVERSITY = 4,
    VARIANT_EXPLORE = 8,
    VARIANT_FATIGUE = 16,
    VARIANT_HALF_LIFE = 32,
    VARIANT_RANKER = 64,
};
struct variant {
    char name[EXPERIMENT_NAME_MAX + 1];
    double weight;
    unsigned fields; /* bits of enum variant_field */
    uint32_t recommender;
    bool ranker; /* on, where one was trained */
    double diversity, explore, fatigue, half_life_days;
    struct str blend;
};
struct experiment {
    char name[EXPERIMENT_NAME_MAX + 1];
    struct str scenario;
    enum experiment_state state;
    enum experiment_metric metric;
    int64_t started_us, stopped_us; /* 0: not yet */
    unsigned variant_count;
    struct variant variants[EXPERIMENT_VARIANTS_MAX];
};

/* ---- experiment_definition.c ---- */
/* What a client sent; strings in the arena. ERR_INVALID with a pointer. */
enum err experiment_read(const json_t *body, struct str name, struct arena *a,
                         struct experiment *out, struct err_info *e) MUST_CHECK;
/* As it is stored, {"metric":..,"variants":[..],"started_us":..}; `results` may be empty. */
struct str experiment_payload(const struct experiment *x, struct str results, struct arena *a);
/* Back from it. ERR_CORRUPT. results (may be NULL): JSON, or empty. */
enum err experiment_stored(const struct experiment_record *r, struct arena *a,
                           struct experiment *out, struct str *results,
                           struct err_info *e) MUST_CHECK;
/* The variants alone, as clients see them. */
struct str experiment_variants(const struct experiment *x, struct arena *a);

/* ---- experiments.c ---- */
/* Those of a collection that run, immutable and shared: held by the collection and by whoever
 * looks at them. */
struct experiments {
    struct arena *a;
    unsigned refs; /* collection->lock */
    size_t count;
    struct experiment *all;
};
struct experiments *experiments_ref(struct collection *c);
void experiments_unref(struct collection *c, struct experiments *x); /* NULL is allowed */
/* Makes them what the store says. The applier, or before it starts. */
enum err experiments_follow(struct collection *c, struct err_info *e) MUST_CHECK;
/* Does a running experiment serve that recommender? */
bool experiments_use(struct collection *c, uint32_t recommender);

/* ---- experiment_results.c ---- */
/* JSON; may take until deadline_ns to count what came since. */
enum err experiment_results(struct collection *c, const struct experiment *x, int64_t deadline_ns,
                            struct arena *a, struct str *out, struct err_info *e) MUST_CHECK;

#endif
