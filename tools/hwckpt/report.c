/* report.c - how hwckpt says what went wrong. All of it goes to stderr: stdout
 * belongs to the program, or to the answer that was asked for. */
#include "command.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Writes "who: HWCKPT-E...: what: object: detail\n  remedy: ...\n". */
static void error_text(const struct hwckpt_error *error, const char *who,
                       char *text, size_t size) {
  struct hwckpt_error clean = *error;
  text_escape(clean.object, sizeof clean.object, error->object);
  text_escape(clean.detail, sizeof clean.detail, error->detail);
  hwckpt_error_text(&clean, who, text, size);
}

/* Behind what is in the file that it goes to, if any: a restored program writes
 * there too, at an offset of its own. Never nearer to the beginning: the file
 * may be one that other programs share, and their checkpoints know how long it
 * was. */
static void print(const char *text) {
  struct stat file;
  fflush(stdout);
  if (fstat(STDERR_FILENO, &file) == 0 && S_ISREG(file.st_mode) &&
      lseek(STDERR_FILENO, 0, SEEK_CUR) < file.st_size)
    lseek(STDERR_FILENO, 0, SEEK_END);
  fputs(text, stderr);
}

static void print_error(const struct hwckpt_error *error, const char *who) {
  char text[2048];
  error_text(error, who, text, sizeof text);
  print(text);
}

int report_error(const struct hwckpt_error *error) {
  print_error(error, "hwckpt");
  return error->code == HWCKPT_E_USAGE ? EXIT_USAGE : EXIT_TOOL;
}

void report_warning(const struct hwckpt_error *error) {
  print_error(error, "hwckpt: warning");
}

void report_note(const char *format, ...) {
  char *text, *line;
  va_list args;
  va_start(args, format);
  int length = vasprintf(&text, format, args);
  va_end(args);
  if (length < 0)
    return;
  size_t size = 4 * (size_t)length + 5; /* were each escaped */
  char *clean = malloc(size);
  if (clean &&
      asprintf(&line, "hwckpt: %s\n", text_escape(clean, size, text)) >= 0) {
    print(line);
    free(line);
  }
  free(clean);
  free(text);
}

int report_usage(const struct command *command, const char *object,
                 const char *format, ...) {
  char detail[512];
  va_list args;
  va_start(args, format);
  vsnprintf(detail, sizeof detail, format, args);
  va_end(args);
  struct hwckpt_error error = {0};
  hwckpt_fail(&error, HWCKPT_E_USAGE, 0, object, "%s", detail);
  char text[2048];
  error_text(&error, "hwckpt", text, sizeof text);
  /* The catalogue's remedy is the help; here it is known which. */
  fprintf(stderr, "%.*s\n  remedy: see `hwckpt help%s%s`\n",
          (int)strcspn(text, "\n"), text, command ? " " : "",
          command ? command->name : "");
  return EXIT_USAGE;
}
