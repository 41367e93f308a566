/* system_v_objects.h - one System V object: whether it is there, making it,
 * giving it the content that it had. */
#ifndef HWCKPT_SYSTEM_V_OBJECTS_H
#define HWCKPT_SYSTEM_V_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ipc.h>
#include <sys/types.h>

enum system_v_kind { SYSTEM_V_SEGMENT, SYSTEM_V_SET, SYSTEM_V_MESSAGES };
extern const char *const system_v_words[];

enum system_v_state {
  SYSTEM_V_LEFT,  /* there, and nobody uses it */
  SYSTEM_V_GONE,  /* neither its id nor its key is taken */
  SYSTEM_V_TAKEN, /* by something else, or by somebody else */
};

struct system_v_content {
  const void *data;
  size_t length;
};

struct system_v_object {
  enum system_v_kind kind;
  int id;
  key_t key;
  uint64_t size; /* bytes; semaphores; msg_qbytes */
  unsigned mode;
  uid_t user;
  gid_t group;
  bool owned;   /* user and group are known */
  bool removed; /* goes with the last that is attached */
  /* Extents, or the values, or messages; the data is not ours. */
  struct system_v_content *content;
  size_t contents;
  enum system_v_state state;
  bool made;
};

enum system_v_state system_v_look(const struct system_v_object *object);
/* Its id, or a negative errno. */
int system_v_create(const struct system_v_object *object);
/* Whatever it held: gives it the content, mode and owner. 0, or a negative
 * errno and what failed. */
int system_v_fill(const struct system_v_object *object, const char **what);
void system_v_remove(enum system_v_kind kind, int id);

#endif
