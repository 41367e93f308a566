/* terminal_content.c - see terminal_content.h.
 *
 * The kernel shows nothing of what is in a terminal: it is taken out, and put
 * in again as it was, past all that the terminal would do with it. Lines stay
 * lines: in a terminal that reads by lines (ICANON) each byte that means
 * something is quoted by the LNEXT character, and the end of the line is not.
 * The kernel works on input later than it takes it: the settings must stay
 * until it is done, which a stop character behind the input tells (the terminal
 * then takes no output).
 *
 * Source: drivers/tty/n_tty.c, drivers/tty/pty.c; ioctl_tty(2). */
#include "terminal_content.h"

#include "../arch/sys.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

/* asm/termbits.h */
#define GET_SETTINGS 0x802c542aul /* TCGETS2 */
#define SET_SETTINGS 0x402c542bul /* TCSETS2 */
#define LOCAL_LINES 0000002u      /* ICANON */
#define LOCAL_QUOTES 0100000u     /* IEXTEN */
#define INPUT_STOPS 0002000u      /* IXON */
enum { VEOF_AT = 4, VMIN_AT = 6, VSTART_AT = 8, VSTOP_AT = 9, VEOL_AT = 11 };
enum { VLNEXT_AT = 15, VEOL2_AT = 16 };

#define PART_HEAD 5u
/* What the kernel keeps of input before it is read (N_TTY_BUF_SIZE). */
#define INPUT_KEPT 4095

/* Output is not taken when it is stopped, or when there is more than this. */
#define OUTPUT_FULL ((size_t)32 << 10)

#define PATIENCE_NS 2000000000ll

long terminal_get(int end, struct terminal_settings *settings) {
  return SYS(ioctl, end, GET_SETTINGS, settings);
}

long terminal_set(int end, const struct terminal_settings *settings) {
  return SYS(ioctl, end, SET_SETTINGS, settings);
}

static bool by_lines(const struct terminal_settings *settings) {
  return settings->local & LOCAL_LINES;
}

static int64_t now_ns(void) {
  struct timespec now;
  SYS(clock_gettime, CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static short ready(int end, short events) {
  struct pollfd look = {end, events, 0};
  SYS(poll, &look, 1, 0);
  return look.revents;
}

/* What Ctrl-S stopped goes on only after being stopped this way too. */
void terminal_go_on(int slave) {
  SYS(ioctl, slave, TCXONC, 0 /* TCOOFF */);
  SYS(ioctl, slave, TCXONC, 1 /* TCOON */);
}

/* ---- taking out ---- */

struct parts {
  char *to;
  size_t length, room;
};

/* The bytes of the next part, and how many there is room for. */
static char *part_bytes(const struct parts *parts) {
  return parts->to + parts->length + PART_HEAD;
}
static size_t part_room(const struct parts *parts) {
  size_t taken = parts->length + PART_HEAD;
  return parts->room > taken ? parts->room - taken : 0;
}

static void end_part(struct parts *parts, enum terminal_part kind,
                     size_t length) {
  uint32_t written = (uint32_t)length;
  memcpy(parts->to + parts->length, &written, sizeof(written));
  parts->to[parts->length + 4] = (char)kind;
  parts->length += PART_HEAD + length;
}

/* What a read() of a line ended with. */
static enum terminal_part kind_of(const struct terminal_settings *settings,
                                  const char *bytes, long length) {
  const unsigned char *to = settings->characters;
  char last = length ? bytes[length - 1] : 0;
  return last == '\n' || (last && (last == (char)to[VEOL_AT] ||
                                   last == (char)to[VEOL2_AT]))
             ? TERMINAL_LINE
             : TERMINAL_CUT;
}

static long take_lines(int slave, const struct terminal_settings *settings,
                       struct parts *parts) {
  for (;;) {
    long length = SYS(read, slave, part_bytes(parts), part_room(parts));
    if (length < 0)
      return length == -EAGAIN ? 0 : length;
    end_part(parts, kind_of(settings, part_bytes(parts), length),
             (size_t)length);
    if (!part_room(parts))
      return -ENOBUFS;
  }
}

/* All that there is at an end whose reads wait for no line. */
static long take_bytes(int end, enum terminal_part kind, struct parts *parts) {
  while (ready(end, POLLIN) & POLLIN) {
    if (!part_room(parts))
      return -ENOBUFS;
    long length = SYS(read, end, part_bytes(parts), part_room(parts));
    if (length <= 0)
      return length == -EAGAIN || length == -EIO ? 0 : length;
    end_part(parts, kind, (size_t)length);
  }
  return 0;
}

static struct terminal_settings plain(const struct terminal_settings *of) {
  struct terminal_settings settings = *of;
  settings.input = settings.output = settings.local = 0;
  memset(settings.characters, 0, sizeof(settings.characters));
  settings.characters[VMIN_AT] = 1;
  return settings;
}

long terminal_drain(struct terminal_ends ends,
                    const struct terminal_settings *settings, char *to,
                    size_t room) {
  struct parts parts = {to, 0, room};
  struct terminal_settings bytes = plain(settings);
  bool takes = ready(ends.slave, POLLOUT) & POLLOUT;
  long result =
      by_lines(settings) ? take_lines(ends.slave, settings, &parts) : 0;
  if (result >= 0)
    result = terminal_set(ends.master, &bytes);
  if (result >= 0)
    result = take_bytes(ends.slave, TERMINAL_INPUT, &parts);
  if (result >= 0)
    result = take_bytes(ends.master, TERMINAL_OUTPUT, &parts);
  terminal_go_on(ends.slave);
  if (result >= 0 && !takes && parts.length < OUTPUT_FULL)
    end_part(&parts, TERMINAL_STOPPED, 0);
  return result < 0 ? result : (long)parts.length;
}

/* ---- putting in ---- */

/* Three characters for LNEXT, stop and start that mean nothing else. */
static void choose(unsigned char *to) {
  static const unsigned char some[] = {0x16, 0x13, 0x11, 0x1a, 0x1b, 0x1c};
  static const unsigned char places[] = {VLNEXT_AT, VSTOP_AT, VSTART_AT};
  for (unsigned i = 0, next = 0; i < sizeof(places); i++, next++) {
    while (some[next] == to[VEOF_AT] || some[next] == to[VEOL_AT] ||
           some[next] == to[VEOL2_AT])
      next++;
    to[places[i]] = some[next];
  }
}

static struct terminal_settings feeding(const struct terminal_settings *of) {
  struct terminal_settings settings = plain(of);
  unsigned char *to = settings.characters;
  if (!by_lines(of))
    return settings;
  to[VMIN_AT] = 0;
  to[VEOF_AT] = of->characters[VEOF_AT] ? of->characters[VEOF_AT] : 0x04;
  to[VEOL_AT] = of->characters[VEOL_AT];
  to[VEOL2_AT] = of->characters[VEOL2_AT];
  choose(to);
  settings.input = INPUT_STOPS;
  settings.local = LOCAL_LINES | LOCAL_QUOTES;
  return settings;
}

long terminal_feed_begin(struct terminal_ends ends,
                         const struct terminal_settings *settings) {
  struct terminal_settings now = feeding(settings);
  return terminal_set(ends.master, &now);
}

static long pause_until(int64_t end) {
  if (now_ns() > end)
    return -ETIME;
  SYS(sched_yield);
  return 0;
}

static long put(int end, const char *bytes, size_t length) {
  int64_t patience = now_ns() + PATIENCE_NS;
  while (length) {
    long done = SYS(write, end, bytes, length);
    if (done > 0) {
      bytes += done;
      length -= (size_t)done;
      continue;
    }
    if (done < 0 && done != -EAGAIN && done != -EINTR)
      return done;
    long result = pause_until(patience);
    if (result < 0)
      return result;
  }
  return 0;
}

/* Until the kernel has come to the stop character; then goes on. */
static long stop(struct terminal_ends ends, unsigned char character) {
  int64_t patience = now_ns() + PATIENCE_NS;
  long result = put(ends.master, (const char *)&character, 1);
  while (result >= 0 && ready(ends.slave, POLLOUT) & POLLOUT)
    result = pause_until(patience);
  return result;
}

static bool means_something(const struct terminal_settings *settings,
                            char byte) {
  bool found = byte == '\n';
  for (size_t i = 0; byte && i < sizeof(settings->characters); i++)
    found |= settings->characters[i] == (unsigned char)byte;
  return found;
}

/* Bytes that are a line only when its end is one. */
static long put_quoted(int master, const struct terminal_settings *settings,
                       const char *bytes, size_t length) {
  const char quote = (char)settings->characters[VLNEXT_AT];
  long result = 0;
  for (size_t i = 0; i < length && result >= 0;) {
    size_t plain_ones = 0;
    while (i + plain_ones < length &&
           !means_something(settings, bytes[i + plain_ones]))
      plain_ones++;
    result = put(master, bytes + i, plain_ones);
    i += plain_ones;
    if (i < length && result >= 0) {
      char pair[] = {quote, bytes[i++]};
      result = put(master, pair, sizeof(pair));
    }
  }
  return result;
}

static long feed_line(struct terminal_ends ends,
                      const struct terminal_settings *settings,
                      enum terminal_part kind, const char *bytes,
                      size_t length) {
  const struct terminal_settings now = feeding(settings);
  size_t quoted = kind == TERMINAL_LINE ? length - 1 : length;
  long result = put_quoted(ends.master, &now, bytes, quoted);
  if (result >= 0 && kind == TERMINAL_LINE)
    result = put(ends.master, bytes + quoted, 1);
  if (result >= 0 && kind == TERMINAL_CUT)
    result = put(ends.master, (const char *)&now.characters[VEOF_AT], 1);
  if (result >= 0)
    result = stop(ends, now.characters[VSTOP_AT]);
  terminal_go_on(ends.slave);
  return result;
}

static int waiting(int slave) {
  int bytes = 0;
  SYS(ioctl, slave, FIONREAD, &bytes);
  return bytes;
}

static long feed_bytes(struct terminal_ends ends, const char *bytes,
                       size_t length) {
  int64_t patience = now_ns() + PATIENCE_NS;
  long wanted = waiting(ends.slave) + (long)length;
  long result = put(ends.master, bytes, length);
  while (result >= 0 &&
         waiting(ends.slave) < (wanted < INPUT_KEPT ? wanted : INPUT_KEPT))
    result = pause_until(patience);
  return result;
}

static long feed_stop(struct terminal_ends ends,
                      const struct terminal_settings *settings) {
  struct terminal_settings now = plain(settings);
  now.local = settings->local & LOCAL_LINES; /* lines stay lines */
  now.input = INPUT_STOPS;
  now.characters[VSTOP_AT] = 0x13;
  long result = terminal_set(ends.master, &now);
  return result < 0 ? result : stop(ends, 0x13);
}

long terminal_feed(struct terminal_ends ends,
                   const struct terminal_settings *settings,
                   enum terminal_part kind, const char *bytes, size_t length) {
  switch (kind) {
  case TERMINAL_LINE:
  case TERMINAL_CUT:
    if (kind == TERMINAL_LINE && !length)
      return -EINVAL;
    return feed_line(ends, settings, kind, bytes, length);
  case TERMINAL_INPUT:
    return by_lines(settings) ? feed_line(ends, settings, kind, bytes, length)
                              : feed_bytes(ends, bytes, length);
  case TERMINAL_OUTPUT:
    return put(ends.slave, bytes, length);
  case TERMINAL_STOPPED:
    return feed_stop(ends, settings);
  }
  return -EINVAL;
}
