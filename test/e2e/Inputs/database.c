/* Reads statements of SQL, a line each, from the file argv[2], and has sqlite
 * carry them out on the database argv[1]: sqlite3 in small. */
#include <sqlite3.h>
#include <stdio.h>

int main(int argc, char **argv) {
  static char line[1 << 16];
  sqlite3 *database;
  FILE *file = argc == 3 ? fopen(argv[2], "r") : 0;
  if (!file || sqlite3_open(argv[1], &database))
    return 1;
  while (fgets(line, sizeof line, file)) {
    char *why;
    if (sqlite3_exec(database, line, 0, 0, &why)) {
      fprintf(stderr, "%s: %s\n", line, why);
      return 1;
    }
  }
  return sqlite3_close(database) != 0;
}
