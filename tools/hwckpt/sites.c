/* sites.c - `hwckpt sites`: the site table of a program or shared object.
 *
 * The names of the JSON fields are stable; docs/hwckpt.1 lists them. */
#include "arguments.h"
#include "json.h"
#include "site_table.h"
#include "symbolizer.h"
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The names of C++ functions have no greatest length; longer ones are cut. */
#define TEXT_MAX 4096

static void json_text(struct json *json, const char *key, const char *value) {
  if (value)
    json_string(json, key, value);
  else
    json_null(json, key);
}

static void write_json(const struct site_table *table, const char *path,
                       struct symbolizer *symbolizer) {
  struct json json = {.out = stdout};
  json_open(&json, NULL, '{');
  json_string(&json, "binary", path);
  json_open(&json, "sites", '[');
  for (size_t i = 0; i < table->count; i++) {
    const struct site *site = &table->sites[i];
    struct place place = symbolizer_find(symbolizer, site->address);
    json_open(&json, NULL, '{');
    json_hex(&json, "address", site->address);
    json_string(&json, "kind", site_kind(site->kind));
    json_text(&json, "function", place.function);
    json_text(&json, "symbol", place.symbol);
    json_text(&json, "file", place.file);
    if (place.line)
      json_number(&json, "line", (uint64_t)place.line);
    else
      json_null(&json, "line");
    json_close(&json, '}');
  }
  json_close(&json, ']');
  json_close(&json, '}');
  json_end(&json);
}

static void write_text(const struct site_table *table,
                       struct symbolizer *symbolizer) {
  char function[TEXT_MAX], file[TEXT_MAX];
  if (table->count)
    printf("%-18s  %-9s  %-32s  %s\n", "ADDRESS", "KIND", "FUNCTION",
           "FILE:LINE");
  for (size_t i = 0; i < table->count; i++) {
    const struct site *site = &table->sites[i];
    struct place place = symbolizer_find(symbolizer, site->address);
    printf("0x%016" PRIx64 "  %-9s  %-32s  %s", site->address,
           site_kind(site->kind),
           text_escape(function, sizeof function,
                       place.function ? place.function : "-"),
           text_escape(file, sizeof file, place.file ? place.file : "-"));
    if (place.line)
      printf(":%d", place.line);
    putchar('\n');
  }
}

static int cannot_open(const char *path, int failed,
                       struct hwckpt_error *error) {
  return failed == -ENOEXEC
             ? hwckpt_fail(error, HWCKPT_E_NOT_ELF, 0, path,
                           "it is no 64-bit ELF file")
             : hwckpt_fail(error, HWCKPT_E_READ_FILE, -failed, path, "%s", "");
}

static int list_sites(const char *path, bool use_json,
                      struct hwckpt_error *error) {
  struct elf_file elf;
  struct site_table table;
  int failed = elf_open(&elf, path);
  if (failed)
    return cannot_open(path, failed, error);
  failed = site_table_read(&elf, path, &table, error);
  elf_close(&elf);
  if (failed)
    return failed;
  struct symbolizer *symbolizer = table.count ? symbolizer_open(path) : NULL;
  if (use_json)
    write_json(&table, path, symbolizer);
  else
    write_text(&table, symbolizer);
  symbolizer_close(symbolizer);
  site_table_free(&table);
  return 0;
}

static int sites(int argc, char **argv) {
  static const struct option rows[] = {
      {"json", no_argument, NULL, OPTION_JSON},
      {0},
  };
  struct hwckpt_error error = {0};
  bool use_json = false;
  for (int result; (result = getopt_long(argc, argv, ":", rows, NULL)) != -1;)
    switch (result) {
    case OPTION_JSON:
      use_json = true;
      break;
    default:
      return arguments_refused(&command_sites, result, argv);
    }
  if (optind >= argc)
    return report_usage(&command_sites, "BINARY", "no file is named");
  if (argc - optind > 1)
    return report_usage(&command_sites, argv[optind + 1], "one file at a time");
  return list_sites(argv[optind], use_json, &error) ? report_error(&error)
                                                    : EXIT_OK;
}

const struct command command_sites = {
    .name = "sites",
    .summary = "List where a program can be stopped for a checkpoint",
    .help =
        "usage: hwckpt sites [OPTIONS] BINARY\n"
        "\n"
        "Lists the site table of BINARY, an executable or shared object built "
        "with\n"
        "`clang -fhwckpt`: the address of each site as linked, its kind "
        "(loop,\n"
        "recursion, annotated), the function by the symbol table, file and "
        "line by the\n"
        "debug information, a separate file of it on this machine included. "
        "What is\n"
        "unknown is \"-\".\n"
        "\n"
        "  --json         write JSON (field names: hwckpt(1))\n"
        "\n"
        "Exit status: 0; 125 when the file cannot be read or has no sites, 2 "
        "when the\n"
        "command line is wrong.\n",
    .run = sites,
};
