/* run.c - `hwckpt run`: runs a program under a checkpoint cache and stands by.
 *
 * Invariant: apart from HWCKPT_OPTIONS the program finds what it would have
 * found without us, and the caller sees its status (supervise.h). A program
 * that was not built with -fhwckpt gets the runtime preloaded by the dynamic
 * linker; the runtime takes itself out of LD_PRELOAD. */
#include "arguments.h"
#include "each.h"
#include "elf_file.h"
#include "group_witness.h"
#include "hold.h"
#include "key.h"
#include "key_service.h"
#include "last_words.h"
#include "options_text.h"
#include "own_file.h"
#include "restart.h"
#include "selection.h"
#include "spill.h"
#include "supervise.h"
#include "supervised.h"
#include "tree.h"

#include "tools/tiers/tier.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

struct request {
  const char *cache_option, *name;
  const char *spill; /* tier that checkpoints are copied to, null: none */
  struct tier_limits spill_limits;
  struct key_request key; /* what it is encrypted with */
  struct key_room key_room;
  bool force;
  struct restart restart;
  const char *each;               /* file that names programs, or null */
  char **common;                  /* with it: the other options */
  int lock;                       /* held of an application that has a name */
  char options[OPTIONS_TEXT_MAX]; /* HWCKPT_OPTIONS of the program */
  char cache[CACHE_PATH_MAX];
  char **program;               /* its arguments, itself first */
  char preload[CACHE_PATH_MAX]; /* the runtime, "": the program has it */
  bool no_runtime;              /* nor does anybody give it one */
  /* The runtime for what its processes execute. */
  bool hands_on;
  char hand_on[CACHE_PATH_MAX];
};

/* Finds the program as execvp(3) does; a negative errno when it cannot. */
static int find_program(const char *name, char path[CACHE_PATH_MAX]) {
  const char *places = getenv("PATH");
  if (strchr(name, '/'))
    places = NULL;
  else if (!places)
    places = "/bin:/usr/bin";
  int failed = -ENOENT;
  do {
    size_t length = places ? strcspn(places, ":") : 0;
    int written =
        places ? snprintf(path, CACHE_PATH_MAX, "%.*s/%s",
                          length ? (int)length : 1, length ? places : ".", name)
               : snprintf(path, CACHE_PATH_MAX, "%s", name);
    struct stat status;
    if (written < CACHE_PATH_MAX && *name) {
      if (!stat(path, &status)) {
        if (S_ISREG(status.st_mode) && !access(path, X_OK))
          return 0;
        failed = -EACCES;
      } else if (errno != ENOENT && errno != ENOTDIR)
        failed = -errno;
    }
    places = places && places[length] ? places + length + 1 : NULL;
  } while (places);
  return failed;
}

static int cannot_start(const char *name, int number) {
  struct hwckpt_error error = {0};
  hwckpt_fail(&error, HWCKPT_E_NO_PROGRAM, number, name, "%s", "");
  report_error(&error);
  return number == ENOENT || number == ENOTDIR ? EXIT_NOT_FOUND
                                               : EXIT_NOT_EXECUTABLE;
}

/* Reads the interpreter out of a "#!" line; false when path has none. */
static bool read_interpreter(const char *path,
                             char interpreter[CACHE_PATH_MAX]) {
  char line[CACHE_PATH_MAX];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return false;
  ssize_t length = read(fd, line, sizeof line - 1);
  close(fd);
  if (length < 3 || line[0] != '#' || line[1] != '!')
    return false;
  line[length] = 0;
  char *begin = line + 2 + strspn(line + 2, " \t");
  begin[strcspn(begin, " \t\n")] = 0;
  snprintf(interpreter, CACHE_PATH_MAX, "%s", begin);
  return *begin != 0;
}

/* Whether the program lacks the runtime; of a script, its interpreter. What
 * cannot be read or understood is run: the system will say. */
static bool lacks_runtime(const char *path, char looked_at[CACHE_PATH_MAX],
                          enum elf_loader *loader) {
  char next[CACHE_PATH_MAX];
  struct elf_file elf;
  snprintf(looked_at, CACHE_PATH_MAX, "%s", path);
  for (int depth = 0; depth < 5; depth++) { /* the kernel's own limit */
    int failed = elf_open(&elf, looked_at);
    if (!failed) {
      bool lacks = !elf_has_runtime(&elf);
      *loader = elf_loader(&elf);
      elf_close(&elf);
      return lacks;
    }
    if (failed != -ENOEXEC || !read_interpreter(looked_at, next))
      return false;
    memcpy(looked_at, next, sizeof next);
  }
  return false;
}

/* Whether the kernel gives it more rights than ours: then the loader preloads
 * nothing, and the runtime believes no options. */
static bool is_raised(const char *path) {
  struct stat status;
  struct statvfs volume;
  if (stat(path, &status) || statvfs(path, &volume) ||
      volume.f_flag & ST_NOSUID || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
    return false;
  bool user = status.st_mode & S_ISUID && status.st_uid != getuid();
  bool group = status.st_mode & S_ISGID && status.st_mode & S_IXGRP &&
               status.st_gid != getgid();
  return user || group ||
         (getuid() && getxattr(path, "security.capability", NULL, 0) > 0);
}

static int check_program(struct request *request) {
  enum elf_loader loader = ELF_LOADER_NONE;
  char path[CACHE_PATH_MAX], looked_at[CACHE_PATH_MAX];
  int failed = find_program(request->program[0], path);
  if (failed)
    return cannot_start(request->program[0], -failed);
  if (!own_file("hwckpt-preload.so", request->hand_on))
    request->hands_on = true;
  bool lacks = lacks_runtime(path, looked_at, &loader);
  request->no_runtime = lacks && request->force;
  struct hwckpt_error error = {0};
  if (!request->force && is_raised(looked_at)) {
    hwckpt_fail(&error, HWCKPT_E_PROGRAM_RIGHTS, 0, looked_at, "%s", "");
    return report_error(&error);
  }
  if (request->force || !lacks)
    return 0;
  int missing = own_file("hwckpt-preload.so", request->preload);
  if (loader == ELF_LOADER_GLIBC && !missing)
    return 0;
  if (loader == ELF_LOADER_GLIBC)
    hwckpt_fail(&error, HWCKPT_E_NO_RUNTIME, -missing, request->preload, "%s",
                "");
  else
    hwckpt_fail(&error, HWCKPT_E_NOT_INSTRUMENTED, 0, looked_at,
                "%s, so no runtime can be preloaded and "
                "no checkpoint would be taken; --force runs it all the same",
                loader == ELF_LOADER_NONE ? "it is linked statically"
                                          : "it uses another libc than glibc");
  return report_error(&error);
}

/* With --each: all options but that are those of each program. */
static int read_common(int argc, char **argv, struct request *request) {
  if (optind < argc)
    return report_usage(&command_run, argv[optind],
                        "with --each, programs are named in its file");
  if (request->name)
    return report_usage(&command_run, "--name",
                        "with --each, it belongs into a line of its file");
  request->common = argv + 1;
  size_t count = 0;
  for (int i = 1; i < argc; i++)
    if (argv[i] == request->each) /* --each FILE */
      count--;
    else if (argv[i] < request->each &&
             request->each < argv[i] + strlen(argv[i]))
      ; /* --each=FILE */
    else
      request->common[count++] = argv[i];
  request->common[count] = NULL;
  return 0;
}

/* Reads the command line; 0, or the exit status after a report. */
static int read_arguments(int argc, char **argv, struct request *request) {
  static const struct option rows[] = {
      {"every", required_argument, NULL, OPTION_EVERY},
      {"on", required_argument, NULL, OPTION_ON},
      {"restore-on", required_argument, NULL, OPTION_RESTORE_ON},
      {"mtbf", required_argument, NULL, OPTION_MTBF},
      {"rollback-on", required_argument, NULL, OPTION_ROLLBACK_ON},
      {"cache", required_argument, NULL, OPTION_CACHE},
      {"name", required_argument, NULL, OPTION_NAME},
      {"options", required_argument, NULL, 'o'},
      {"force", no_argument, NULL, OPTION_FORCE},
      {"each", required_argument, NULL, OPTION_EACH},
      {"spill", required_argument, NULL, OPTION_SPILL},
      {"spill-rate", required_argument, NULL, OPTION_SPILL_RATE},
      {"spill-timeout", required_argument, NULL, OPTION_SPILL_TIMEOUT},
      KEY_OPTIONS,
      {"restart", optional_argument, NULL, OPTION_RESTART},
      {"anew", no_argument, NULL, OPTION_ANEW},
      {"hang", required_argument, NULL, OPTION_HANG},
      {"supervised", required_argument, NULL, OPTION_SUPERVISED},
      {0},
  };
  struct hwckpt_error error = {0};
  const char *every = NULL, *mtbf = NULL;
  int failed =
      options_append(request->options, getenv("HWCKPT_OPTIONS"), &error);
  if (failed)
    return report_error(&error);
  for (int result;
       (result = getopt_long(argc, argv, "+:o:", rows, NULL)) != -1;)
    switch (result) {
    case OPTION_EVERY:
      every = optarg;
      break;
    case OPTION_ON:
      if ((failed = arguments_on(optarg, request->options)))
        return failed;
      break;
    case OPTION_RESTORE_ON:
      if ((failed = arguments_restore_on(optarg, request->options)))
        return failed;
      break;
    case OPTION_ROLLBACK_ON:
      if ((failed =
               arguments_rollback_on(&command_run, optarg, request->options)))
        return failed;
      break;
    case OPTION_MTBF:
      mtbf = optarg;
      break;
    case OPTION_CACHE:
      request->cache_option = optarg;
      break;
    case OPTION_NAME:
      request->name = optarg;
      break;
    case OPTION_FORCE:
      request->force = true;
      break;
    case OPTION_KEY_FILE:
      request->key.file = optarg;
      break;
    case OPTION_KEY_COMMAND:
      request->key.command = optarg;
      break;
    case OPTION_EACH:
      request->each = optarg;
      break;
    case OPTION_SPILL:
      request->spill = optarg;
      break;
    case OPTION_SPILL_RATE:
      if ((failed = arguments_rate(&command_run, "--spill-rate", optarg,
                                   &request->spill_limits.rate)))
        return failed;
      break;
    case OPTION_SPILL_TIMEOUT:
      if ((failed = arguments_patience(&command_run, "--spill-timeout", optarg,
                                       &request->spill_limits.patience_ns)))
        return failed;
      break;
    case OPTION_RESTART:
      if (!restart_parse(optarg ? optarg : "on-failure", &request->restart))
        return report_usage(&command_run, "--restart",
                            "'%s' is not on-failure, on-failure:N, always or "
                            "never",
                            optarg);
      break;
    case OPTION_HANG:
      if ((failed = arguments_hang(&command_run, optarg, request->options)))
        return failed;
      break;
    case OPTION_ANEW:
      request->restart.anew = true;
      break;
    case OPTION_SUPERVISED:
      if (!supervised_by(optarg))
        return report_usage(&command_run, "--supervised",
                            "'%s' is no descriptor", optarg);
      break;
    case 'o':
      if ((failed = arguments_options(optarg, request->options)))
        return failed;
      break;
    default:
      return arguments_refused(&command_run, result, argv);
    }
  if (every &&
      (failed = arguments_every(&command_run, every, request->options)))
    return failed;
  if (mtbf && (failed = arguments_mtbf(&command_run, mtbf, request->options)))
    return failed;
  if (request->each)
    return read_common(argc, argv, request);
  if (optind >= argc)
    return report_usage(&command_run, "PROG", "no program is named");
  request->program = argv + optind;
  return 0;
}

/* Puts what the options say into the program's HWCKPT_OPTIONS. */
static int settle_options(struct request *request) {
  struct hwckpt_error error = {0};
  const char *name = request->name;
  if (name && !selection_name_fits(name)) {
    hwckpt_fail(&error, HWCKPT_E_CACHE_NAME, 0, name,
                "given with --name; at most %d bytes, not beginning with '.' "
                "or '-'",
                CACHE_APPLICATION_MAX - 1);
    report_error(&error);
    return EXIT_USAGE;
  }
  if (selection_cache_path(request->cache_option, request->options,
                           request->cache, &error) ||
      options_set(request->options, "cache", request->cache, &error) ||
      (name && options_set(request->options, "application", name, &error)))
    return report_error(&error);
  return 0;
}

static int make_name(struct request *request, struct cache *cache,
                     struct hwckpt_error *error) {
  char name[CACHE_NAME_MAX];
  const char *slash = strrchr(request->program[0], '/');
  int failed = cache_new_application(
      cache, slash ? slash + 1 : request->program[0], name, error);
  return failed ? failed
                : options_set(request->options, "application", name, error);
}

/* The application that the options name; false: the program makes one up. */
static bool names_application(const struct request *request,
                              char name[CACHE_NAME_MAX]) {
  return options_find(request->options, "application", name, CACHE_NAME_MAX) &&
         *name;
}

/* The place of an application that the user names is made here, and a cache
 * that cannot be written is known before the program has begun. Without a name
 * the program makes one up, and its place with it; but for --spill and
 * --restart, which must know it. */
static int prepare_cache(struct request *request) {
  struct hwckpt_error error = {0};
  struct cache *cache;
  char name[CACHE_NAME_MAX];
  bool has_name = names_application(request, name);
  key_settle(&request->key, request->options, &request->key_room);
  int failed = key_take(&request->key, true, &error);
  if (failed)
    return report_error(&error);
  failed = key_open_cache(request->cache, true, &cache, &error);
  if (!failed) {
    if (has_name)
      failed = cache_use_application(cache, name, &error);
    else if (request->spill || request->restart.when != RESTART_NEVER)
      failed = make_name(request, cache, &error);
    cache_close(cache);
  }
  if (!failed && has_name && !supervised() &&
      request->restart.when == RESTART_NEVER)
    failed = hold_application(request->cache, name, &request->lock, &error);
  return failed ? report_error(&error) : 0;
}

/* In front of what the user preloads himself. */
static void set_preload(const char *path) {
  const char *others = getenv("LD_PRELOAD");
  char *text;
  if (!others || !*others)
    setenv("LD_PRELOAD", path, 1);
  else if (asprintf(&text, "%s:%s", path, others) > 0) {
    setenv("LD_PRELOAD", text, 1);
    free(text);
  }
}

/* What the runtime is to know of us and of what it hands on. */
static bool set_tool_options(struct request *request) {
  if (request->no_runtime)
    return true;
  if (request->hands_on &&
      options_set(request->options, "preload", request->hand_on, NULL))
    return false;
  return !tree_set_option(request->options, getpid(), NULL) &&
         !key_service_set_option(request->options, NULL);
}

/* In the new process. */
static _Noreturn void become(struct request *request,
                             const struct supervisor *supervisor, int life,
                             int failure) {
  if (supervise_release(supervisor, life) && set_tool_options(request)) {
    setenv("HWCKPT_OPTIONS", request->options, 1);
    /* What is in its environment is in its checkpoints. */
    if (request->spill && tier_needs_secrets(request->spill))
      tier_forget_secrets();
    if (*request->preload)
      set_preload(request->preload);
    execvp(request->program[0], request->program);
    int number = errno;
    if (write(failure, &number, sizeof number) != sizeof number)
      _exit(EXIT_NOT_EXECUTABLE);
  }
  _exit(EXIT_TOOL);
}

static int system_failed(const char *what) {
  struct hwckpt_error error = {0};
  hwckpt_fail(&error, HWCKPT_E_NO_PROGRAM, errno, what, "%s", "");
  return report_error(&error);
}

static int begin_spill(const struct request *request, struct spill **spill) {
  struct hwckpt_error error = {0};
  char application[CACHE_NAME_MAX] = "";
  options_find(request->options, "application", application,
               sizeof application);
  struct spill_request asked = {.key = key_taken(),
                                .tier = request->spill,
                                .limits = request->spill_limits,
                                .cache = request->cache,
                                .application = application};
  return spill_begin(&asked, spill, &error) ? report_error(&error) : 0;
}

static int start_and_stand_by(struct request *request) {
  struct supervisor supervisor;
  struct hwckpt_error error = {0};
  struct spill *spill = NULL;
  int life[2], failure[2];
  int failed = begin_spill(request, &spill);
  if (failed)
    return failed;
  if (tree_begin(&error) || key_service_begin(&error))
    return report_error(&error);
  if (pipe2(life, O_CLOEXEC) || pipe2(failure, O_CLOEXEC))
    return system_failed("pipe");
  if (supervise_begin(&supervisor))
    return system_failed("signals");
  uint64_t start = realtime_ns();
  pid_t pid = fork();
  if (pid < 0)
    return system_failed("fork");
  if (!pid) {
    close(life[1]);
    become(request, &supervisor, life[0], failure[1]);
  }
  close(failure[1]);
  int number;
  ssize_t told;
  while ((told = read(failure[0], &number, sizeof number)) < 0 &&
         errno == EINTR)
    ;
  close(failure[0]);
  if (told != sizeof number)
    supervised_runs(0, pid);
  tree_is_not_of_it(group_witness_begin());
  if (tree_serve(pid, &error) || key_service_run(&error))
    report_error(&error);
  struct supervised program = {.pid = pid, .pidfd = -1, .reports = -1};
  int status = supervise(&supervisor, &program, NULL, 0);
  if (spill) { /* which takes its time, and may be ended */
    supervise_give_back(&supervisor);
    spill_end(spill);
  }
  if (told == sizeof number)
    return cannot_start(request->program[0], number);
  char named[CACHE_NAME_MAX];
  bool has_name =
      options_find(request->options, "application", named, sizeof named) &&
      *named;
  const struct deceased deceased = {
      .program = request->program[0],
      .cache = request->cache,
      .application = has_name ? named : NULL,
      .pid = pid,
      .since_ns = start,
  };
  last_words(&deceased, status);
  supervise_end_likewise(status);
}

static void end_spill(void *spill) { spill_end(spill); }

/* Sees it through its failures. */
static int restart(struct request *request) {
  static char name[CACHE_NAME_MAX];
  struct spill *spill = NULL;
  names_application(request, name);
  int failed = begin_spill(request, &spill);
  const struct restart_program program = {
      .cache = request->cache,
      .application = name,
      .options = request->options,
      .program = request->program,
      .force = request->force,
      .key = &request->key,
      .in_child = request->spill && tier_needs_secrets(request->spill)
                      ? tier_forget_secrets
                      : NULL,
      .at_end = spill ? end_spill : NULL,
      .context = spill,
  };
  return failed ? failed : restart_supervise(&request->restart, &program);
}

static int run(int argc, char **argv) {
  static struct request request;
  int status = read_arguments(argc, argv, &request);
  if (!status && request.each)
    return each_run(request.each, request.common);
  if (!status)
    status = settle_options(&request);
  if (!status)
    status = check_program(&request);
  if (!status)
    status = prepare_cache(&request);
  if (status)
    return status;
  return request.restart.when == RESTART_NEVER ? start_and_stand_by(&request)
                                               : restart(&request);
}

const struct command command_run = {
    .name = "run",
    .summary = "Run a program so that it can be restored",
    .help =
        "usage: hwckpt run [OPTIONS] [--] PROG [ARGUMENTS]\n"
        "       hwckpt run [OPTIONS] --each FILE\n"
        "\n"
        "Runs PROG. Its checkpoints go to the cache. A PROG that was not built "
        "with\n"
        "`clang -fhwckpt` gets the runtime preloaded by the dynamic linker. "
        "hwckpt\n"
        "stands by until PROG ends, passes signals on to it and ends with its "
        "exit\n"
        "status, or by the same signal. When hwckpt is killed, PROG is killed "
        "too.\n"
        "\n"
        "  --every DUR    take a checkpoint this often: 500us, 20ms, 1s, 1.5s, "
        "5m, 1h;\n"
        "                 a bare number is seconds. Without it, checkpoints "
        "are taken\n"
        "                 on SIGUSR1 and when the program asks\n"
        "                 auto: as often as loses least time\n"
        "  --on EVENT     at this event too; repeated: at each of them. "
        "Among them\n"
        "                 every=DUR, cpu=DUR, signal=SIG, exit=SIG (and then "
        "end with\n"
        "                 status 85); --on help lists all. Behind it "
        ",spacing=DUR: no\n"
        "                 sooner than this after the last checkpoint; "
        ",site=DUR: at the\n"
        "                 next annotated site, if one comes within that time\n"
        "  --restore-on EVENT\n"
        "                 at this event go back to the last checkpoint, within "
        "the\n"
        "                 process: the same events, but for exit=, control= "
        "and "
        "before=\n"
        "  --mtbf DUR     for --every auto: mean time between failures (24h)\n"
        "  --rollback-on LIST\n"
        "                 go back to the last checkpoint, within the process, "
        "at segv,\n"
        "                 bus, fpe, ill, abort, check (a failed "
        "hwckpt_check()) or all\n"
        "                 of these; handled: also where PROG handles the "
        "signal\n"
        "  --cache DIR    where the checkpoints go\n"
        "  --name NAME    name of the application in the cache; made up from "
        "PROG's\n"
        "                 otherwise\n"
        "  -o, --options TEXT\n"
        "                 more options for the runtime, as in HWCKPT_OPTIONS:\n"
        "                 name=value:name=value (HWCKPT_OPTIONS=help=1 lists "
        "them)\n"
        "  --spill TIER   copy checkpoints to a directory or "
        "s3://BUCKET[/PREFIX]\n"
        "                 too, in the background, for restore --from TIER\n"
        "  --spill-rate BYTES\n"
        "                 send no more there in a second: 500000, 200K, 10M\n"
        "  --spill-timeout DUR\n"
        "                 give up a try when nothing moves for so long (30s); "
        "when PROG\n"
        "                 has ended, the copy after four times that\n"
        "  --restart[=WHEN]\n"
        "                 when PROG fails, go on from its last generation: "
        "on-failure\n"
        "                 (killed, or a status that is neither 0 nor 85), "
        "which may\n"
        "                 have :N, failures in a row till it is given up (5); "
        "always,\n"
        "                 also when it ended well; never. A run of NAME that "
        "was not\n"
        "                 done goes on (docs/supervision.md)\n"
        "  --anew         begin anew all the same\n"
        "  --key-file FILE, --key-command COMMAND\n"
        "                 encrypt the checkpoints with this key, here and "
        "there\n"
        "  --hang DUR     end PROG by SIGABRT when no thread of it came to a "
        "site for\n"
        "                 so long, waiting or not; 0: never\n"
        "  --each FILE    run a program for each line of FILE, which has what "
        "would\n"
        "                 stand behind `hwckpt run`; OPTIONS are for all of "
        "them\n"
        "  --force        run PROG even if no checkpoint can be taken of it\n"
        "\n"
        "Options in the environment's HWCKPT_OPTIONS count too; those here go "
        "before.\n"
        "\n"
        "Exit status: PROG's; 125 when hwckpt failed, 126 when PROG cannot be\n"
        "executed, 127 when it is not found, 2 when the command line is "
        "wrong.\n",
    .run = run,
};
