/* info.h - texts of /proc, line by line: kinds whose state the kernel tells
 * nowhere else. Without allocation; any length. */
#ifndef HWCKPT_RESOURCES_INFO_H
#define HWCKPT_RESOURCES_INFO_H

#include "../error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct info {
  int fd;
  bool at_end;       /* all is read */
  size_t begin, end; /* what of text is read and not given out yet */
  char text[2048];
};

/* Whose descriptors, status and directories are the program's: the main
 * thread's, which cannot be asked once it has ended, or (not 0) another's. */
void info_look_at(int tid);
/* Its id. */
int info_thread(void);
/* The path of what it has: of "status" and so on. */
void info_path(char path[64], const char *name, ...)
    __attribute__((format(printf, 2, 3)));

/* Descriptors that no table of the program has but our own, for a look: those
 * that are on their way in sockets. They are given numbers that go on behind
 * the highest of the program's. At most INFO_HELD. */
#define INFO_HELD 1024
void info_hold_from(int number);
/* The number it has from then on; -1: there are too many. Takes the descriptor
 * over. */
int info_hold(int own);
/* Our own descriptor of that number, -1: the program has it. */
int info_held(int number);
void info_let_go(void);

/* What /proc says of a descriptor: its path in "fd" or "fdinfo". */
void info_descriptor(char path[64], const char *what, int number);
/* The thread whose table has it, and its number there, for kcmp(2). */
int info_table(int number, int *there);

/* Opens a text; 0 or a negative errno. */
long info_open_path(struct info *info, const char *path);
/* A text in a directory. */
long info_open_in(struct info *info, int directory, const char *name);
/* The text about descriptor `number`. */
long info_open(struct info *info, int number);
/* The next line, without its end; null behind the last. It lives until the next
 * call. A line longer than the buffer is cut. */
const char *info_line(struct info *info);
/* The one behind the next line that begins with key: a table's first. */
const char *info_line_after(struct info *info, const char *key);
/* Whether the line is a row of a table, which begins with its number. */
bool info_is_row(const char *line);
void info_close(struct info *info);

/* Calls visit for every number in /proc/self/fd, ascending; 0 or a negative
 * errno. The descriptor that reads them may be among them. */
long info_each_descriptor(void (*visit)(int number, void *context),
                          void *context);
/* The same for the numbers among the names in a directory of /proc. */
long info_each_number(const char *path,
                      void (*visit)(int number, void *context), void *context);
/* Whether another process has the object open; false, too, where we may not
 * look. */
bool info_process_has(int process, const struct stat *object);

/* Whether the text begins with key. */
bool info_begins(const char *text, const char *key);
/* The number of that base (8, 10, 16) behind the first `key` of the text and
 * blanks or brackets; false when there is none. */
bool info_number(const char *text, const char *key, unsigned base,
                 uint64_t *value);
/* The same of the text about a descriptor: the first line with the key. */
bool info_find(int number, const char *key, unsigned base, uint64_t *value);
/* personality(2) of the thread that info_look_at() says: each has its own. */
bool info_personality(uint64_t *value);

#endif
