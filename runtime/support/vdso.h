/* vdso.h - the functions that the kernel maps into every process (vdso(7)).
 *
 * A program remembers where they are. Restored under a kernel whose image is
 * another, it finds at those addresses ways to the functions of now: that takes
 * an entry point each, which is what is recorded (Area.functions).
 */
#ifndef HWCKPT_SUPPORT_VDSO_H
#define HWCKPT_SUPPORT_VDSO_H

#include <stddef.h>
#include <stdint.h>

/* In the order of Area.functions, which a new one is added behind. */
enum vdso_function {
  VDSO_CLOCK_GETTIME,
  VDSO_GETTIMEOFDAY,
  VDSO_TIME,
  VDSO_GETCPU,
  VDSO_CLOCK_GETRES,
  VDSO_GETRANDOM,
  VDSO_FUNCTIONS
};

/* Finds them in the image, `size` bytes: distances from its begin, 0 where it
 * has none. The image is believed no further than its size. */
void vdso_find(const void *image, size_t size, uint32_t at[VDSO_FUNCTIONS]);

/* Copies the image's GNU build-id; its length, 0: it has none that fits. */
size_t vdso_build_id(const void *image, size_t size, uint8_t *id, size_t room);

#endif
