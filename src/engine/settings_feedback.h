/* What acts of readers weigh in a collection: its setting `feedback`. Plain data, copied freely:
 * collection_feedback() gives a copy. */
#ifndef ENGINE_SETTINGS_FEEDBACK_H
#define ENGINE_SETTINGS_FEEDBACK_H

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include <stdbool.h>

#define FEEDBACK_TYPES_MAX 32 /* the 8 built in among them */
#define FEEDBACK_TYPE_BYTES 32
#define FEEDBACK_WEIGHT_MAX 10

enum feedback_value {
    VALUE_IGNORED,
    VALUE_RATING, /* times (value - 3) / 2: from -1 to 1 */
    VALUE_FACTOR, /* times the value, clipped to [-2, 2]; 1 without one */
};
struct feedback_type {
    char name[FEEDBACK_TYPE_BYTES + 1];
    double weight; /* > 0 liked, < 0 not wanted, 0: tells nothing */
    bool seen;     /* a document of it is left out by exclude_seen */
    enum feedback_value value;
};
struct feedback_settings {
    struct feedback_type types[FEEDBACK_TYPES_MAX]; /* by name */
    unsigned count;
    double half_life_days; /* 0: nothing decays */
    double threshold;      /* a total less than this, either way, does not count as read */
    unsigned answers_days; /* that the log of answers is kept; 0: without end */
};

/* view .2, click .5, read .7, save 1, like 1, dislike -1, rate 1 by its value, custom 1 by its
 * value; half-life 30 days, threshold 0, answers for 90 days. */
void feedback_settings_default(struct feedback_settings *f);
/* As settings_merge, of the value at /feedback. A type that is null is forgotten; one that is built
 * in becomes what it was. */
enum err feedback_settings_merge(struct feedback_settings *f, const json_t *object,
                                 struct err_info *e) MUST_CHECK;
void feedback_settings_print(const struct feedback_settings *f, struct json_writer *w);

/* NULL: an unknown type. */
const struct feedback_type *feedback_type_find(const struct feedback_settings *f, struct str type);
/* "click, custom, ...", for errors; at most `size` bytes with the NUL. */
void feedback_type_names(const struct feedback_settings *f, char *out, size_t size);
/* What one act weighs: by its type, its value (1 where there was none) and its age. 0: of a type
 * that is unknown by now. */
double feedback_weight(const struct feedback_settings *f, struct str type, double value,
                       int64_t age_us);
/* Do the acts of one reader with one document count as reading it? `total`: their weights at age 0
 * added up, so that what counted once goes on counting. */
bool feedback_counts(const struct feedback_settings *f, double total);

#endif
