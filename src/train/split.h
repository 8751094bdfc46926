/* What is held out of a training set to judge by. Each split gives the set to train on, with the
 * same items, and cases: what a reader had read before, and what is to be found.
 *
 *   SPLIT_READERS  whole readers are held out; of what each liked 80 % is given, chosen by the
 *                  seed, the rest is to be found. Liang, Krishnan, Hoffman, Jebara: Variational
 *                  Autoencoders for Collaborative Filtering (WWW 2018), section 4.2
 *   SPLIT_TIME     everything from a moment on is held out, for all readers; what came before it is
 *                  given. Of readers who began after it, who are new, the first 80 % by time is
 *                  given: the model does not know it, but folds it in
 *   SPLIT_ITEMS    what was done with some documents is held out: they are new. The rest of what
 *                  their readers did is given, and trained on
 *
 * Who is held out, and what of theirs, follows from the seed, the reader's key, and the documents'
 * numbers alone, so it does not depend on who else is there; but for the bounds below (those with
 * the lowest digests are taken) and the moment of SPLIT_TIME. Validation and test have no reader in
 * common. Who has too little to be judged is trained on. */
#ifndef TRAIN_SPLIT_H
#define TRAIN_SPLIT_H

#include "recommend/training_set.h"

enum split_kind { SPLIT_READERS, SPLIT_TIME, SPLIT_ITEMS };
#define SPLIT_SEED 42
#define SPLIT_ACTS_MIN 5
#define SPLIT_SHARE .2
struct split_options {
    enum split_kind kind;
    double held_out; /* share; 0: .2. Of readers half to validate, half to test */
    /* Readers of each part. SPLIT_READERS: so many, if there are, instead of a share; 0: the share.
     * Else at most so many; 0: no bound. */
    uint32_t validation, test;
    /* SPLIT_READERS: with a share, no more than this many in each part; 0: no bound. */
    uint32_t part_max;
    uint64_t seed;
    uint32_t acts_min; /* liked documents of a reader that is judged, at least 2; 0: 5 */
};
struct split_case {
    uint32_t reader;             /* in the whole set */
    struct training_act *given;  /* by time */
    struct training_act *wanted; /* weight > 0; at least one */
    uint32_t given_count, wanted_count;
    bool reader_is_new; /* SPLIT_TIME: nothing of them in the training set */
};
struct split {
    struct training_set *train;           /* borrows items, numbers and vectors of the whole set */
    struct split_case *validation, *test; /* by reader */
    uint32_t validation_count, test_count;
    uint8_t *item_is_new; /* items: held out with all that was done; SPLIT_ITEMS and SPLIT_TIME */
    uint32_t items_new;
    int64_t after_us;           /* SPLIT_TIME: what was done then or later is held out */
    struct training_act *parts; /* of the cases */
};
/* `s` must outlive it. Cost: a few passes over the acts, and a copy of them. */
struct split *split_make(const struct training_set *s, const struct split_options *o);
void split_free(struct split *s); /* NULL is allowed */

#endif
