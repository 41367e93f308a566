/* A binary search tree: built, walked, taken down; recursion and pointers. */
#include "common.h"

struct node {
  struct node *less, *more;
  uint64_t key;
};

static struct node *insert(struct node *tree, struct node *node) {
  if (!tree)
    return node;
  if (node->key < tree->key)
    tree->less = insert(tree->less, node);
  else
    tree->more = insert(tree->more, node);
  return tree;
}

static uint64_t walk(const struct node *tree, uint64_t depth) {
  if (!tree)
    return 0;
  return walk(tree->less, depth + 1) + tree->key % 97 * depth +
         walk(tree->more, depth + 1);
}

int main(void) {
  enum { N = 30000 };
  struct node *nodes = make(N, sizeof *nodes), *tree = NULL;
  uint64_t state = 13, sum = 0;
  for (int turn = 0; turn < 9; turn++, tree = NULL) {
    for (int i = 0; i < N; i++) {
      nodes[i] = (struct node){.key = next_random(&state)};
      tree = insert(tree, &nodes[i]);
    }
    for (int i = 0; i < 4; i++)
      sum += walk(tree, 1);
  }
  return printf("%llu\n", (unsigned long long)sum) < 0;
}
