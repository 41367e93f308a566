/* rollback_files.c - see rollback_files.h. */
#include "rollback_files.h"

#include "../arch/sys.h"
#include "program_stderr.h"
#include "undo.h"

static void warn(const struct hwckpt_error *warning) {
  char text[1400];
  size_t length =
      hwckpt_error_text(warning, "hwckpt: warning", text, sizeof text);
  program_stderr_borrow();
  SYS(write, 2, text, length);
  program_stderr_return();
}

static struct undo_target target_of(const struct rollback_target *target) {
  return (struct undo_target){.cache = target->cache,
                              .application = target->application,
                              .generation = target->generation,
                              .warn = warn};
}

int rollback_files_look(const struct rollback_target *target,
                        struct undo_paths *paths, struct hwckpt_error *error) {
  const struct undo_target undo = target_of(target);
  return target->undo ? undo_paths_add(paths, &undo, error) : 0;
}

int rollback_files(const struct rollback_target *target,
                   struct hwckpt_error *error) {
  const struct undo_target undo = target_of(target);
  if (!target->undo)
    return 0;
  int result = undo_files(&undo, false, error);
  if (result == 0)
    undo_rolled_back(target->generation);
  return result;
}
