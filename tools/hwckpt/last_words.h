/* last_words.h - what is said when a program was killed: how to go on. */
#ifndef HWCKPT_LAST_WORDS_H
#define HWCKPT_LAST_WORDS_H

#include <stdint.h>
#include <sys/types.h>

/* Whose death it is. */
struct deceased {
  const char *program;     /* for people */
  const char *cache;       /* its path */
  const char *application; /* null: to be found by pid */
  pid_t pid;
  uint64_t since_ns; /* CLOCK_REALTIME of its start */
};

uint64_t realtime_ns(void);

/* When the wait status says death by signal, and there is a generation to go on
 * from, prints one line that says so. */
void last_words(const struct deceased *deceased, int status);

#endif
