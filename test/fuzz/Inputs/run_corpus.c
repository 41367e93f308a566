/* run_corpus.c - a main() for the fuzz targets without libFuzzer: runs every
 * file named, and every file in the folders named, once. For `make check`.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned run_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file)
    return 0;
  static uint8_t bytes[1 << 20];
  size_t length = fread(bytes, 1, sizeof(bytes), file);
  fclose(file);
  /* Memory of exactly its size, so that a sanitizer sees its end. */
  uint8_t *exact = malloc(length ? length : 1);
  if (!exact)
    return 0;
  memcpy(exact, bytes, length);
  LLVMFuzzerTestOneInput(exact, length);
  free(exact);
  return 1;
}

static unsigned run(const char *path) {
  DIR *folder = opendir(path);
  if (!folder)
    return run_file(path);
  unsigned count = 0;
  for (struct dirent *entry; (entry = readdir(folder));) {
    char below[4096];
    snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
    if (entry->d_name[0] != '.')
      count += run_file(below);
  }
  closedir(folder);
  return count;
}

int main(int argc, char **argv) {
  unsigned count = 0;
  for (int i = 1; i < argc; i++)
    count += run(argv[i]);
  printf("%u inputs\n", count);
  return count ? 0 : 1;
}
