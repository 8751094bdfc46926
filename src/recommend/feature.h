/* What a candidate is judged by: as score expressions and the ranker read it, and as the log of
 * answers keeps it. */
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
    FEATURE_COUNT,
};
/* "model" ...: the names in score expressions and in exported logs. */
extern const char *const recommend_feature_names[FEATURE_COUNT];

#endif
