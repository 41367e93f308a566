/* Saves, and says by a file that it is up: FOLDER/up, or FOLDER/back in one
 * that was restored. */
#include "behaviour.h"
int main(int count, char **arguments) {
  char path[4096];
  CHECK(count == 2);
  int back = came_back();
  snprintf(path, sizeof path, "%s/%s", arguments[1], back ? "back" : "up");
  CHECK(close(creat(path, 0600)) == 0);
  sleep(60);
  return 0;
}
