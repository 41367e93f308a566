/* terminal_content.h - what is on its way through a pseudo terminal, and its
 * settings. */
#ifndef HWCKPT_RESOURCES_TERMINAL_CONTENT_H
#define HWCKPT_RESOURCES_TERMINAL_CONTENT_H

#include "resource.h"

/* struct termios2 of the kernel (asm/termbits.h), whose header and libc's
 * exclude each other. */
struct terminal_settings {
  uint32_t input, output, control, local;
  unsigned char line, characters[19];
  uint32_t input_speed, output_speed;
};

/* One end of it each; `slave` is an open file of our own, with O_NONBLOCK. */
struct terminal_ends {
  int master, slave;
};

/* Kinds of content, the first byte of a record. */
enum terminal_part {
  TERMINAL_OUTPUT = 'o', /* what the master has not read */
  TERMINAL_LINE = 'l',   /* a line that the slave has not read, with its end */
  TERMINAL_CUT = 'e',    /* the same, ended by the end-of-file character */
  TERMINAL_INPUT = 'i',  /* what is no line yet, or of a terminal without */
  TERMINAL_STOPPED = 's' /* output is stopped (Ctrl-S) */
};

long terminal_get(int end, struct terminal_settings *settings);
long terminal_set(int end, const struct terminal_settings *settings);
/* Output goes on, however it was stopped. */
void terminal_go_on(int slave);

/* Takes all content out into `room` bytes at `to`, parts one after the other,
 * each a length (4 bytes), its kind and its bytes; returns their length, or a
 * negative errno. Leaves the settings of terminal_feed(). */
long terminal_drain(struct terminal_ends ends,
                    const struct terminal_settings *settings, char *to,
                    size_t room);
/* Before the first terminal_feed(); settings are those that the program has. */
long terminal_feed_begin(struct terminal_ends ends,
                         const struct terminal_settings *settings);
/* Puts a part in as it was; in the order of terminal_drain(). 0 or a negative
 * errno. */
long terminal_feed(struct terminal_ends ends,
                   const struct terminal_settings *settings,
                   enum terminal_part kind, const char *bytes, size_t length);

#endif
