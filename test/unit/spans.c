/* Interval lists against a plain array: resolving, dividing, ordering. */
// RUN: %unit/spans
// RUN: %unit/sanitized/spans
#include "Inputs/unit.h"

#include "runtime/cache/spans.h"

#define PAGES 600
static const uint64_t page = CACHE_PAGE_SIZE;

static struct span random_span(unsigned longest) {
  uint64_t begin = unit_random(PAGES - longest);
  uint64_t end = begin + 1 + unit_random(longest);
  uint64_t slot = unit_random(4) ? unit_random(100000) : SPAN_NO_SLOT;
  return (struct span){begin * page, end * page, slot};
}

/* array[i]: 0 nothing, 1 no slot, else slot + 2. */
static void paint(uint64_t *array, struct span span) {
  for (uint64_t i = span.begin / page; i < span.end / page; i++)
    array[i] =
        span.slot == SPAN_NO_SLOT ? 1 : span.slot + (i - span.begin / page) + 2;
}

static void check_same(const struct spans *spans, const uint64_t *expected) {
  uint64_t array[PAGES] = {0}, end = 0;
  for (size_t i = 0; i < spans_count(spans); i++) {
    struct span span = spans_at(spans)[i];
    CHECK(span.begin < span.end && (i == 0 || span.begin >= end));
    end = span.end;
    paint(array, span);
  }
  CHECK(memcmp(array, expected, sizeof(array)) == 0);
}

static void resolve_random(unsigned count, unsigned longest,
                           struct spans *spans, uint64_t *array) {
  for (unsigned i = 0; i < count; i++) {
    struct span span = random_span(longest);
    CHECK(spans_append(&unit_env, spans, span));
    paint(array, span);
  }
  CHECK(spans_resolve(&unit_env, spans));
  check_same(spans, array);
}

static void once(void) {
  struct spans a = {0}, b = {0}, inside = {0}, outside = {0};
  uint64_t array_a[PAGES] = {0}, array_b[PAGES] = {0};
  resolve_random(unit_random(60), 1 + unit_random(40), &a, array_a);
  resolve_random(unit_random(60), 1 + unit_random(40), &b, array_b);
  CHECK(spans_divide(&unit_env, &a, &b, &inside, &outside));
  uint64_t array_in[PAGES] = {0}, array_out[PAGES] = {0};
  for (size_t i = 0; i < PAGES; i++) {
    array_in[i] = array_a[i] && array_b[i] ? array_b[i] : 0;
    array_out[i] = array_b[i] ? 0 : array_a[i];
  }
  check_same(&inside, array_in);
  check_same(&outside, array_out);

  size_t count = spans_count(&a);
  CHECK(spans_sort_by_slot(&unit_env, &a) && spans_count(&a) == count);
  for (size_t i = 1; i < count; i++)
    CHECK(spans_at(&a)[i - 1].slot <= spans_at(&a)[i].slot);
  uint64_t sorted[PAGES] = {0};
  for (size_t i = 0; i < count; i++)
    paint(sorted, spans_at(&a)[i]);
  CHECK(memcmp(sorted, array_a, sizeof(sorted)) == 0);
  spans_free(&unit_env, &a);
  spans_free(&unit_env, &b);
  spans_free(&unit_env, &inside);
  spans_free(&unit_env, &outside);
}

int main(void) {
  for (int round = 0; round < 3000; round++)
    once();
  CHECK(unit_mapped() == 0);
  return 0;
}
