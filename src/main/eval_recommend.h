/* The parts of `akin eval recommend`: a set from files, contenders judged on one or more seeded
 * splits of it, and what is printed. One thread; judging itself uses all. */
#ifndef MAIN_EVAL_RECOMMEND_H
#define MAIN_EVAL_RECOMMEND_H

#include "base/err.h"
#include "base/str.h"
#include "main/command.h"
#include "train/evaluate.h"
#include "train/plain.h"

enum { EVAL_SEEDS_MAX = 20 };

/* What was asked for, and what came of it. */
struct eval_recommend {
    const char *path;
    struct plain_set set; /* arena NULL: names are numbers, of a training set's file */
    struct evaluate_options o;
    struct recipe recipe; /* --recipe: o.chosen */
    unsigned seeds;
    struct evaluation all;            /* the cases of all seeds */
    double validated[CONTENDERS_MAX]; /* sum over the seeds, by the places of `all` */
    struct strbuf tried;              /* JSON: an object a seed, with commas between */
    struct strbuf chosen;             /* text: a line a kind and seed */
    struct err_info left_out;
    const char *run;   /* --run; NULL */
    const char *cases; /* --cases; NULL */
};

/* eval_recommend_set.c: FILE, --format, --liked-from, --vectors. Errors name file and line. */
enum err eval_set_read(const struct args *a, struct eval_recommend *v,
                       struct err_info *e) MUST_CHECK;
void eval_set_release(struct eval_recommend *v);
const char *eval_set_user(const struct eval_recommend *v, uint32_t reader, char room[24]);
const char *eval_set_item(const struct eval_recommend *v, uint32_t item, char room[24]);

/* eval_recommend_runs.c: of one seed's evaluation, FILE.NAME.run a contender and FILE.qrels, as
 * TREC has them; `more` is added to what is there. With several seeds a query is USER/SEED. */
enum err eval_runs_write(const struct eval_recommend *v, const struct evaluation *one,
                         uint64_t seed, bool more, struct err_info *e) MUST_CHECK;
/* x.run and "ease" make x.ease.run; free(). */
char *eval_run_path(const char *path, const char *name);

/* eval_recommend_cases.c: what one seed holds out, so that others can be judged on the same. A JSON
 * line a case, those of a seed together:
 *
 *   {"seed":42,"part":"validation"|"test","reader":ID,"given":[ID...],"wanted":[ID...]}
 *
 * with "turned_down":[ID...], also given, if there is any. Split by readers, who has a line is not
 * trained on at all, and who has none with all they did. Otherwise what is wanted is what is not
 * trained on, and {"seed":42,"part":"new documents","documents":[ID...]} stands ahead: with nothing
 * that was done with those. */
enum err eval_cases_write(const struct eval_recommend *v, const struct split *s, uint64_t seed,
                          bool more, struct err_info *e) MUST_CHECK;

/* eval_recommend_print.c */
int eval_best(const struct eval_recommend *v); /* of the kinds asked for, by validation; -1 */
void eval_recommend_print(const struct eval_recommend *v);
void eval_recommend_json(const struct eval_recommend *v);
/* Notes of one seed what was tried and chosen. */
void eval_note_seed(struct eval_recommend *v, const struct evaluation *one, uint64_t seed);

#endif
