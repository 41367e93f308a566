/* spans.c - interval lists: appending, resolving overlaps, ordering, dividing.
 *
 * Resolving is a bottom-up natural merge sort: program memory is put mostly in
 * ascending order, so most lists are a single run and cost one pass. Ordering
 * is a radix sort.
 */
#include "spans.h"

#include "cache.h"

#include <string.h>

bool spans_append(const struct cache_env *env, struct spans *spans,
                  struct span span) {
  size_t count = spans_count(spans);
  if (count) {
    struct span *last = &spans_at(spans)[count - 1];
    if (spans_continue(last, &span)) {
      last->end = span.end;
      return true;
    }
  }
  return buffer_append(env, &spans->buffer, &span, sizeof(span));
}

void spans_free(const struct cache_env *env, struct spans *spans) {
  buffer_free(env, &spans->buffer);
}

/* ---- merging runs ---- */

/* Lays b over a: what b covers of a is cut away. Every end of a piece is an
 * end of an original span, so n originals never make more than 2n - 1 pieces,
 * however often they are combined. */
static size_t overlay(const struct span *a, size_t a_count,
                      const struct span *b, size_t b_count, struct span *out) {
  size_t count = 0, i = 0;
  struct span rest = {0};
  bool have_rest = false;
  for (size_t j = 0; j < b_count; j++) {
    for (;;) {
      if (!have_rest) {
        if (i == a_count)
          break;
        rest = a[i++];
        have_rest = true;
      }
      if (rest.begin >= b[j].end)
        break;
      if (rest.begin < b[j].begin) {
        struct span before = rest;
        if (before.end > b[j].begin)
          before.end = b[j].begin;
        out[count++] = before;
      }
      if (rest.end <= b[j].end) {
        have_rest = false;
        continue;
      }
      rest.slot = span_slot(rest, b[j].end);
      rest.begin = b[j].end;
      break;
    }
    out[count++] = b[j];
  }
  if (have_rest)
    out[count++] = rest;
  while (i < a_count)
    out[count++] = a[i++];
  return count;
}

/* Collects where runs begin, and the end of the last. */
static bool find_runs(const struct cache_env *env, const struct spans *spans,
                      struct buffer *runs) {
  const struct span *at = spans_at(spans);
  size_t count = spans_count(spans);
  for (size_t i = 0; i <= count; i++) {
    bool edge = i == 0 || i == count || at[i - 1].end > at[i].begin;
    if (edge && !buffer_append(env, runs, &i, sizeof(i)))
      return false;
  }
  return true;
}

/* One pass: combines each pair of runs of `from` into one run of `to`, and
 * rewrites the edges. Returns the number of runs left. */
static size_t merge_pass(const struct span *from, struct span *to,
                         size_t *edges, size_t run_count) {
  size_t made = 0, length = 0;
  for (size_t run = 0; run < run_count; run += 2) {
    size_t begin = edges[run], middle = edges[run + 1];
    size_t end = run + 1 < run_count ? edges[run + 2] : middle;
    size_t put = overlay(from + begin, middle - begin, from + middle,
                         end - middle, to + length);
    edges[made++] = length; /* made <= run: its old value was read */
    length += put;
  }
  edges[made] = length;
  return made;
}

static bool merge_runs(const struct cache_env *env, struct spans *spans) {
  size_t count = spans_count(spans);
  struct buffer runs = {0}, other = {0};
  bool done = false;
  if (count < 2)
    return true;
  if (!find_runs(env, spans, &runs))
    goto out;
  size_t *edges = runs.data;
  size_t run_count = runs.length / sizeof(size_t) - 1;
  if (run_count > 1) {
    size_t room = 2 * count * sizeof(struct span);
    if (!buffer_reserve(env, &spans->buffer, room) ||
        !buffer_reserve(env, &other, room))
      goto out;
    while (run_count > 1) {
      run_count = merge_pass(spans->buffer.data, other.data, edges, run_count);
      other.length = edges[run_count] * sizeof(struct span);
      struct buffer swap = spans->buffer;
      spans->buffer = other;
      other = swap;
    }
  }
  done = true;
out:
  buffer_free(env, &runs);
  buffer_free(env, &other);
  return done;
}

/* Joins neighbours that go on in address and slot. */
static void join_neighbours(struct spans *spans) {
  struct span *at = spans_at(spans);
  size_t count = spans_count(spans), kept = 0;
  for (size_t i = 0; i < count; i++) {
    struct span *last = kept ? &at[kept - 1] : NULL;
    if (last && spans_continue(last, &at[i]))
      last->end = at[i].end;
    else
      at[kept++] = at[i];
  }
  spans->buffer.length = kept * sizeof(struct span);
}

bool spans_resolve(const struct cache_env *env, struct spans *spans) {
  if (!merge_runs(env, spans))
    return false;
  join_neighbours(spans);
  return true;
}

/* ---- ordering ---- */

#define DIGIT_BITS 11

static unsigned digit_of(uint64_t slot, unsigned shift) {
  return (unsigned)(slot >> shift) & ((1u << DIGIT_BITS) - 1);
}

/* One pass of the radix sort; keeps the order of equals. */
static void distribute(const struct span *from, struct span *to, size_t count,
                       unsigned shift) {
  size_t place[1u << DIGIT_BITS] = {0}, sum = 0;
  for (size_t i = 0; i < count; i++)
    place[digit_of(from[i].slot, shift)]++;
  for (unsigned digit = 0; digit < 1u << DIGIT_BITS; digit++) {
    size_t here = place[digit];
    place[digit] = sum;
    sum += here;
  }
  for (size_t i = 0; i < count; i++)
    to[place[digit_of(from[i].slot, shift)]++] = from[i];
}

bool spans_sort_by_slot(const struct cache_env *env, struct spans *spans) {
  size_t count = spans_count(spans);
  const struct span *at = spans_at(spans);
  struct buffer other = {0};
  uint64_t largest = 0;
  bool ordered = true;
  for (size_t i = 0; i < count; i++) {
    ordered &= i == 0 || at[i - 1].slot <= at[i].slot;
    largest = at[i].slot > largest ? at[i].slot : largest;
  }
  if (ordered)
    return true;
  if (!buffer_reserve(env, &other, spans->buffer.length))
    return false;
  for (unsigned shift = 0; shift < 64 && largest >> shift;
       shift += DIGIT_BITS) {
    distribute(spans->buffer.data, other.data, count, shift);
    other.length = spans->buffer.length;
    struct buffer swap = spans->buffer;
    spans->buffer = other;
    other = swap;
  }
  buffer_free(env, &other);
  return true;
}

/* ---- dividing ---- */

static size_t search(const struct span *spans, size_t low, size_t high,
                     uint64_t address) {
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (spans[middle].end <= address)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

size_t spans_behind(const struct spans *spans, uint64_t address) {
  return search(spans_at(spans), 0, spans_count(spans), address);
}

/* The first span from `at` on that ends behind the address, looked for with
 * steps that grow: near ones are found at once, far ones in O(log n). */
static size_t skip_to(const struct span *spans, size_t count, size_t at,
                      uint64_t address) {
  size_t step = 1, low = at;
  while (at < count && spans[at].end <= address) {
    low = at + 1;
    at += step;
    step *= 2;
  }
  return search(spans, low, at < count ? at : count, address);
}

bool spans_divide(const struct cache_env *env, const struct spans *spans,
                  const struct spans *cover, struct spans *inside,
                  struct spans *outside) {
  const struct span *by = spans_at(cover);
  size_t by_count = spans_count(cover), j = 0;
  for (size_t i = 0; i < spans_count(spans); i++) {
    struct span rest = spans_at(spans)[i];
    j = skip_to(by, by_count, j, rest.begin);
    /* A cover may reach into the next span as well, so j stays on it. */
    for (size_t k = j; k < by_count && by[k].begin < rest.end; k++) {
      struct span common = by[k];
      if (common.begin > rest.begin) {
        struct span before = rest;
        before.end = common.begin;
        if (!spans_append(env, outside, before))
          return false;
      } else {
        common.slot = span_slot(common, rest.begin);
        common.begin = rest.begin;
      }
      if (common.end > rest.end)
        common.end = rest.end;
      if (inside && !spans_append(env, inside, common))
        return false;
      rest.slot = span_slot(rest, common.end);
      rest.begin = common.end;
      if (rest.begin == rest.end)
        break;
      j = k + 1;
    }
    if (rest.begin < rest.end && !spans_append(env, outside, rest))
      return false;
  }
  return true;
}
