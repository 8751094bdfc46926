/* Parts of a JSON answer, as commands print them. */
#ifndef MAIN_ANSWER_H
#define MAIN_ANSWER_H

#include "base/json.h"

const char *text_of(const json_t *object, const char *key); /* "" if it has no such text */
double number_of(const json_t *object, const char *key);    /* 0 if it has no such number */
void print_json(const json_t *v);                           /* a line */

#endif
