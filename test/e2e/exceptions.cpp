// C++ exceptions.
// RUN: %clangxx -fhwckpt -O2 %s -o %t && %python %S/Inputs/kill-and-restore --hwckpt %hwckpt --dir %t.dir -- %t
#include <cstdio>
#include <map>
#include <stdexcept>
#include <string>
struct Guard {
  unsigned long &n;
  ~Guard() { n = n * 7 + 1; }
};
static unsigned long unwound = 0;
[[gnu::noinline]] static int down(int depth, int n) {
  Guard guard{unwound};
  if (depth == 0) {
    if (n % 3 == 0)
      throw std::runtime_error("n" + std::to_string(n));
    throw n;
  }
  return down(depth - 1, n) + 1;
}
int main() {
  std::map<std::string, unsigned long> seen;
  for (int i = 0; i < 300000; i++) {
    try {
      try {
        down(i % 7 + 1, i);
      } catch (int n) {
        seen["int"] += static_cast<unsigned>(n);
        if (n % 2)
          throw;
      }
    } catch (const std::exception &e) {
      seen[std::string(e.what()).substr(0, 3)]++;
    } catch (...) {
      seen["again"]++;
    }
    if (i % 20000 == 0)
      std::printf("%d %lx %zu\n", i, unwound, seen.size());
  }
  for (auto &[k, v] : seen)
    std::printf("%s %lu\n", k.c_str(), v);
  return 6;
}
