/* record_types.h - the types of a generation's records, and of what message
 * each is. A number is never used again for something else. */
#ifndef HWCKPT_SUPPORT_RECORD_TYPES_H
#define HWCKPT_SUPPORT_RECORD_TYPES_H

enum record_type {
  RECORD_PROCESS = 1,            /* Process, the first record */
  RECORD_AREA = 2,               /* Area */
  RECORD_THREAD = 3,             /* Thread */
  RECORD_STATISTICS = 4,         /* Statistics, the last record */
  RECORD_SIGNAL_ACTIONS = 16,    /* SignalActions */
  RECORD_FILE_SYSTEM = 17,       /* FileSystem */
  RECORD_DESCRIPTOR = 18,        /* Descriptor */
  RECORD_PIPE = 19,              /* Pipe */
  RECORD_PIPE_DATA = 20,         /* raw bytes of the pipe before */
  RECORD_DELETED_FILE = 21,      /* DeletedFile */
  RECORD_DELETED_FILE_DATA = 22, /* offset and bytes of the file before */
  RECORD_EVENTFD = 23,           /* EventFd, like all here of the descriptor
                                    whose record follows */
  RECORD_EPOLL_WATCH = 24,       /* EpollWatch */
  RECORD_IO_URING = 110,         /* IoUring */
  RECORD_IO_URING_BUFFERS = 111, /* address and length of registered ones, eight
                                    bytes each */
  RECORD_IO_URING_FILES = 112,   /* place and descriptor of registered ones,
                                    four bytes each */
  RECORD_USERFAULTFD = 120,      /* UserFaultFd */
  RECORD_USER_FAULT_AREA = 121,  /* UserFaultArea */
  RECORD_USER_FAULT_PAGES = 122, /* struct registered_run (registered.h), each;
                                    of all areas, ascending */
  RECORD_TIMERFD = 25,           /* TimerFd */
  RECORD_SIGNALFD = 26,          /* SignalFd */
  RECORD_ATTRIBUTES = 27,        /* Attributes, of the process */
  RECORD_LIMITS = 28,            /* Limits */
  RECORD_PENDING_SIGNAL = 29,    /* PendingSignal */
  RECORD_INTERVAL_TIMERS = 30,   /* IntervalTimers */
  RECORD_POSIX_TIMER = 31,       /* PosixTimer */
  RECORD_SCHEDULING = 32,        /* Scheduling, of a thread */
  RECORD_FILE_LOCK = 33,         /* FileLock */
  RECORD_SOCKET_OPTION = 34,     /* SocketOption */
  RECORD_SOCKET_PAIR = 35,       /* SocketPair */
  RECORD_SOCKET_DATA = 36,       /* bytes queued for the socket */
  RECORD_INTERNET_SOCKET = 37,   /* InternetSocket */
  RECORD_TERMINAL = 38,          /* Terminal */
  RECORD_SOCKET_GROUP = 39,      /* SocketGroup */
  RECORD_SYSTEM_V_MEMORY = 48,   /* SystemVMemory */
  RECORD_MEMORY_SETTING = 49,    /* MemorySetting */
  RECORD_CREDENTIALS = 50,       /* Credentials */
  RECORD_INOTIFY_WATCH = 51,     /* InotifyWatch */
  RECORD_PSEUDO_TERMINAL = 52,   /* PseudoTerminal */
  RECORD_TERMINAL_DATA = 53,     /* letter and bytes of the terminal before */
  RECORD_SESSION = 54,           /* Session, of the process */
  RECORD_TERMINAL_STATE = 152,   /* TerminalState, of the process */
  RECORD_TUNABLES = 80,          /* Tunables, of the process */
  RECORD_FILE_OWNER = 81,        /* FileOwner */
  RECORD_SECCOMP_FILTER = 211,   /* SeccompFilter, the one it stands on first */
  RECORD_SECCOMP_THREAD = 212,   /* SeccompThread */
  RECORD_REGION_SET = 72,        /* RegionSet, the first of a set of regions */
  RECORD_REGION = 73,            /* Region */
  RECORD_TREE_MEMBER = 56,       /* TreeMember */
  RECORD_LOST_CONNECTION = 64,   /* LostConnection */
  RECORD_UNIX_SOCKET = 65,       /* UnixSocket */
  RECORD_ROUTE_SOCKET = 66,      /* RouteSocket */
  RECORD_TCP_CONNECTION = 68,    /* TcpConnection */
  RECORD_STOPPED_CHILD = 151,    /* StoppedChild, of the process */
  RECORD_SOCKET_CONTROL = 150,   /* SocketControl, of the bytes behind */
  RECORD_TCP_SENDING = 153,      /* TcpSending */
  RECORD_SOCKET_SENDING = 154,   /* bytes that had not all arrived */
  RECORD_PIDFD = 113,            /* Pidfd */
  RECORD_SYSTEM_V_MEMORY_DATA = 100, /* offset and bytes of the SystemVMemory
                                        before */
  RECORD_SYSTEM_V_SEMAPHORES = 101,  /* SystemVSemaphores */
  RECORD_SYSTEM_V_VALUES = 102,      /* of the SystemVSemaphores before */
  RECORD_SYSTEM_V_QUEUE = 103,       /* SystemVQueue */
  RECORD_SYSTEM_V_UNDO = 107,        /* SystemVUndo */
  RECORD_POSIX_QUEUE = 105,          /* PosixQueue */
  RECORD_POSIX_MESSAGE = 106,        /* priority and text */
  RECORD_POSIX_NOTICE = 108,         /* PosixNotice */
  RECORD_SYSTEM_V_MESSAGE = 104,     /* type and text, of the SystemVQueue
                                        before */
};

#endif
