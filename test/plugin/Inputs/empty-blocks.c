/* Loops whose first block holds nothing when code is generated for them. */
void outer(volatile int *p, int n) {
  for (;;)
    for (int i = 0; i < n; i++)
      if (*p == i)
        return;
}

void endless(void) {
  for (;;)
    ;
}

int nested(const unsigned char *s, int n) {
  int sum = 0;
again:
  while (n && *s == ' ')
    s++, n--;
  while (n && *s != ' ')
    sum += *s++, n--;
  if (n)
    goto again;
  return sum;
}

int states(const char *s) {
  int state = 0;
  for (;;)
    switch (state) {
    case 0:
      state = *s++ == 'a' ? 1 : 2;
      continue;
    case 1:
      if (!*s)
        return 1;
      state = 2;
      break;
    case 2:
      if (!*s)
        return 2;
      state = 0;
    }
}
