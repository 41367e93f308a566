/* restore.c - `hwckpt restore`: starts a process from a generation and stands
 * by.
 *
 * In order: choose the generation, check all that can be checked, settle how
 * the process gets its id, make the process (launch.c), which becomes the
 * program, and see it through (progress.c). Files are rolled back when all else
 * of the program stands ready and can refuse no more; before that nothing is
 * changed on disk. */
#include "arguments.h"
#include "assembly.h"
#include "checks.h"
#include "fallback.h"
#include "fetch.h"
#include "group_witness.h"
#include "hold.h"
#include "inventory.h"
#include "key_service.h"
#include "last_words.h"
#include "launch.h"
#include "options_text.h"
#include "posix_queues.h"
#include "progress.h"
#include "supervised.h"
#include "survivors.h"
#include "system_v.h"

#include "runtime/support/resume_abi.h"
#include "tools/restorer/plan.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the command line ---- */

/* A number from 1 to `most`. */
static bool parse_number(const char *text, uint64_t most, uint64_t *number) {
  char *end;
  errno = 0;
  *number = strtoull(text, &end, 10);
  return *text >= '0' && *text <= '9' && !*end && !errno && *number >= 1 &&
         *number <= most;
}

static int read_arguments(int argc, char **argv,
                          struct restore_request *request) {
  static const struct option rows[] = {
      {"cache", required_argument, NULL, OPTION_CACHE},
      {"pid", required_argument, NULL, OPTION_PID},
      {"name", required_argument, NULL, OPTION_NAME},
      {"every", required_argument, NULL, OPTION_EVERY},
      {"mtbf", required_argument, NULL, OPTION_MTBF},
      {"lazy", optional_argument, NULL, 'l'},
      {"eager", no_argument, NULL, 'e'},
      {"threads", required_argument, NULL, 't'},
      {"timing", required_argument, NULL, 'T'},
      {"processor", required_argument, NULL, 'p'},
      {"options", required_argument, NULL, 'o'},
      {"verbose", no_argument, NULL, 'v'},
      {"before", required_argument, NULL, 'b'},
      {"from", required_argument, NULL, OPTION_FROM},
      KEY_OPTIONS,
      {"supervised", required_argument, NULL, OPTION_SUPERVISED},
      {"above", required_argument, NULL, 'a'},
      {0},
  };
  const char *every = NULL, *mtbf = NULL;
  uint64_t number;
  int failed;
  request->argv = argv;
  for (int result;
       (result = getopt_long(argc, argv, ":o:v", rows, NULL)) != -1;)
    switch (result) {
    case OPTION_CACHE:
      request->cache_option = optarg;
      break;
    case OPTION_PID:
      if (!id_policy_parse(optarg, &request->policy))
        return report_usage(&command_restore, "--pid",
                            "'%s' is not same, namespace or any", optarg);
      break;
    case OPTION_NAME:
      if (!selection_name_fits(optarg))
        return report_usage(&command_restore, "--name",
                            "'%s' is no usable name", optarg);
      request->name = optarg;
      break;
    case OPTION_EVERY:
      every = optarg;
      break;
    case OPTION_MTBF:
      mtbf = optarg;
      break;
    case 'l':
      if (!lazy_mode_parse(optarg ? optarg : "fault", &request->lazy))
        return report_usage(&command_restore, "--lazy",
                            "'%s' is not auto, fault or no", optarg);
      break;
    case 'e':
      request->lazy = LAZY_NO;
      break;
    case 't':
      if (!parse_number(optarg, 1024, &number))
        return report_usage(&command_restore, "--threads",
                            "'%s' is no number from 1 to 1024", optarg);
      request->threads = (unsigned)number;
      break;
    case 'T':
      request->timing = optarg;
      break;
    case 'p':
      request->any_processor = !strcmp(optarg, "any");
      if (!request->any_processor && strcmp(optarg, "same") != 0)
        return report_usage(&command_restore, "--processor",
                            "'%s' is not same or any", optarg);
      break;
    case 'o':
      if ((failed = arguments_options(optarg, request->options)))
        return failed;
      break;
    case 'v':
      request->verbose = true;
      break;
    case 'b':
      if (!parse_number(optarg, UINT64_MAX, &request->before))
        return report_usage(&command_restore, "--before",
                            "'%s' is no number of a generation", optarg);
      break;
    case OPTION_KEY_FILE:
      request->key.file = optarg;
      break;
    case OPTION_KEY_COMMAND:
      request->key.command = optarg;
      break;
    case OPTION_FROM:
      if (request->from_count == FETCH_TIERS_MAX)
        return report_usage(&command_restore, "--from", "more than %d",
                            FETCH_TIERS_MAX);
      request->from[request->from_count++] = optarg;
      break;
    case 'a': /* of a supervisor's */
      if (!parse_number(optarg, UINT64_MAX, &request->above))
        return report_usage(&command_restore, "--above",
                            "'%s' is no number of a generation", optarg);
      break;
    case OPTION_SUPERVISED:
      if (!supervised_by(optarg))
        return report_usage(&command_restore, "--supervised",
                            "'%s' is no descriptor", optarg);
      break;
    default:
      return arguments_refused(&command_restore, result, argv);
    }
  if (every &&
      (failed = arguments_every(&command_restore, every, request->options)))
    return failed;
  if (mtbf &&
      (failed = arguments_mtbf(&command_restore, mtbf, request->options)))
    return failed;
  if (strlen(request->options) + TREE_OPTION_MAX + KEY_OPTION_MAX >=
      sizeof((struct restore_plan *)0)->options)
    return report_usage(&command_restore, "-o", "longer than %zu bytes",
                        sizeof((struct restore_plan *)0)->options - 1 -
                            TREE_OPTION_MAX - KEY_OPTION_MAX);
  return arguments_which(&command_restore, argc, argv, &request->which);
}

/* ---- choosing ---- */

static void take_older(const struct restore_request *request,
                       struct selection *selection,
                       struct generation *generation, enum hwckpt_code code) {
  bool named = request->which && strchr(request->which, '/');
  if (key_is_at_fault(code)) /* so it is with older ones */
    return;
  fallback_take(selection, generation, code, named, request->argv);
}

/* For a program that goes on under a name of its own, beside others that were
 * restored from the same generation: what it saves is of another application,
 * which must be new, for the cache never mixes two. */
static int make_application(const struct selection *selection, const char *name,
                            struct hwckpt_error *error) {
  struct inventory_generation *list = NULL;
  size_t count = 0;
  int failed = cache_use_application(selection->cache, name, error);
  if (!failed)
    failed =
        inventory_generations(selection->cache, name, &list, &count, error);
  free(list);
  if (!failed && count)
    failed = hwckpt_fail(error, HWCKPT_E_CACHE_NAME, 0, name,
                         "given with --name, and has checkpoints already");
  return failed;
}

/* Who is supervised has a supervisor that holds it. */
static int hold(const struct selection *selection, const char *application,
                int *lock, struct hwckpt_error *error) {
  return supervised()
             ? 0
             : hold_application(selection->path, application, lock, error);
}

/* ---- all together ---- */

/* It never ran: what outlives processes goes. */
static void unmake(void) {
  system_v_unmake();
  posix_queues_unmake();
}

/* The program ended. */
static int conclude(const struct restore_request *request,
                    const struct selection *selection,
                    const struct progress *progress,
                    const struct supervised *program, int status) {
  struct hwckpt_error error = {0};
  if (!progress->running || progress->failed)
    unmake();
  if (!progress->running && !progress->failed) {
    hwckpt_fail(&error, HWCKPT_E_RESUME, 0, progress->generation->name,
                WIFSIGNALED(status) ? "the restorer was killed by signal %d"
                                    : "the restorer ended with status %d",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return report_error(&error);
  }
  if (!progress->running || progress->failed)
    return EXIT_TOOL;
  const struct deceased deceased = {
      .program = progress->generation->process.program,
      .cache = selection->path,
      .application = request->name ? request->name : selection->application,
      .pid = program->pid,
  };
  last_words(&deceased, status);
  supervise_end_likewise(status);
}

/* While the restorer begins. */
static void prepare_loading(struct progress *progress, bool tracked) {
  const struct generation *generation = progress->generation;
  struct hwckpt_error error = {0};
  progress->loading.generation = generation;
  progress->loading.tracked = tracked;
  progress->loading.gate = lazy_gate(generation);
  if (cache_reader_load(generation->reader, &error))
    progress_fail(progress, &error);
}

/* ---- files ---- */

struct files {
  const struct restore_request *request;
  struct undo_filled *filled; /* of processes with logs of their own */
  struct cache *cache;
  const char *application;
  uint64_t number;
  const struct generation *generation;
  bool check, keep; /* what is kept in undo logs is not used, or goes */
  bool early;       /* what is mapped depends on it: before anything is made */
  bool done;
};

static struct undo_target target_of(const struct files *files) {
  return (struct undo_target){.cache = files->cache,
                              .application = files->application,
                              .generation = files->number,
                              .filled = files->filled,
                              .warn = report_warning};
}

/* Adds what the logs speak of. What cannot be read is said when it is taken
 * back. */
static void read_logs(struct files *files, struct undo_paths *paths) {
  const struct undo_target target = target_of(files);
  char policy[16] = "";
  options_find(files->request->options, "files", policy, sizeof policy);
  files->check = strcmp(policy, "check") == 0;
  files->keep = !strcmp(policy, "keep") || !strcmp(policy, "truncate");
  if (!files->check && !files->keep && !files->request->name)
    undo_paths_add(paths, &target, NULL);
}

/* While the program is not yet made: with files=check they must be as they
 * were. Else nothing is changed when a file would keep the generation from
 * being restored all the same; any of its processes may have changed it. */
static int check_files(struct files *files, const struct undo_paths *paths,
                       struct hwckpt_error *error) {
  files->early = files->generation->process.resume_abi < RESUME_ABI_ROLL_BACK ||
                 checks_need_early(files->generation, paths);
  return checks_of_files(files->generation, paths, error);
}

static int roll_back_files(void *context, struct hwckpt_error *error) {
  struct files *files = context;
  if (files->done)
    return 0;
  files->done = true;
  /* The logs are of the application, which may run. */
  if (files->check || files->request->name)
    return 0;
  static bool said; /* for one process, not for each */
  struct undo_target target = target_of(files);
  target.restarted = !said && checks_of_restart(files->generation);
  said |= target.restarted;
  return undo_files(&target, files->keep, error);
}

static int roll_back_early(struct files *files, struct hwckpt_error *error) {
  if (!files->early)
    return 0;
  int failed = roll_back_files(files, error);
  return failed ? failed : checks_of_files(files->generation, NULL, error);
}

static int check_own_files(struct files *files, struct hwckpt_error *error) {
  struct undo_paths paths = {0};
  read_logs(files, &paths);
  int failed = check_files(files, &paths, error);
  undo_paths_close(&paths);
  return failed;
}

/* ---- checkpoints of all processes from now on ---- */

/* Which id the first gets is not known with --pid=any. */
static int begin_tree(struct restore_request *request,
                      const struct generation *generation,
                      struct hwckpt_error *error) {
  pid_t root = request->policy == IDS_ANY ? 0 : generation->process.pid;
  int failed = tree_begin(error);
  if (!failed)
    tree_has_checkpoints();
  if (!failed)
    failed = tree_set_option(request->options, root, error);
  if (!failed)
    failed = key_service_begin(error);
  return failed ? failed : key_service_set_option(request->options, error);
}

static void serve_tree(const struct supervised *program) {
  struct hwckpt_error error = {0};
  tree_is_not_of_it(program->init);
  tree_is_not_of_it(group_witness_begin());
  if (tree_serve(program->pid, &error) || key_service_run(&error))
    report_error(&error);
}

/* ---- a tree of processes ---- */

struct tree_files {
  struct files *parts;
  size_t count;
};

/* The first process's log, of all, is the last: others have logs of their own
 * from when they could not use that one, most likely as it had ended. */
static int roll_back_tree(void *context, struct hwckpt_error *error) {
  struct tree_files *files = context;
  struct undo_filled filled = {.env = &cache_env_kernel};
  int failed = 0;
  for (size_t i = files->count; !failed && i-- > 0;) {
    filled.process = (unsigned)i;
    files->parts[i].filled = &filled;
    failed = roll_back_files(&files->parts[i], error);
    files->parts[i].filled = NULL;
  }
  undo_filled_close(&filled);
  return failed;
}

static int check_tree(struct restore_request *request,
                      const struct assembly_plan *plan,
                      struct hwckpt_error *error) {
  int failed = 0;
  if (request->policy == IDS_ANY)
    return hwckpt_fail(error, HWCKPT_E_TREE_MEMBER, 0,
                       plan->parts[0]->generation.name,
                       "processes of a tree know each other by their ids, so "
                       "not with --pid=any");
  if (request->name)
    return hwckpt_fail(error, HWCKPT_E_TREE_MEMBER, 0,
                       plan->parts[0]->generation.name,
                       "a tree goes on under its own name, so not with --name");
  for (size_t i = 0; !failed && i < plan->count; i++) {
    const struct generation *generation = &plan->parts[i]->generation;
    failed = process_id_settle(generation, &request->policy, error);
    if (!failed)
      failed = checks_before_restore(generation, request->any_processor, error);
  }
  return failed;
}

static int check_tree_files(struct restore_request *request,
                            const struct selection *selection,
                            const struct assembly_plan *plan,
                            struct tree_files *files,
                            struct hwckpt_error *error) {
  int failed = 0;
  struct undo_paths paths = {0};
  bool early = false;
  files->count = plan->count;
  files->parts = calloc(plan->count, sizeof *files->parts);
  if (!files->parts)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, 0, "a tree", "%s", "");
  for (size_t i = 0; i < plan->count; i++)
    files->parts[i] = (struct files){.request = request,
                                     .cache = selection->cache,
                                     .application = plan->parts[i]->application,
                                     .number = plan->parts[i]->number,
                                     .generation = &plan->parts[i]->generation};
  for (size_t i = 0; i < plan->count; i++)
    read_logs(&files->parts[i], &paths);
  for (size_t i = 0; !failed && i < plan->count; i++) {
    failed = check_files(&files->parts[i], &paths, error);
    early |= files->parts[i].early;
  }
  undo_paths_close(&paths);
  if (!failed && early)
    failed = roll_back_tree(files, error);
  for (size_t i = 0; !failed && early && i < plan->count; i++)
    failed = checks_of_files(&plan->parts[i]->generation, NULL, error);
  return failed;
}

/* Who is supervised has a supervisor that has ended them. */
static int check_survivors(const struct selection *selection,
                           const struct assembly_plan *plan,
                           const struct generation *root,
                           struct hwckpt_error *error) {
  size_t count = plan->count ? plan->count : 1;
  const struct generation **generations = calloc(count, sizeof *generations);
  if (!generations)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, ENOMEM, "a tree", "%s",
                       "");
  generations[0] = root;
  for (size_t i = 0; i < plan->count; i++)
    generations[i] = &plan->parts[i]->generation;
  const struct survivors_search search = {
      selection->path, selection->application, generations, count};
  int failed = supervised() ? 0 : survivors_check(&search, error);
  free(generations);
  return failed;
}

/* As restore_selected(), when there are several processes. */
static int restore_tree(struct restore_request *request,
                        struct selection *selection,
                        struct generation *generation,
                        const struct assembly_plan *plan) {
  struct hwckpt_error error = {0};
  struct supervisor supervisor;
  struct supervised program;
  static struct tree_files files;
  struct assembly *assembly = NULL;
  const struct assembly_work work = {request, selection, plan, roll_back_tree,
                                     &files};
  int lock = -1;
  request->lazy = LAZY_NO;
  int failed = hold(selection, selection->application, &lock, &error);
  if (!failed)
    failed = check_survivors(selection, plan, generation, &error);
  if (!failed)
    failed = check_tree(request, plan, &error);
  if (!failed)
    failed = check_tree_files(request, selection, plan, &files, &error);
  if (!failed)
    failed = begin_tree(request, generation, &error);
  if (!failed)
    assembly = assembly_launch(&work, &supervisor, &program, &error);
  if (!assembly) {
    unmake();
    return report_error(&error);
  }
  cache_reader_let_go(generation->reader); /* its parts are read by theirs */
  serve_tree(&program);
  struct supervise_also also = assembly_watched(assembly);
  int status = supervise(&supervisor, &program, &also, 1);
  struct progress progress = {
      .generation = generation, .request = request, .program = &program};
  progress.running = assembly_succeeded(assembly, &progress.running_ns);
  progress.failed = !progress.running;
  int result = conclude(request, selection, &progress, &program, status);
  if (assembly_damage(assembly)) {
    supervise_give_back(&supervisor);
    take_older(request, selection, generation, assembly_damage(assembly));
  }
  return result;
}

static int restore_selected(struct restore_request *request,
                            struct selection *selection,
                            struct generation *generation) {
  struct hwckpt_error error = {0};
  struct supervisor supervisor;
  struct supervised program;
  struct files files = {.request = request,
                        .cache = selection->cache,
                        .application = selection->application,
                        .number = selection->number,
                        .generation = generation};
  struct progress progress = {.generation = generation,
                              .program = &program,
                              .loading = {.lock = -1},
                              .request = request,
                              .roll_back = roll_back_files,
                              .roll_back_context = &files};
  if (generation_open_newest(selection->cache, selection->application,
                             selection->number, generation, &error)) {
    report_error(&error);
    if (error.code != HWCKPT_E_REGIONS_ONLY)
      take_older(request, selection, generation, error.code);
    return EXIT_TOOL;
  }
  struct assembly_plan plan;
  if (assembly_read(selection, generation, &plan, &error)) {
    report_error(&error);
    assembly_free(&plan);
    take_older(request, selection, generation, error.code);
    return EXIT_TOOL;
  }
  if (plan.count) {
    int result = restore_tree(request, selection, generation, &plan);
    assembly_free(&plan);
    return result;
  }
  int status_fd = -1;
  const char *application =
      request->name ? request->name : selection->application;
  int failed =
      request->name ? make_application(selection, request->name, &error) : 0;
  if (!failed)
    failed = hold(selection, application, &progress.loading.lock, &error);
  if (!failed && !request->name)
    failed = check_survivors(selection, &plan, generation, &error);
  if (!failed)
    failed = process_id_settle(generation, &request->policy, &error);
  if (!failed)
    failed = checks_before_restore(generation, request->any_processor, &error);
  if (!failed)
    failed = check_own_files(&files, &error);
  if (!failed)
    failed = lazy_settle(generation, &request->lazy, &error);
  /* What it saves first under another name builds on nothing. */
  request->tracked = !failed && request->lazy == LAZY_FAULT && !request->name &&
                     lazy_can_track(generation);
  if (!failed)
    failed = roll_back_early(&files, &error);
  if (!failed)
    failed = begin_tree(request, generation, &error);
  if (!failed)
    failed = launch_program(request, generation, selection, &supervisor,
                            &program, &status_fd, &error);
  if (failed) {
    unmake();
    return report_error(&error);
  }
  serve_tree(&program);
  progress_begin(&progress, status_fd);
  if (request->lazy == LAZY_FAULT)
    prepare_loading(&progress, request->tracked);
  /* The records stay; the pages are the restorer's business now. */
  int status = supervise(&supervisor, &program, progress.also, 2);
  progress_finish(&progress);
  launch_finish();
  int result = conclude(request, selection, &progress, &program, status);
  if (progress.damage) {
    supervise_give_back(&supervisor);
    take_older(request, selection, generation, progress.damage);
  }
  return result;
}

/* Not when an older one is tried. */
static int fetch(struct restore_request *request, struct hwckpt_error *error) {
  static char chosen[CACHE_NAME_MAX + 32];
  struct fetch_request fetch = {.cache_option = request->cache_option,
                                .which = request->which,
                                .count = request->from_count};
  if (!fetch.count || request->before)
    return 0;
  memcpy(fetch.tiers, request->from, sizeof fetch.tiers);
  fetch.key = key_taken();
  int failed = fetch_nearest(&fetch, chosen, error);
  if (*chosen)
    request->which = chosen;
  return failed;
}

static int take_key(struct restore_request *request,
                    struct hwckpt_error *error) {
  static char options[OPTIONS_TEXT_MAX];
  static struct key_room room;
  int failed = options_append(options, getenv("HWCKPT_OPTIONS"), error);
  if (!failed)
    failed = options_append(options, request->options, error);
  if (failed)
    return failed;
  key_settle(&request->key, options, &room);
  return key_take(&request->key, true, error);
}

static int restore(int argc, char **argv) {
  static struct restore_request request;
  static struct selection selection;
  static struct generation generation;
  struct hwckpt_error error = {0};
  int status = read_arguments(argc, argv, &request);
  if (status)
    return status;
  if (take_key(&request, &error) || fetch(&request, &error) ||
      selection_open(&selection, request.cache_option, &error))
    return report_error(&error);
  selection.before = request.before;
  selection.above = request.above;
  if (selection_find(&selection, request.which, &error)) {
    status = report_error(&error);
  } else {
    launch_make_room(&selection);
    status = restore_selected(&request, &selection, &generation);
  }
  generation_close(&generation);
  selection_close(&selection);
  return status;
}

const struct command command_restore = {
    .name = "restore",
    .summary = "Continue a program from a checkpoint",
    .help =
        "usage: hwckpt restore [OPTIONS] [APP|GENERATION]\n"
        "\n"
        "Continues the program from APP's newest generation, or from "
        "GENERATION,\n"
        "written APP/NUMBER (see `hwckpt list`). APP may be shortened to what "
        "makes\n"
        "it unique. With neither, the newest generation of the whole cache is "
        "taken.\n"
        "hwckpt stands by until the program ends, passes signals on to it and "
        "ends\n"
        "with its exit status, or by the same signal.\n"
        "\n"
        "  --cache DIR    where the checkpoints are\n"
        "  --from TIER    when the cache has no whole checkpoint as new, take "
        "it\n"
        "                 from TIER, to which run --spill or `hwckpt flush`\n"
        "                 copied it; may be repeated, the nearest first\n"
        "  --key-file FILE, --key-command COMMAND\n"
        "                 the key that it is encrypted with, here and there\n"
        "  --pid=same     the program gets its old process id (default): "
        "directly\n"
        "                 where hwckpt has the right to, else in a pid "
        "namespace\n"
        "  --pid=namespace\n"
        "                 in a pid namespace of its own, even if the id is "
        "taken\n"
        "  --pid=any      a new process id; for programs that do not remember "
        "theirs\n"
        "  --lazy[=MODE]  let the program run while its memory is loaded: "
        "fault (--lazy\n"
        "                 alone), no, or auto (default): when it is large and "
        "hwckpt\n"
        "                 has the right to, that is root\n"
        "  --eager        as --lazy=no\n"
        "  --name NAME    go on as another application: for several programs "
        "from one\n"
        "                 generation, side by side\n"
        "  --threads N    read with N threads, instead of four a processor\n"
        "  --processor=any\n"
        "                 also on a processor that lacks instructions of the "
        "one the\n"
        "                 program was started on; for programs that use none "
        "of them\n"
        "  --timing FILE  write there, as JSON, how long it took\n"
        "  --every DUR    from now on, take a checkpoint this often\n"
        "                 auto: as often as loses least time\n"
        "  --mtbf DUR     for --every auto: mean time between failures (24h)\n"
        "  -o, --options TEXT\n"
        "                 options for the runtime from now on, as in "
        "HWCKPT_OPTIONS\n"
        "  -v, --verbose  say when the program runs again, and after how long\n"
        "  --before N     APP's newest generation that is older than N\n"
        "\n"
        "When the newest generation is damaged the one before it is taken, "
        "after a\n"
        "message about both. A damaged GENERATION is refused: the error names "
        "the one\n"
        "to take.\n"
        "\n"
        "Exit status: the program's; 125 when it could not be restored, 2 when "
        "the\n"
        "command line is wrong.\n",
    .run = restore,
};
