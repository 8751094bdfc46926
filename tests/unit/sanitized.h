/* What this build does to tests: sanitizers make all of it some ten to fifty times slower, so
 * tests count less then; and what one thread does tells the thread sanitizer nothing. */
#ifndef TESTS_SANITIZED_H
#define TESTS_SANITIZED_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif

#if defined(__SANITIZE_THREAD__)
#define THREADS_ONLY 1
#else
#define THREADS_ONLY 0
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(SLOW_ASKED)
#define SLOW 1
#else
#define SLOW 0
#endif

#endif
