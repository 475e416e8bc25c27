/*
 * What knockctl needs of the kernel and Node.js does not offer. Node-API only: one build serves every version of Node.js.
 * Each function throws an Error with the call that failed and the kernel's reason.
 */
#define _GNU_SOURCE
#define NAPI_VERSION 8
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* Longest message for the service manager; systemd itself reads no more than this. */
#define MESSAGE_MAX 4096

static napi_value throw_errno(napi_env env, const char *call, int reason) {
  char text[160];
  snprintf(text, sizeof text, "%s: %s", call, strerror(reason));
  napi_throw_error(env, NULL, text);
  return NULL;
}

static bool get_arguments(napi_env env, napi_callback_info info, napi_value *values, size_t wanted) {
  size_t count = wanted;
  if (napi_get_cb_info(env, info, &count, values, NULL, NULL) == napi_ok && count == wanted) return true;
  napi_throw_type_error(env, NULL, "wrong number of arguments");
  return false;
}

static bool get_id(napi_env env, napi_value value, uint32_t *id) {
  double number;
  /* -1 means "leave it" to setresuid(2): never accept it. */
  if (napi_get_value_double(env, value, &number) != napi_ok || !(number >= 0 && number < (double)UINT32_MAX) ||
      number != (double)(uint32_t)number) {
    napi_throw_type_error(env, NULL, "not a user or group number");
    return false;
  }
  *id = (uint32_t)number;
  return true;
}

/*
 * changeUser(uid, gid): no supplementary groups, that user and group for good, no capability in any set, no new privileges.
 * glibc changes groups and ids in all threads, and with root's id a thread loses its effective, permitted and ambient
 * capabilities. The inheritable set and no_new_privs are per thread: this call sets them for the calling one.
 */
static napi_value change_user(napi_env env, napi_callback_info info) {
  napi_value values[2];
  uint32_t uid, gid;
  if (!get_arguments(env, info, values, 2) || !get_id(env, values[0], &uid) || !get_id(env, values[1], &gid)) return NULL;

  if (setgroups(0, NULL) != 0) return throw_errno(env, "setgroups", errno);
  if (setresgid(gid, gid, gid) != 0) return throw_errno(env, "setresgid", errno);
  if (setresuid(uid, uid, uid) != 0) return throw_errno(env, "setresuid", errno);

  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return throw_errno(env, "prctl(PR_CAP_AMBIENT)", errno);
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0, 0, 0}, {0, 0, 0}};
  if (syscall(SYS_capset, &header, none) != 0) return throw_errno(env, "capset", errno);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return throw_errno(env, "prctl(PR_SET_NO_NEW_PRIVS)", errno);
  return NULL;
}

/* canBecomeRoot(): tries it. Where the kernel allows it, the process is root afterwards: the caller must end it. */
static napi_value can_become_root(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value result;
  return napi_get_boolean(env, setuid(0) == 0, &result) == napi_ok ? result : NULL;
}

/* notify(address, message): one datagram to a Unix socket, as sd_notify(3) sends it; `@` starts an abstract address. */
static napi_value notify(napi_env env, napi_callback_info info) {
  napi_value values[2];
  if (!get_arguments(env, info, values, 2)) return NULL;

  struct sockaddr_un address = {.sun_family = AF_UNIX};
  /* One byte more than an address has room for, which tells one that is too long. */
  char path[sizeof address.sun_path + 1], message[MESSAGE_MAX + 1];
  size_t path_length, message_length;
  if (napi_get_value_string_utf8(env, values[0], path, sizeof path, &path_length) != napi_ok ||
      napi_get_value_string_utf8(env, values[1], message, sizeof message, &message_length) != napi_ok) {
    napi_throw_type_error(env, NULL, "address and message must be strings");
    return NULL;
  }
  if (path_length == 0 || path_length >= sizeof address.sun_path) return throw_errno(env, "address of the socket", ENAMETOOLONG);
  memcpy(address.sun_path, path, path_length);
  if (path[0] == '@') address.sun_path[0] = '\0';
  /* A path ends with a zero byte; an abstract address ends with its length. */
  socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_length + (path[0] == '@' ? 0 : 1));

  int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return throw_errno(env, "socket", errno);
  ssize_t sent = sendto(descriptor, message, message_length, MSG_NOSIGNAL, (struct sockaddr *)&address, length);
  int reason = errno;
  close(descriptor);
  return sent < 0 ? throw_errno(env, "sendto", reason) : NULL;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {.utf8name = "changeUser", .method = change_user, .attributes = napi_enumerable},
      {.utf8name = "canBecomeRoot", .method = can_become_root, .attributes = napi_enumerable},
      {.utf8name = "notify", .method = notify, .attributes = napi_enumerable},
  };
  return napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions) == napi_ok ? exports : NULL;
}
