/* text.h - how names, times and amounts are written for people. Every string
 * that comes from a cache is escaped before it reaches a terminal. */
#ifndef HWCKPT_TEXT_H
#define HWCKPT_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Copies text, with control characters (and bytes that are no UTF-8) as \xNN;
 * cut where buffer ends. Returns buffer. */
char *text_escape(char *buffer, size_t size, const char *text);

/* As a word of a shell's command; cut where buffer ends. Control characters
 * stay as they are, in quotation marks in which text_escape() makes what the
 * shell takes for them (bash, zsh and ksh do). Returns buffer. */
char *text_shell_word(char *buffer, size_t size, const char *text);

/* "0 B", "4.0 KiB", "1.5 GiB". */
char *text_bytes(char *buffer, size_t size, uint64_t bytes);

/* "850 ns", "1.2 ms", "3.4 s", "2 h 5 min". */
char *text_duration(char *buffer, size_t size, uint64_t ns);

/* Local time, "2025-03-09 14:05:09". */
char *text_time(char *buffer, size_t size, uint64_t realtime_ns);

/* Length of the well-formed UTF-8 sequence at text (1 to 4), 0 when it is none.
 * Reads no byte behind a NUL. */
size_t text_utf8_length(const char *text);

#endif
