/* The ranker: LambdaMART (Burges: From RankNet to LambdaRank to LambdaMART, MSR-TR-2010-82) on the
 * answers of the log that readers did something with. A group is an answer; what is learned is to
 * put what was taken before what was not, by what each document was judged by when it was shown.
 *
 *   gain        of a slot: what the reader did with it and named this answer for, by the weights of
 *               the types; nothing or dislikes: 0. All slots of an answer count, seen or not
 *   position    what stands higher is seen by more. Where slots were filled by chance, position
 *               alone explains how often they were taken: with EXPLORED_MIN such acts the chance of
 *               being seen is fitted as (position + 1)^-x, 0 <= x <= 2, and each gain is weighted
 *               by its inverse, at most WEIGHT_MAX (Joachims, Swaminathan, Schnabel: Unbiased
 *               Learning-to-Rank with Biased Feedback, WSDM 2017). With fewer x is 0: then what was
 *               shown first keeps an advantage, and the gate below errs towards "not on"
 *   what is in  answers of the default blend by a model of the same kind (scores of two kinds are
 *               not on one scale); pins are left out
 *   split       by reader: a fifth to test, a fifth to validate; by the seed and the reader's key
 *   tried       trees of three depths, each as many as did best on validation
 *   lambdas     of all pairs of an answer, each with the change of NDCG. They are computed here and
 *               not by the library's rank:ndcg, which draws pairs by chance and cannot weigh one
 *               slot of a group
 *
 * The gate. On test readers, each one's mean over their answers, NDCG@10 with the gains weighted as
 * above: a ranker is on only if it is better than the order of the scores, and better than the
 * order as served (which may hold what rules and exploration made of it), each with p < .05 by a
 * paired randomisation test. Where most answers were ranked already, of what was served it is
 * enough not to be worse (within GATE_MARGIN, p >= .05). Below RANK_READERS_MIN readers nothing is
 * trained. */
#ifndef TRAIN_RANK_H
#define TRAIN_RANK_H

#include "base/err.h"
#include "recommend/answers.h"
#include "recommend/model.h"
#include "train/measure.h"
#include "train/steps.h"

#define RANK_READERS_MIN 200u
#define RANK_EXPLORED_MIN 100u
#define RANK_WEIGHT_MAX 10.
#define RANK_DEPTH 10u /* NDCG@10 */
#define RANK_TRIALS 3u

struct rank_trees;
enum rank_order { RANK_BY_RANKER, RANK_AS_SERVED, RANK_BY_SCORE, RANK_ORDERS };
struct rank_trial {
    unsigned depth, trees; /* trees 0: none did better than no tree */
    double ndcg;           /* on validation */
};
struct ranking {
    bool on;
    char reason[400];
    struct rank_trees *trees;                  /* of the best, on or not; NULL: none were made */
    uint32_t answers;                          /* that can be learned from */
    uint32_t readers, train, validation, test; /* of those */
    uint32_t explored;                         /* acts on slots that were drawn by chance */
    double exponent;                           /* x */
    bool served_ranked;                        /* most test answers came from a ranker */
    struct rank_trial tried[RANK_TRIALS];
    unsigned tried_count, best;
    double ndcg[RANK_ORDERS];                        /* on test */
    struct measured_difference against[RANK_ORDERS]; /* the ranker's less theirs */
    double gains[FEATURE_RANKER_READS]; /* share of what all splits gained; 0 without */
    double seconds;
};
/* ERR_CANCELLED. All else that keeps one from being made is a reason. `out->trees` is the caller's.
 * The same answers and seed give the same ranking. A second for 50,000 slots. */
enum err rank_train(const struct answers *a, enum model_kind kind, uint64_t seed,
                    struct steps *steps, struct ranking *out, struct err_info *e) MUST_CHECK;

/* {"on", "reason", "answers", "readers": {"all", "train", "validation", "test"},
 *  "position": {"acts", "exponent"}, "tried": [{"depth", "trees", "ndcg@10"}],
 *  "metrics": {"ranker", "served", "score"}, NDCG@10; null: not judged
 *  "against": [{"order", "mean", "low", "high", "p"}], "features": {"rank": .4, ...}, "seconds"} */
struct json_writer;
void rank_report(struct json_writer *w, const struct ranking *r);

#endif
