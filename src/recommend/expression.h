/* The score expression: how the sources of candidates are blended into one score.
 *
 *     model + .3 * trending + .5 * brought.mine
 *     max(model, .2 * profile) * exp(-age / 30) - .1 * min(shown, 5)
 *
 *     sum    = term { ("+" | "-") term }
 *     term   = factor { ("*" | "/") factor }
 *     factor = "-" factor | number | name | function "(" sum { "," sum } ")" | "(" sum ")"
 *
 * Names: those of feature.h, and brought.NAME for scores that were uploaded under that name;
 * plain `brought` is brought.default. Functions: min, max (two arguments or more), clip(x, low,
 * high), exp, log, pow(x, y), abs, sqrt.
 *
 * A value is always finite: what is not known of a candidate (NaN) counts as 0, so does what has no
 * value (x / 0, pow(-1, .5), sqrt(-1)); each result is held in +-1e15; log(x) is of max(x, 1e-9).
 * Parsed once into at most EXPRESSION_STEPS_MAX steps; immutable then: any thread. */
#ifndef RECOMMEND_EXPRESSION_H
#define RECOMMEND_EXPRESSION_H

#include "base/arena.h"
#include "base/err.h"
#include "recommend/feature.h"
#include <stdbool.h>
#include <stdint.h>

#define EXPRESSION_BYTES_MAX 1000
#define EXPRESSION_STEPS_MAX 128
#define EXPRESSION_DEPTH_MAX 32
#define EXPRESSION_SOURCES_MAX 8
#define EXPRESSION_SOURCE_BYTES_MAX 64
#define EXPRESSION_VALUE_MAX 1e15

struct expression_step;
struct expression {
    const struct expression_step *steps; /* postfix */
    unsigned step_count;
    uint32_t features;                          /* bit 1 << FEATURE_x: it reads that */
    struct str sources[EXPRESSION_SOURCES_MAX]; /* of brought.NAME, as first named */
    unsigned source_count;
};

/* Into the arena. ERR_INVALID, ERR_TOO_LARGE: the message tells the character. */
enum err expression_parse(struct arena *a, struct str text, const struct expression **out,
                          struct err_info *e) MUST_CHECK;
/* features: FEATURE_COUNT values (FEATURE_BROUGHT is not read); brought: one for each of
 * x->sources (NULL if there are none). About 5 ns a step. */
double expression_value(const struct expression *x, const float *features, const float *brought);

/* A name that scores can be uploaded under: 1 to 64 of a-z, 0-9 and _, not beginning with a digit.
 */
bool expression_source_is_valid(struct str name);

#endif
