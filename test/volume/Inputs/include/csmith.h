/* csmith.h - what programs of csmith include; ours adds that they can be killed.
 *
 * With VOLUME_KILL=FILE in the environment a program that is about to print its
 * checksum writes it to FILE.1 and kills itself; where FILE.1 is there already,
 * to FILE.2, and so on up to VOLUME_KILLS. Restored, it finds the file and goes
 * on. So every checkpoint taken on the way is one to restore from, and the
 * checksum of the program that was checkpointed is known as well. */
#ifndef VOLUME_CSMITH_H
#define VOLUME_CSMITH_H

/* By this name it has no sites: those of the program itself are what counts. */
#define crc32_gentab __hwckpt_crc32_gentab
#include_next <csmith.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void die_once(uint32_t checksum) {
  const char *file = getenv("VOLUME_KILL"), *kills = getenv("VOLUME_KILLS");
  for (int kill = 1; file && kills && kill <= atoi(kills); kill++) {
    char path[4096];
    snprintf(path, sizeof path, "%s.%d", file, kill);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd < 0)
      continue;
    dprintf(fd, "checksum = %X\n", checksum);
    close(fd);
    raise(SIGKILL);
  }
}

static void end_or_die(uint32_t checksum, int details) {
  die_once(checksum);
  platform_main_end(checksum, details);
}
#define platform_main_end end_or_die

#endif
