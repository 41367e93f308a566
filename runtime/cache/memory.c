/* memory.c - growing arrays over cache_env, and the kernel's cache_env. */
#include "memory.h"

#include "../arch/sys.h"

#include <string.h>
#include <sys/mman.h>

#define BUFFER_MIN ((size_t)16 << 10) /* bytes of the first mapping */

bool buffer_reserve(const struct cache_env *env, struct buffer *buffer,
                    size_t length) {
  if (length <= buffer->capacity)
    return true;
  size_t capacity = buffer->capacity ? buffer->capacity : BUFFER_MIN;
  while (capacity < length) {
    if (capacity > SIZE_MAX / 2)
      return false;
    capacity *= 2;
  }
  void *data = env->map(capacity);
  if (!data)
    return false;
  if (buffer->length)
    memcpy(data, buffer->data, buffer->length);
  if (buffer->data)
    env->unmap(buffer->data, buffer->capacity);
  buffer->data = data;
  buffer->capacity = capacity;
  return true;
}

bool buffer_append(const struct cache_env *env, struct buffer *buffer,
                   const void *data, size_t length) {
  if (!buffer_reserve(env, buffer, buffer->length + length))
    return false;
  if (length)
    memcpy((char *)buffer->data + buffer->length, data, length);
  buffer->length += length;
  return true;
}

void buffer_free(const struct cache_env *env, struct buffer *buffer) {
  if (buffer->data)
    env->unmap(buffer->data, buffer->capacity);
  *buffer = (struct buffer){0};
}

#define HUGE_PAGE ((size_t)2 << 20)

static void *kernel_map(size_t length) {
  long address = SYS(mmap, 0, length, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address < 0 && address >= -4095)
    return NULL;
  /* The first touch of a list of many pages costs more than what is done with
   * it. */
  if (length >= HUGE_PAGE)
    SYS(madvise, address, length, MADV_HUGEPAGE);
  return (void *)address;
}

static void kernel_unmap(void *address, size_t length) {
  SYS(munmap, address, length);
}

const struct cache_env cache_env_kernel = {
    .io = &cache_io_kernel, .map = kernel_map, .unmap = kernel_unmap};
