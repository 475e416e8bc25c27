/** What the codes of the system's errors (errno(3), getaddrinfo(3)) mean to people. */
const MEANING: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRINUSE: 'the address is in use',
  EADDRNOTAVAIL: 'this host has no such address',
  EAI_AGAIN: 'the name server does not answer',
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the other side ended the connection',
  EEXIST: 'it exists already',
  EHOSTUNREACH: 'the host cannot be reached',
  EIO: 'the disk or device fails',
  EISDIR: 'it is a folder',
  ELOOP: 'too many symbolic links',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
  ENETUNREACH: 'there is no route to it',
  ENFILE: 'too many files are open on this host',
  ENODATA: 'the name has no address',
  ENOENT: 'there is no such file or folder',
  ENOMEM: 'no memory is left',
  ENOSPC: 'no space is left on the disk',
  ENOTDIR: 'part of the path is not a folder',
  ENOTEMPTY: 'the folder is not empty',
  ENOTFOUND: 'there is no such host name',
  EPERM: 'the kernel does not permit it',
  EPIPE: 'the other side reads no more',
  EROFS: 'the file system is read-only',
  ETIMEDOUT: 'no answer in time',
  ETIMEOUT: 'no answer in time',
  ETXTBSY: 'the file is in use',
};

/** An error of the system in plain words, without its code; undefined for any other error. */
export function systemErrorText(error: Error): string | undefined {
  if (!('code' in error && 'syscall' in error)) return undefined;
  const { code, syscall } = error;
  if (typeof code !== 'string' || typeof syscall !== 'string') return undefined;
  const program = /^spawn (.+)$/.exec(syscall)?.[1];
  const meaning = MEANING[code];
  if (program !== undefined) {
    return code === 'ENOENT' ? `there is no program ${program}` : `${program}: ${meaning ?? code}`;
  }
  // Whoever asks for the text names the file: the rest of Node's own says it once more.
  return meaning ?? error.message.replace(/^[A-Z0-9_]+: /, '').replace(/, \w+(?: '.*)?$/s, '');
}
