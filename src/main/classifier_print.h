/* What is said of a classifier on the command line: its recommender's answer as JSON. */
#ifndef MAIN_CLASSIFIER_PRINT_H
#define MAIN_CLASSIFIER_PRINT_H

#include "base/json.h"

/* One line, as others print recommenders. */
void classifier_print_line(const json_t *r);
/* With its report: accuracy, the majority's, each label, what was promoted and why. */
void classifier_print(const json_t *r);

#endif
