/* A classifier from a labelled set: labels from features, for documents that have none.
 *
 * Documents fall into parts by a digest of their id (label_part_of): a share is held out to judge
 * by, of the rest a fifth chooses the penalty (by log loss, from strong to weak, each fit begun at
 * the one before) and the temperature that makes probabilities honest (Guo, Pleiss, Sun,
 * Weinberger: On Calibration of Modern Neural Networks, ICML 2017, 4.2); then the weights are
 * learned from all that is not held out. What serves is what was judged, and since a document stays
 * in its part, an active classifier has not seen what judges its successor either.
 *
 * Labels of fewer than CLASSIFIER_CLASS_MIN documents are left out. Where documents hold several
 * labels, accuracy is the mean over documents of |told and there| / |told or there| (Godbole,
 * Sarawagi 2004), told is what has a probability of .5; the majority is the most frequent label.
 *
 * The report, a JSON object:
 * {"kind":"classifier","label","multiple","seed","held_out","min_probability",
 *  "counts":{"documents","fitted","validation","test","classes"},
 *  "left_out":[{"label","documents"}], "left_out_count", "parameters":{"penalty","temperature"},
 *  "tried":[{"penalty","log_loss","steps"}],
 * "metrics":{"accuracy":{"mean","low","high"},"macro_f1", "log_loss","calibration_error"},
 * "majority":{"label","accuracy","macro_f1","difference","p"},
 *  "against_active":{"documents","accuracy","difference","p"} or null,
 *  "classes":[{"label","documents","support","precision","recall","f1"}], the most frequent first,
 *  at most 200, "promote","reason","seconds"}
 *
 * The gate: promoted is what is better than the majority (p < .05, paired randomisation test), and
 * not worse than the active one on the documents that neither has seen: its accuracy is not lower,
 * or lower by less than .02 with p >= .05. */
#ifndef TRAIN_CLASSIFIER_H
#define TRAIN_CLASSIFIER_H

#include "classify/classifier.h"
#include "train/recipe.h"

#define CLASSIFIER_CLASS_MIN 5
#define CLASSIFIER_DOCUMENTS_MIN 50

struct strbuf;
/* ERR_CONFLICT: too few documents or labels, with how many; ERR_FULL: over memory_max, said before
 * it is taken; ERR_CANCELLED; ERR_UNAVAILABLE: no OpenBLAS. `active`: NULL: none, or not of these
 * vectors. The same set and seed give the same classifier, whatever the threads. */
enum err classifier_train(const struct labelled_set *s, const struct classifier *active,
                          double held_out, const struct fit_options *o, struct classifier **out,
                          struct strbuf *report, struct err_info *e) MUST_CHECK;
/* The same of files. An active one that cannot be read is as if there were none. */
enum err classifier_train_file(const char *set_path, const char *active_path,
                               const char *model_path, double held_out, const struct fit_options *o,
                               struct strbuf *report, struct err_info *e) MUST_CHECK;

#endif
