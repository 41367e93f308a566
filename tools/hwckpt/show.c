/* show.c - `hwckpt show`: everything the records of one generation say, for
 * people or as JSON.
 *
 * The names of the JSON fields are stable; docs/hwckpt.1 lists them. Addresses
 * are strings in hexadecimal, as readers of JSON lose the low bits of large
 * numbers. */
#include "arguments.h"
#include "figures.h"
#include "generation.h"
#include "json.h"
#include "selection.h"
#include "show_regions.h"
#include "text.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

struct area_total {
  size_t count;
  uint64_t bytes;
};
#define AREA_KIND_COUNT ((int)_AreaKind_MAX + 1)

static void sum_areas(const struct generation *generation,
                      struct area_total totals[AREA_KIND_COUNT + 1]) {
  Area area;
  for (size_t cursor = 0; generation_next_area(generation, &cursor, &area);) {
    int kind = (int)area.kind;
    if (kind < 0 || kind > AREA_KIND_COUNT)
      kind = AREA_KIND_COUNT;
    totals[kind].count++;
    totals[kind].bytes += area.end - area.start;
  }
}

static void protection(uint32_t bits, char text[4]) {
  text[0] = bits & PROT_READ ? 'r' : '-';
  text[1] = bits & PROT_WRITE ? 'w' : '-';
  text[2] = bits & PROT_EXEC ? 'x' : '-';
  text[3] = 0;
}

static const char *access_mode(uint32_t flags) {
  static const char *const words[] = {"read", "write", "read and write",
                                      "no access"};
  return words[flags & O_ACCMODE];
}

/* ---- for people ---- */

#define NAME_WIDTH 13

static void line(const char *name, const char *text) {
  char escaped[16400];
  printf("%-*s %s\n", NAME_WIDTH, name,
         text_escape(escaped, sizeof escaped, text));
}

static void line_duration(const char *name, uint64_t ns) {
  char text[32];
  line(name, text_duration(text, sizeof text, ns));
}

static void print_build_id(const pb_byte_t *id, size_t size) {
  for (size_t i = 0; i < size; i++)
    printf("%02x", id[i]);
}

static void print_head(const struct generation *generation) {
  const struct cache_generation *info = generation->info;
  const Process *process = &generation->process;
  char text[160], amount[32], raw[32];
  line("generation", generation->name);
  if (info->parent)
    snprintf(text, sizeof text, "delta on %" PRIu64 ", %u generations to read",
             info->parent, cache_reader_chain(generation->reader));
  else
    snprintf(text, sizeof text, "base");
  line("kind", text);
  if (info->encrypted)
    line("encryption", "with the application's own key, which yours wraps");
  line("taken", text_time(text, sizeof text, process->realtime_ns));
  line("committed", text_time(text, sizeof text, info->commit_ns));
  snprintf(text, sizeof text, "%" PRIu64 " pages, %s (%s before coding)",
           info->pages, text_bytes(amount, sizeof amount, info->bytes),
           text_bytes(raw, sizeof raw, info->raw_bytes));
  line("size", text);
  if (info->put_pages) {
    snprintf(text, sizeof text,
             "%" PRIu64 " pages: %" PRIu64 " zero, %" PRIu64
             " in the cache already",
             info->put_pages, info->zero_pages, info->same_pages);
    line("captured", text);
  }
  if (info->merged) {
    snprintf(text, sizeof text, "with %" PRIu64 " generations before it",
             info->merged);
    line("merged", text);
  }
  if (info->total_put) {
    snprintf(text, sizeof text, "%s for %s captured (%.2f) since",
             text_bytes(amount, sizeof amount, info->total_written),
             text_bytes(raw, sizeof raw, info->total_put),
             (double)info->total_written / (double)info->total_put);
    size_t used = strlen(text);
    snprintf(text + used, sizeof text - used, " %s",
             text_time(amount, sizeof amount, info->counted_since_ns));
    line("written", text);
  }
  snprintf(text, sizeof text, "%u times", info->restores);
  line("restored", info->restores ? text : "never");
  line("program", process->program);
  if (process->build_id.size) {
    printf("%-*s ", NAME_WIDTH, "build-id");
    print_build_id(process->build_id.bytes, process->build_id.size);
    putchar('\n');
  }
  line("arguments", process->arguments);
  snprintf(text, sizeof text, "%d", process->pid);
  line("process id", text);
  line("directory", generation->file_system.directory);
  line("kernel", process->kernel_release);
  if (*process->libc)
    line("glibc", process->libc);
}

static void print_stop(const Statistics *statistics) {
  char text[160], whole[32], arm[32], signal[32], arrive[32];
  snprintf(text, sizeof text,
           "%s (sites armed in %s, %u threads signalled in %s, all stood %s "
           "later)",
           text_duration(whole, sizeof whole, statistics->stop_ns),
           text_duration(arm, sizeof arm, statistics->arm_ns),
           statistics->signalled,
           text_duration(signal, sizeof signal, statistics->signal_ns),
           text_duration(arrive, sizeof arrive, statistics->arrive_ns));
  line("stop", text);
}

static void print_pace(const Statistics *statistics) {
  char text[128], rate[32], waited[32], level[32];
  if (statistics->delayed_ns) {
    char late[32], took[32];
    snprintf(text, sizeof text, "%s, as writing the one before took %s",
             text_duration(late, sizeof late, statistics->delayed_ns),
             text_duration(took, sizeof took, statistics->write_ns));
    line("delayed", text);
  }
  if (!statistics->device_rate)
    return;
  if (statistics->level)
    snprintf(level, sizeof level, "zstd level %d", (int)statistics->level);
  snprintf(text, sizeof text, "writes %s a second, %s waited for it, %s",
           text_bytes(rate, sizeof rate, statistics->device_rate),
           text_duration(waited, sizeof waited, statistics->waited_ns),
           statistics->level ? level : "not compressed");
  line("flash", text);
}

/* The first, and those that the same checkpoint served. */
static void print_events(const Statistics *statistics) {
  char text[128];
  size_t used = (size_t)snprintf(text, sizeof text, "%s",
                                 generation_event(statistics->event));
  for (unsigned event = 0;
       (event = generation_next_event(statistics, event)) > 0;)
    if ((int)event != (int)statistics->event && used < sizeof text)
      used += (size_t)snprintf(text + used, sizeof text - used, ", %s",
                               generation_event((int)event));
  line("event", text);
}

static void print_statistics(const struct generation *generation) {
  const Statistics *statistics = &generation->statistics;
  char text[128];
  print_events(statistics);
  if (*statistics->cause)
    line("cause", statistics->cause);
  line("method", generation_method(statistics->method));
  if (statistics->rounds) {
    char taken[32];
    snprintf(text, sizeof text, "%u in %s", statistics->rounds,
             text_duration(taken, sizeof taken, statistics->precopy_ns));
    line("rounds", text);
  }
  if (statistics->interval_ns)
    line_duration("interval", statistics->interval_ns);
  print_pace(statistics);
  line_duration("pause", statistics->pause_ns);
  print_stop(statistics);
  if (statistics->track_ns)
    line_duration("track", statistics->track_ns);
  line_duration("describe", statistics->describe_ns);
  line_duration("scan", statistics->scan_ns);
  line_duration("copy", statistics->copy_ns);
  line_duration("resume", statistics->resume_ns);
  snprintf(text, sizeof text,
           "%" PRIu64 " scanned, %" PRIu64 " written, %" PRIu64
           " of them copied in rounds",
           statistics->pages_scanned, statistics->pages_written,
           statistics->pages_precopied);
  line("pages", text);
}

static void print_threads(const struct generation *generation) {
  char text[64], name[64];
  Thread thread;
  snprintf(text, sizeof text, "%zu (%u stopped at sites)", generation->threads,
           generation->statistics.threads_at_sites);
  line("threads", text);
  for (size_t cursor = 0; generation_next_thread(generation, &cursor, &thread);)
    printf("  %-9d %s%s\n", thread.tid,
           text_escape(name, sizeof name, thread.name),
           thread.in_save ? " (in __builtin_ckpt_save)" : "");
}

static void print_areas(const struct generation *generation, bool all) {
  struct area_total totals[AREA_KIND_COUNT + 1] = {0};
  char text[64], rights[4], name[16400];
  snprintf(text, sizeof text, "%zu", generation->areas);
  line("areas", text);
  sum_areas(generation, totals);
  for (int kind = 0; kind <= AREA_KIND_COUNT; kind++)
    if (totals[kind].count)
      printf("  %-13s %5zu  %s\n", generation_area_kind(kind),
             totals[kind].count,
             text_bytes(text, sizeof text, totals[kind].bytes));
  Area area;
  for (size_t cursor = 0;
       all && generation_next_area(generation, &cursor, &area);) {
    protection(area.protection, rights);
    printf("  %012" PRIx64 "-%012" PRIx64 " %s %-13s %s%s\n", area.start,
           area.end, rights, generation_area_kind(area.kind),
           text_escape(name, sizeof name, area.name),
           area.deleted ? " (deleted)" : "");
  }
}

static void print_descriptors(const struct generation *generation) {
  char text[64], path[16400];
  Descriptor descriptor;
  snprintf(text, sizeof text, "%zu", generation->descriptors);
  line("descriptors", text);
  for (size_t cursor = 0;
       generation_next_descriptor(generation, &cursor, &descriptor);) {
    printf("  %-4d %-11s ", descriptor.number,
           generation_descriptor_kind(descriptor.kind));
    if (descriptor.same_as >= 0)
      printf("same as %d", descriptor.same_as);
    else {
      printf("%s", access_mode(descriptor.flags));
      if (*descriptor.path)
        printf(", at %" PRIu64 " of %" PRIu64 ", %s%s", descriptor.offset,
               descriptor.size, text_escape(path, sizeof path, descriptor.path),
               descriptor.deleted ? " (deleted)" : "");
      if (descriptor.pipe)
        printf(", pipe %" PRIu64, descriptor.pipe);
    }
    putchar('\n');
  }
}

/* ---- JSON ---- */

static void write_head(struct json *json, const struct generation *generation,
                       const char *cache) {
  const struct cache_generation *info = generation->info;
  const Process *process = &generation->process;
  json_string(json, "cache", cache);
  json_string(json, "application", info->application);
  json_number(json, "number", info->number);
  json_number(json, "parent", info->parent);
  json_string(json, "kind", info->parent ? "delta" : "base");
  json_number(json, "chain", cache_reader_chain(generation->reader));
  json_number(json, "committed_ns", info->commit_ns);
  json_number(json, "pages", info->pages);
  json_number(json, "bytes", info->bytes);
  json_number(json, "raw_bytes", info->raw_bytes);
  json_number(json, "restores", info->restores);
  figures_json_generation(json, info);
  json_number(json, "total_put", info->total_put);
  json_number(json, "total_written", info->total_written);
  json_number(json, "counted_since_ns", info->counted_since_ns);
  json_open(json, "process", '{');
  json_signed(json, "pid", process->pid);
  json_string(json, "program", process->program);
  json_bytes(json, "build_id", process->build_id.bytes, process->build_id.size);
  json_string(json, "arguments", process->arguments);
  json_string(json, "directory", generation->file_system.directory);
  json_number(json, "umask", generation->file_system.umask);
  json_string(json, "kernel_release", process->kernel_release);
  json_string(json, "glibc", process->libc);
  json_bytes(json, "instructions", process->instructions,
             process->instructions_count * sizeof *process->instructions);
  json_number(json, "realtime_ns", process->realtime_ns);
  json_number(json, "monotonic_ns", process->monotonic_ns);
  json_number(json, "personality", process->personality);
  json_number(json, "resume_abi", process->resume_abi);
  json_hex(json, "resume_entry", process->resume_entry);
  json_hex(json, "xstate_features", process->xstate_features);
  json_hex(json, "xstate_used", process->xstate_used);
  json_number(json, "xstate_size", process->xstate_size);
  json_close(json, '}');
}

static void write_statistics(struct json *json, const Statistics *statistics) {
  json_open(json, "statistics", '{');
  json_string(json, "event", generation_event(statistics->event));
  json_open(json, "events", '[');
  for (unsigned event = 0;
       (event = generation_next_event(statistics, event)) > 0;)
    json_string(json, NULL, generation_event((int)event));
  json_close(json, ']');
  json_string(json, "cause", statistics->cause);
  json_string(json, "method", generation_method(statistics->method));
  json_number(json, "interval_ns", statistics->interval_ns);
  json_number(json, "delayed_ns", statistics->delayed_ns);
  json_number(json, "write_ns", statistics->write_ns);
  json_number(json, "waited_ns", statistics->waited_ns);
  json_number(json, "device_rate", statistics->device_rate);
  json_signed(json, "level", statistics->level);
  json_number(json, "rounds", statistics->rounds);
  json_number(json, "precopy_ns", statistics->precopy_ns);
  json_number(json, "stop_ns", statistics->stop_ns);
  json_number(json, "arm_ns", statistics->arm_ns);
  json_number(json, "signal_ns", statistics->signal_ns);
  json_number(json, "arrive_ns", statistics->arrive_ns);
  json_number(json, "signalled", statistics->signalled);
  json_number(json, "stop_faults", statistics->stop_faults);
  json_number(json, "pause_ns", statistics->pause_ns);
  json_number(json, "track_ns", statistics->track_ns);
  json_number(json, "describe_ns", statistics->describe_ns);
  json_number(json, "scan_ns", statistics->scan_ns);
  json_number(json, "copy_ns", statistics->copy_ns);
  json_number(json, "resume_ns", statistics->resume_ns);
  json_number(json, "pages_scanned", statistics->pages_scanned);
  json_number(json, "pages_written", statistics->pages_written);
  json_number(json, "pages_precopied", statistics->pages_precopied);
  json_number(json, "threads", statistics->threads);
  json_number(json, "threads_at_sites", statistics->threads_at_sites);
  json_close(json, '}');
}

static void write_threads(struct json *json,
                          const struct generation *generation) {
  Thread thread;
  json_open(json, "threads", '[');
  for (size_t cursor = 0;
       generation_next_thread(generation, &cursor, &thread);) {
    json_open(json, NULL, '{');
    json_signed(json, "tid", thread.tid);
    json_string(json, "name", thread.name);
    json_hex(json, "frame", thread.frame);
    json_hex(json, "fs_base", thread.fs_base);
    json_bool(json, "in_save", thread.in_save);
    json_close(json, '}');
  }
  json_close(json, ']');
}

static void write_areas(struct json *json, const struct generation *generation,
                        bool all) {
  struct area_total totals[AREA_KIND_COUNT + 1] = {0};
  char rights[4];
  sum_areas(generation, totals);
  json_open(json, "area_totals", '[');
  for (int kind = 0; kind <= AREA_KIND_COUNT; kind++) {
    if (!totals[kind].count)
      continue;
    json_open(json, NULL, '{');
    json_string(json, "kind", generation_area_kind(kind));
    json_number(json, "count", totals[kind].count);
    json_number(json, "bytes", totals[kind].bytes);
    json_close(json, '}');
  }
  json_close(json, ']');
  if (!all)
    return;
  Area area;
  json_open(json, "areas", '[');
  for (size_t cursor = 0; generation_next_area(generation, &cursor, &area);) {
    protection(area.protection, rights);
    json_open(json, NULL, '{');
    json_hex(json, "start", area.start);
    json_hex(json, "end", area.end);
    json_string(json, "protection", rights);
    json_string(json, "kind", generation_area_kind(area.kind));
    json_bool(json, "grows_down", area.grows_down);
    json_string(json, "name", area.name);
    json_number(json, "offset", area.offset);
    json_number(json, "file_size", area.file_size);
    json_bytes(json, "build_id", area.build_id.bytes, area.build_id.size);
    json_bool(json, "deleted", area.deleted);
    json_close(json, '}');
  }
  json_close(json, ']');
}

static void write_descriptors(struct json *json,
                              const struct generation *generation) {
  Descriptor descriptor;
  Pipe pipe;
  json_open(json, "descriptors", '[');
  for (size_t cursor = 0;
       generation_next_descriptor(generation, &cursor, &descriptor);) {
    json_open(json, NULL, '{');
    json_signed(json, "number", descriptor.number);
    json_string(json, "kind", generation_descriptor_kind(descriptor.kind));
    json_number(json, "flags", descriptor.flags);
    json_bool(json, "close_on_exec", descriptor.close_on_exec);
    json_signed(json, "same_as", descriptor.same_as);
    json_string(json, "path", descriptor.path);
    json_number(json, "offset", descriptor.offset);
    json_number(json, "size", descriptor.size);
    json_number(json, "pipe", descriptor.pipe);
    json_bool(json, "deleted", descriptor.deleted);
    json_close(json, '}');
  }
  json_close(json, ']');
  json_open(json, "pipes", '[');
  for (size_t cursor = 0; generation_next_pipe(generation, &cursor, &pipe);) {
    json_open(json, NULL, '{');
    json_number(json, "pipe", pipe.pipe);
    json_number(json, "capacity", pipe.capacity);
    json_close(json, '}');
  }
  json_close(json, ']');
}

/* ---- the command ---- */

static void write_generation(const struct generation *generation,
                             const char *cache, bool use_json, bool all_areas) {
  if (generation->holds_regions) {
    show_regions(generation, cache, use_json);
    return;
  }
  if (!use_json) {
    print_head(generation);
    print_statistics(generation);
    print_threads(generation);
    print_areas(generation, all_areas);
    print_descriptors(generation);
    return;
  }
  struct json json = {.out = stdout};
  json_open(&json, NULL, '{');
  write_head(&json, generation, cache);
  write_statistics(&json, &generation->statistics);
  write_threads(&json, generation);
  write_areas(&json, generation, all_areas);
  write_descriptors(&json, generation);
  json_close(&json, '}');
  json_end(&json);
}

static int show(int argc, char **argv) {
  static struct selection selection;
  static struct generation generation;
  struct hwckpt_error error = {0};
  const char *cache_option = NULL, *which;
  bool use_json = false, all_areas = false;
  const struct argument_flag flags[] = {
      {"json", &use_json}, {"areas", &all_areas}, {0}};
  int status = arguments_of_cache(&command_show, argc, argv, flags,
                                  &cache_option, &which);
  if (status)
    return status;
  if (selection_open(&selection, cache_option, &error) ||
      selection_find(&selection, which, &error) ||
      generation_open_any(selection.cache, selection.application,
                          selection.number, &generation, &error))
    status = report_error(&error);
  else
    write_generation(&generation, selection.path, use_json, all_areas);
  generation_close(&generation);
  selection_close(&selection);
  return status;
}

const struct command command_show = {
    .name = "show",
    .summary = "Show everything about one checkpoint",
    .help = "usage: hwckpt show [OPTIONS] [APP|GENERATION]\n"
            "\n"
            "Shows what one generation holds: program, arguments, process id, "
            "threads,\n"
            "memory areas, descriptors, why it was taken and what it cost. For "
            "APP its\n"
            "newest generation; with neither, the newest of the whole cache.\n"
            "\n"
            "  --cache DIR    the cache\n"
            "  --key-file FILE, --key-command COMMAND\n"
            "                 the key that it is encrypted with\n"
            "  --areas        list every memory area, not only their sums\n"
            "  --json         write JSON (field names: hwckpt(1))\n"
            "\n"
            "Exit status: 0; 125 when the generation cannot be read, 2 when "
            "the command\n"
            "line is wrong.\n",
    .run = show,
};
