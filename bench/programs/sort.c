/* Quicksort with insertion sort below, and a heap sort of the same. */
#include "common.h"

enum { N = 160000 };

static void quicksort(uint32_t *first, uint32_t *last) {
  while (last - first > 16) {
    uint32_t pivot = first[(last - first) / 2], *low = first, *high = last - 1;
    while (low <= high) {
      while (*low < pivot)
        low++;
      while (*high > pivot)
        high--;
      if (low <= high) {
        uint32_t other = *low;
        *low++ = *high;
        *high-- = other;
      }
    }
    quicksort(first, high + 1);
    first = low;
  }
  for (uint32_t *i = first + 1; i < last; i++) {
    uint32_t value = *i, *to = i;
    for (; to > first && to[-1] > value; to--)
      *to = to[-1];
    *to = value;
  }
}

static void sift(uint32_t *heap, size_t at, size_t count) {
  for (size_t child; (child = 2 * at + 1) < count; at = child) {
    if (child + 1 < count && heap[child] < heap[child + 1])
      child++;
    if (heap[at] >= heap[child])
      return;
    uint32_t other = heap[at];
    heap[at] = heap[child];
    heap[child] = other;
  }
}

int main(void) {
  uint32_t *a = make(N, sizeof *a), *b = make(N, sizeof *b);
  uint64_t state = 19, sum = 0;
  for (int i = 0; i < N; i++)
    a[i] = b[i] = (uint32_t)next_random(&state);
  quicksort(a, a + N);
  for (size_t i = N / 2; i-- > 0;)
    sift(b, i, N);
  for (size_t end = N; end-- > 1;) {
    uint32_t other = b[0];
    b[0] = b[end];
    b[end] = other;
    sift(b, 0, end);
  }
  for (int i = 0; i < N; i++)
    sum = sum * 31 + (a[i] ^ b[i]) + a[i];
  return printf("%llu\n", (unsigned long long)sum) < 0;
}
