#include <cstdio>

namespace app {
template <class Number> struct Series {
  Number at;
  __attribute__((noinline)) Number advance(Number limit) {
    while (at < limit) {
      std::printf("%d\n", int(at));
      at += Number(1);
    }
    return at;
  }
};
} // namespace app

int main(int argc, char **) {
  app::Series<double> series{0};
  return series.advance(argc) < argc;
}
