/* argument_list.h - an argument vector that grows, and response files.
 *
 * Running out of memory ends the program: there is nothing to clean up.
 */
#ifndef HWCKPT_CLANG_ARGUMENT_LIST_H
#define HWCKPT_CLANG_ARGUMENT_LIST_H

#include <stddef.h>

/* items[count] is always null, as execv() wants it. The strings are not owned
 * and never freed. */
struct argument_list {
  const char **items;
  size_t count, capacity;
};

void argument_list_add(struct argument_list *list, const char *argument);

/* Adds the text that format makes. */
void argument_list_addf(struct argument_list *list, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds argument; if it is "@FILE", what clang would read from FILE in its
 * place, files named in there too. As with clang, "@FILE" stands for itself
 * where the file cannot be read. */
void argument_list_add_expanded(struct argument_list *list,
                                const char *argument);

/* Writes all of list but the first to a response file in memory and makes of
 * list the first and "@" that file; it lives until this process, or what it
 * executes, ends. Returns 0, or -1 with errno. */
int argument_list_to_response_file(struct argument_list *list);

#endif
