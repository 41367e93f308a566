/* fake_system.h - included before all else in files of the command line that
 * make objects of the system as a record says: System V objects, POSIX message
 * queues, pseudo terminals, TCP connections. Their calls come to the target's
 * own functions, each as of the call that it has the name of.
 *
 * Invariant: nothing that is read from a record reaches the kernel.
 */
#ifndef HWCKPT_TEST_FAKE_SYSTEM_H
#define HWCKPT_TEST_FAKE_SYSTEM_H

#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int fake_shmget(key_t key, size_t size, int flags);
int fake_semget(key_t key, int count, int flags);
int fake_msgget(key_t key, int flags);
int fake_shmctl(int id, int command, struct shmid_ds *facts);
int fake_semctl(int id, int which, int command, ...);
int fake_msgctl(int id, int command, struct msqid_ds *facts);
void *fake_shmat(int id, const void *at, int flags);
int fake_shmdt(const void *at);
int fake_madvise(void *at, size_t length, int advice);
int fake_msgsnd(int id, const void *message, size_t length, int flags);
ssize_t fake_msgrcv(int id, void *message, size_t length, long type, int flags);
mqd_t fake_mq_open(const char *name, int flags, ...);
int fake_mq_unlink(const char *name);
int fake_mq_getattr(mqd_t queue, struct mq_attr *facts);
ssize_t fake_mq_receive(mqd_t queue, char *room, size_t length,
                        unsigned *priority);
int fake_mq_send(mqd_t queue, const char *text, size_t length,
                 unsigned priority);
int fake_open(const char *path, int flags);
ssize_t fake_write(int fd, const void *text, size_t length);
int fake_ioctl(int fd, unsigned long request, ...);
int fake_close(int fd);
int fake_change(int fd); /* owner or mode */
int fake_unshare(int what);
int fake_socket(int domain, int type, int protocol);
int fake_setsockopt(int fd, int level, int name, const void *value,
                    socklen_t length);
int fake_getsockopt(int fd, int level, int name, void *value,
                    socklen_t *length);
int fake_bind(int fd, const struct sockaddr *name, socklen_t length);
int fake_connect(int fd, const struct sockaddr *name, socklen_t length);
int fake_getsockname(int fd, struct sockaddr *name, socklen_t *length);
int fake_listen(int fd);
int fake_accept(int fd);
ssize_t fake_send(int fd, const void *bytes, size_t length, int flags);
int fake_poll(struct pollfd *watched, nfds_t count);

#define shmget fake_shmget
#define semget fake_semget
#define msgget fake_msgget
#define shmctl fake_shmctl
#define semctl fake_semctl
#define msgctl fake_msgctl
#define shmat fake_shmat
#define shmdt fake_shmdt
#define madvise fake_madvise
#define msgsnd fake_msgsnd
#define msgrcv fake_msgrcv
#define mq_open fake_mq_open
#define mq_unlink fake_mq_unlink
#define mq_getattr fake_mq_getattr
#define mq_receive fake_mq_receive
#define mq_send fake_mq_send
#define mq_close fake_close
#define open fake_open
#define write fake_write
#define ioctl fake_ioctl
#define close fake_close
#define fchown(fd, user, group) ((void)(user), (void)(group), fake_change(fd))
#define fchmod(fd, mode) ((void)(mode), fake_change(fd))
#define unshare fake_unshare
#define socket fake_socket
#define setsockopt fake_setsockopt
#define getsockopt fake_getsockopt
#define bind fake_bind
#define connect fake_connect
#define getsockname fake_getsockname
#define listen(fd, backlog) ((void)(backlog), fake_listen(fd))
#define accept4(fd, name, length, flags) fake_accept(fd)
#define send fake_send
#define poll(watched, count, time) fake_poll(watched, count)
#define shutdown(fd, how) fake_listen(fd)
#define nanosleep(time, left) ((void)(time), 0)

#endif
