/* What is held out of a training set to judge by. Each split gives the set to train on, with the
 * same items, and cases: what a reader had read before, and what is to be found.
 *
 *   SPLIT_READERS  whole readers are held out, 80 % of what each did is given, the rest is to be
 *                  found. Liang, Krishnan, Hoffman, Jebara: Variational Autoencoders for
 *                  Collaborative Filtering (WWW 2018), section 4.2
 *   SPLIT_TIME     everything after a moment is held out, for all readers; readers who began after
 *                  it are new
 *   SPLIT_ITEMS    what was done with some documents is held out: they are new
 *
 * Who is held out follows from the seed and the reader's key alone (or the item's number), so it
 * does not depend on who else is there. */
#ifndef TRAIN_SPLIT_H
#define TRAIN_SPLIT_H

#include "recommend/training_set.h"

enum split_kind { SPLIT_READERS, SPLIT_TIME, SPLIT_ITEMS };
struct split_options {
    enum split_kind kind;
    double held_out; /* share; 0: .2 (readers: half to validate, half to test, disjoint) */
    uint32_t validation, test; /* SPLIT_READERS: so many instead of a share; 0: the share */
    uint64_t seed;             /* 42 */
    uint32_t acts_min;         /* of a reader that is judged; 0: 5 */
};
struct split_case {
    uint32_t reader;             /* in the whole set */
    struct training_act *given;  /* by time */
    struct training_act *wanted; /* weight > 0 */
    uint32_t given_count, wanted_count;
    bool reader_is_new; /* SPLIT_TIME: nothing of them in the training set */
};
struct split {
    struct training_set *train; /* borrows items, numbers and vectors of the whole set */
    struct split_case *validation, *test;
    uint32_t validation_count, test_count;
    uint8_t *item_is_new; /* items: held out with all that was done; SPLIT_ITEMS and SPLIT_TIME */
    int64_t after_us;     /* SPLIT_TIME */
};
struct split *split_make(const struct training_set *s, const struct split_options *o);
void split_free(struct split *s);

#endif
