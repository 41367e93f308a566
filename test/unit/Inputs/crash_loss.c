/* crash_loss.c - which disks a loss of power may leave (crash_disk.h). */
#include "crash_record.h"

#define SECTOR 512u
#define CHOICES 256

static struct disk before, at_end;

void crash_begin(void) {
  unit_queue_pwrite = crash_pwrite;
  crash_copy(&before, &crash_now);
  crash_recording = true;
}

void crash_end(void) {
  crash_recording = false;
  crash_copy(&at_end, &crash_now);
  CHECK(at_end.file_count <= FILES / 2);
  CHECK(at_end.directory_count <= DIRECTORIES / 2);
}

unsigned crash_made(const char *name) {
  unsigned made = 0;
  for (size_t i = 0; i < crash_recorded; i++)
    made += crash_record[i].action == NAME &&
            strcmp(crash_record[i].text, name) == 0;
  return made;
}

const struct crash_effort *crash_effort(void) {
  static const struct crash_effort check = {4, 2, 8, 0};
  static const struct crash_effort stress = {12, 400, UINT16_MAX, 3};
  const char *chosen = getenv("HWCKPT_STRESS");
  return chosen && *chosen == '1' ? &stress : &check;
}

/* ---- what is pending ---- */

static bool is_of_names(const struct operation *operation) {
  return operation->action == NAME || operation->action == UNNAME ||
         operation->action == RENAME || operation->action == MKDIR;
}

static bool is_sync(const struct operation *operation) {
  return operation->action == SYNC || operation->action == SYNC_NAMES;
}

static bool makes_durable(const struct operation *sync,
                          const struct operation *other) {
  if (sync->action == SYNC_NAMES)
    return is_of_names(other) && other->directory == sync->directory;
  return !is_of_names(other) && !is_sync(other) && other->file == sync->file;
}

/* Of the u64 at the begin of lock, readers, writers and numbers. */
static bool is_counter_write(const struct operation *operation) {
  return operation->action == WRITE && operation->offset == 0 &&
         operation->length == sizeof(uint64_t);
}

static bool same_counter(const struct operation *a, const struct operation *b) {
  return is_counter_write(a) && is_counter_write(b) && a->file == b->file;
}

/* What a device may do or not: one operation, or which write of a counter was
 * the last that it did. */
struct choice {
  size_t operations[CRASH_OPERATIONS];
  unsigned count;
};

static struct {
  size_t end;
  bool settled[CRASH_OPERATIONS]; /* is durable */
  struct choice choices[CHOICES];
  unsigned count;
  unsigned of[CRASH_OPERATIONS]; /* of a pending one, its choice */
  unsigned kept[CHOICES];        /* how many of its operations count; 0: none */
} window;

static struct choice *choice_of(size_t at) {
  for (unsigned i = 0; i < window.count; i++)
    if (same_counter(&crash_record[at],
                     &crash_record[window.choices[i].operations[0]]))
      return &window.choices[i];
  CHECK(window.count < CHOICES);
  window.choices[window.count].count = 0;
  return &window.choices[window.count++];
}

/* Its name is gone for good, and whoever had it open is too. */
static bool is_gone(const struct operation *operation, size_t end) {
  if (is_of_names(operation) || is_sync(operation))
    return false;
  for (size_t i = 0; i < end; i++)
    if (window.settled[i] && crash_record[i].action == UNNAME &&
        crash_record[i].file == operation->file)
      return true;
  return false;
}

static void look_at(size_t end) {
  window.end = end;
  window.count = 0;
  for (size_t i = 0; i < end; i++) {
    window.settled[i] = false;
    for (size_t j = i + 1; j < end && !window.settled[i]; j++)
      window.settled[i] = is_sync(&crash_record[j]) &&
                          makes_durable(&crash_record[j], &crash_record[i]);
  }
  for (size_t i = 0; i < end; i++) {
    window.settled[i] |= is_gone(&crash_record[i], end);
    if (window.settled[i] || is_sync(&crash_record[i]))
      continue;
    struct choice *choice = choice_of(i);
    choice->operations[choice->count++] = i;
    window.of[i] = (unsigned)(choice - window.choices);
  }
}

/* ---- a disk ---- */

/* A write of which only these bytes are there; SIZE_MAX: none is torn. */
struct tear {
  size_t operation, from, behind;
};
static const struct tear no_tear = {SIZE_MAX, 0, 0};

static struct disk base;

static void make_base(void) {
  crash_copy(&base, &before);
  /* What is made after the loss is not in the run's record. */
  base.file_count = FILES / 2;
  base.directory_count = DIRECTORIES / 2;
  for (int i = before.directory_count; i < at_end.directory_count; i++) {
    base.directories[i] = at_end.directories[i];
    base.directories[i].there = false;
  }
  for (size_t i = 0; i < window.end; i++)
    if (window.settled[i])
      crash_apply(&base, &crash_record[i], 0, SIZE_MAX);
}

/* Whether what was chosen keeps it; of several writes to the same bytes, that
 * nothing comes behind it. */
static bool is_kept(size_t at) {
  const struct choice *choice = &window.choices[window.of[at]];
  unsigned kept = window.kept[window.of[at]];
  return kept > 0 && choice->operations[kept - 1] == at;
}

static struct crash_counts counts;
static void (*check_disk)(size_t end);

static void lose_power(const struct tear *tear) {
  crash_copy(&crash_now, &base);
  for (size_t i = 0; i < window.end; i++) {
    if (window.settled[i] || is_sync(&crash_record[i]) || !is_kept(i))
      continue;
    if (i == tear->operation)
      crash_apply(&crash_now, &crash_record[i], tear->from, tear->behind);
    else
      crash_apply(&crash_now, &crash_record[i], 0, SIZE_MAX);
  }
  counts.states++;
  counts.torn += tear->operation != SIZE_MAX;
  check_disk(window.end);
}

/* ---- which there may be ---- */

/* The choice that has to be kept, for without it the disk is one of the prefix
 * before; -1: none. */
static int newest_choice(void) {
  return window.end && !is_sync(&crash_record[window.end - 1])
             ? (int)window.of[window.end - 1]
             : -1;
}

static void keep_all(bool all) {
  int newest = newest_choice();
  for (unsigned i = 0; i < window.count; i++)
    window.kept[i] = all || (int)i == newest ? window.choices[i].count : 0;
}

static void flip(unsigned choice) {
  window.kept[choice] = window.kept[choice] ? 0 : window.choices[choice].count;
}

static bool is_counter(unsigned choice) {
  const struct choice *of = &window.choices[choice];
  return is_counter_write(&crash_record[of->operations[0]]);
}

/* The next of the combinations; counters go together. */
static bool next_combination(void) {
  int newest = newest_choice();
  bool counters = false;
  for (unsigned i = 0; i < window.count; i++) {
    if ((int)i == newest || is_counter(i))
      continue;
    flip(i);
    if (window.kept[i])
      return true;
  }
  for (unsigned i = 0; i < window.count; i++)
    if (is_counter(i) && (int)i != newest) {
      flip(i);
      counters |= window.kept[i] > 0;
    }
  return counters;
}

/* How many there are, as a power of two. */
static unsigned combinations(void) {
  int newest = newest_choice();
  unsigned power = 0, counters = 0;
  for (unsigned i = 0; i < window.count; i++) {
    if ((int)i != newest && is_counter(i))
      counters = 1;
    else if ((int)i != newest)
      power++;
  }
  return power + counters;
}

/* Each value of each counter, with all else and without. */
static void each_counter(void) {
  int newest = newest_choice();
  for (int all = 0; all < 2; all++)
    for (unsigned i = 0; i < window.count; i++)
      for (unsigned kept = 0;
           is_counter(i) && (int)i != newest && kept <= window.choices[i].count;
           kept++) {
        keep_all(all);
        if (window.kept[i] == kept)
          continue;
        window.kept[i] = kept;
        lose_power(&no_tear);
      }
}

/* Each one and each two the other way round. */
static void one_or_two(bool all) {
  int newest = newest_choice();
  for (unsigned i = 0; i < window.count; i++)
    for (unsigned j = i; j < window.count; j++) {
      if ((int)i == newest || (int)j == newest)
        continue;
      keep_all(all);
      flip(i);
      if (j != i)
        flip(j);
      lose_power(&no_tear);
    }
}

static void at_random(void) {
  int newest = newest_choice();
  for (unsigned i = 0; i < window.count; i++)
    if ((int)i != newest)
      window.kept[i] =
          unit_random(2) ? 0 : 1 + unit_random(window.choices[i].count);
}

static unsigned sectors(size_t at) {
  return (unsigned)((crash_record[at].length + SECTOR - 1) / SECTOR);
}

/* Each write that is kept torn at a border. */
static void tear_each(void) {
  for (size_t i = 0; i < window.end; i++) {
    if (window.settled[i] || crash_record[i].action != WRITE || !is_kept(i) ||
        sectors(i) < 2)
      continue;
    size_t border = (1 + unit_random(sectors(i) - 1)) * SECTOR;
    struct tear tear = {i, 0, border};
    if (unit_random(2))
      tear = (struct tear){i, border, SIZE_MAX};
    lose_power(&tear);
  }
}

/* The newest, at all borders. */
static void tear_newest(unsigned borders) {
  size_t at = window.end - 1;
  unsigned all = sectors(at) - 1;
  if (crash_record[at].action != WRITE || all == 0)
    return;
  unsigned count = all < borders ? all : borders;
  for (unsigned i = 0; i < count; i++) {
    unsigned border = count > 1 ? i * (all - 1) / (count - 1) : 0;
    size_t place = (border + 1) * (size_t)SECTOR;
    struct tear tear = {at, 0, place};
    if (i & 1)
      tear = (struct tear){at, place, SIZE_MAX};
    keep_all(i & 2);
    lose_power(&tear);
  }
}

static void lose_combinations(const struct crash_effort *effort) {
  unsigned power = combinations();
  counts.windows++;
  counts.most = counts.most > power ? counts.most : power;
  if (effort->torn)
    each_counter();
  if (power <= effort->all) {
    counts.whole++;
    keep_all(false);
    do {
      lose_power(&no_tear);
      if (power <= effort->torn)
        tear_each();
    } while (next_combination());
    return;
  }
  for (int all = 0; all < 2; all++) {
    keep_all(all);
    lose_power(&no_tear);
    if (effort->torn)
      one_or_two(all);
  }
  for (unsigned i = 0; i < effort->samples; i++) {
    at_random();
    lose_power(&no_tear);
    tear_each();
  }
}

/* Of CRASH_SHARE=i/n, with HWCKPT_STRESS=1: the prefixes i, i + n, ... */
static void read_share(size_t *first, size_t *step) {
  const char *stress = getenv("HWCKPT_STRESS"), *text = getenv("CRASH_SHARE");
  char *end;
  *first = 0;
  *step = 1;
  if (!stress || *stress != '1' || !text)
    return;
  *first = strtoul(text, &end, 10);
  CHECK(*end == '/');
  *step = strtoul(end + 1, &end, 10);
  CHECK(*end == 0 && *first < *step);
}

struct crash_counts crash_each(const struct crash_effort *effort,
                               void (*check)(size_t end)) {
  counts = (struct crash_counts){0};
  check_disk = check;
  size_t first, step;
  read_share(&first, &step);
  for (size_t end = first; end <= crash_recorded; end += step) {
    look_at(end);
    make_base();
    lose_combinations(effort);
    if (end > 0)
      tear_newest(effort->borders);
  }
  return counts;
}
