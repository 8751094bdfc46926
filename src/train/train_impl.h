/* Private to train.c and train_report.c. */
#ifndef TRAIN_TRAIN_IMPL_H
#define TRAIN_TRAIN_IMPL_H

#include "base/str.h"
#include "train/evaluate.h"
#include "train/rank.h"
#include "train/train.h"

/* One training. */
struct training {
    const struct training_set *s;
    struct train_options o;
    struct recipe active;
    bool has_active;
    bool slow;                      /* few parameters are tried */
    bool sampled;                   /* they are tried on some of the readers */
    bool large;                     /* nothing is fitted for new documents and readers alone */
    uint32_t liked_two, liked_some; /* readers by how many documents they like: 2, SPLIT_ACTS_MIN */
    struct steps steps;
    struct evaluation main, items, time; /* count 0: was not made */
    struct recipe best;
    struct ranking ranking; /* if there are answers */
    struct strbuf left_out;
    size_t bytes; /* the largest estimate */
    int64_t began_ns;
};

/* The object of train.h. */
void training_report(const struct training *t, struct strbuf *out);

#endif
