/* What a candidate is judged by: as score expressions and the ranker (rank_trees.h) read it, and as
 * the log of answers keeps it. Files have the numbers: new ones come at the end. */
#ifndef RECOMMEND_FEATURE_H
#define RECOMMEND_FEATURE_H

enum recommend_feature {
    FEATURE_MODEL,    /* the model's score, known and new documents on one scale */
    FEATURE_PROFILE,  /* (cos - mean) / (1 - mean) with the content profile */
    FEATURE_SESSION,  /* V-SKNN */
    FEATURE_POPULAR,  /* 0 ... 1, decayed slowly */
    FEATURE_TRENDING, /* 0 ... 1, decayed fast */
    FEATURE_BROUGHT,  /* the first of the uploaded scores that the score expression names */
    FEATURE_AGE,      /* days since it was created */
    FEATURE_SHOWN,    /* how often it was shown to this reader lately and not taken */

    /* Of the default blend alone, after it: no expression has them. */
    FEATURE_KNOWN,     /* 1: readers taught the model what it says; 0: the text did */
    FEATURE_ACTS,      /* documents that the reader had to do with, of those that count */
    FEATURE_RELEVANCE, /* the blend's score */
    FEATURE_RANK,      /* its place by that, from 0, before ranker and rules */

    /* Of the default blend too; the ranker does not read them. */
    FEATURE_KIND,   /* enum model_kind of what scored: scores of two kinds are not on one scale */
    FEATURE_RANKED, /* what the ranker gave it; NaN: none was on */
    FEATURE_COUNT,
};
#define FEATURE_NAMED (FEATURE_SHOWN + 1)       /* those before it are in score expressions */
#define FEATURE_RANKER_READS (FEATURE_RANK + 1) /* those before it */
/* "model" ...: the names in score expressions, in reports and in exported logs. */
extern const char *const recommend_feature_names[FEATURE_COUNT];

#endif
