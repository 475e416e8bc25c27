"""Hand-made TCP packets to one port: SOURCE DESTINATION PORT, then a word for each packet: flags in hexadecimal, or SYN:cookie, which asks
for a cookie, prints "ready", waits for a line, and sends the ACK that makes a connection of it. Prints the flags of each answer, or "silent"."""
import random, socket, struct, sys, time
source, destination, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
family = socket.AF_INET6 if ':' in source else socket.AF_INET
pack = lambda address: socket.inet_pton(family, address)
raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP)
raw.bind((source, 0))


def checksum(data):
    if len(data) % 2: data += b'\0'
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def send(own, sequence, acknowledged, flags, data=b''):
    head = struct.pack('!HHIIBBHHH', own, port, sequence, acknowledged, 5 << 4, flags, 1024, 0, 0)
    pseudo = pack(source) + pack(destination) + struct.pack('!II', len(head) + len(data), 6)
    head = head[:16] + struct.pack('!H', checksum(pseudo + head + data)) + head[18:]
    raw.sendto(head + data, (destination, 0))


def answer(own, wait=0.15):
    end = time.monotonic() + wait
    while (left := end - time.monotonic()) > 0:
        raw.settimeout(left)
        try: packet = raw.recv(2000)
        except socket.timeout: return None
        tcp = packet if family == socket.AF_INET6 else packet[(packet[0] & 15) * 4:]
        theirs, ours, sequence = struct.unpack('!HHI', tcp[:8])
        if (theirs, ours) == (port, own): return sequence, tcp[13]


for word in sys.argv[4:]:
    own, first = random.randrange(20000, 30000), random.getrandbits(31)
    if word == 'SYN:cookie':
        send(own, first, 0, 2)
        cookie, flags = answer(own, 2)
        assert flags & 0x12 == 0x12, flags
        print('ready', flush=True)
        sys.stdin.readline()
        send(own, first + 1, (cookie + 1) & 0xffffffff, 0x18, b'?')
    else:
        send(own, first, random.getrandbits(31), int(word, 16))
    heard = answer(own)
    print('silent' if heard is None else hex(heard[1]), flush=True)
