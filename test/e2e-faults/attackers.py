"""What a process of another user can try against the processes of knockctl and their files; prints what was allowed."""
import ctypes, glob, json, os, signal, socket, sys

libc = ctypes.CDLL(None, use_errno=True)
run, state, *pids = sys.argv[1:]
allowed = []


def attempt(name, deed):
    try:
        deed()
    except (OSError, PermissionError):
        return
    allowed.append(name)


def call(number, *words):
    done = libc.syscall(number, *words)
    if done < 0:
        raise OSError(ctypes.get_errno(), 'refused')
    return done


def ptrace(pid):
    if libc.ptrace(16, pid, 0, 0) < 0:  # PTRACE_ATTACH
        raise OSError(ctypes.get_errno(), 'refused')


def connect(path):
    one = socket.socket(socket.AF_UNIX)
    one.settimeout(1)
    one.connect(path)


for pid in map(int, pids):
    for name in ('SIGSTOP', 'SIGTERM', 'SIGKILL', 'SIGUSR1'):
        attempt(f'{name} {pid}', lambda: os.kill(pid, getattr(signal, name)))
    attempt(f'ptrace {pid}', lambda: ptrace(pid))
    attempt(f'pidfd_getfd {pid}', lambda: call(438, call(434, pid, 0), 3, 0))
    attempt(f'process_vm_readv {pid}', lambda: call(310, pid, 0, 0, 0, 0, 0) if open(f'/proc/{pid}/mem') else 0)
    for name in ('mem', 'maps', 'environ', 'stack', 'syscall', 'auxv'):
        attempt(f'{name} {pid}', lambda: open(f'/proc/{pid}/{name}', 'rb').read(1))
    for name in ('fd', 'fdinfo', 'map_files'):
        attempt(f'{name} {pid}', lambda: os.listdir(f'/proc/{pid}/{name}'))
    attempt(f'oom {pid}', lambda: open(f'/proc/{pid}/oom_score_adj', 'w').write('1000'))
    attempt(f'priority {pid}', lambda: os.setpriority(os.PRIO_PROCESS, pid, 19))
    attempt(f'affinity {pid}', lambda: os.sched_setaffinity(pid, {0}))
    attempt(f'limits {pid}', lambda: call(302, pid, 7, (ctypes.c_ulong * 2)(3, 3), 0))
for folder in (run, state):
    attempt(f'list {folder}', lambda: os.listdir(folder))
    attempt(f'write {folder}', lambda: open(f'{folder}/x', 'w'))
for path in [f'{run}/control.sock', f'{run}/listener-1.sock', *glob.glob(f'{run}/*.sock')]:
    attempt(f'connect {path}', lambda: connect(path))
attempt('lock', lambda: open(f'{run}/lock'))
attempt('packet socket', lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3))
print(json.dumps(allowed))
