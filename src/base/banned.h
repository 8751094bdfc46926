/* Functions that have no place in akin, as compile errors (the idea: git's banned.h). Those that
 * write without a bound, those that keep their state in a static buffer, and what goes past
 * clock.h and rng.h. Included by err.h, so by everything; unit tests, which may build a text as
 * they like, are compiled with AKIN_TEST (tests/unit/base/meson.build). */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#ifndef AKIN_TEST

/* Their declarations must come before the macros. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BANNED(name) sorry_##name##_is_banned_see_base_banned_h

#undef strcpy
#define strcpy(to, from) BANNED(strcpy)
#undef strcat
#define strcat(to, from) BANNED(strcat)
#undef sprintf
#define sprintf(...) BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf)
#undef strtok
#define strtok(s, separators) BANNED(strtok)
#undef gmtime
#define gmtime(t) BANNED(gmtime)
#undef localtime
#define localtime(t) BANNED(localtime)
#undef ctime
#define ctime(t) BANNED(ctime)
#undef asctime
#define asctime(t) BANNED(asctime)
#undef rand
#define rand() BANNED(rand)

#endif

#endif
