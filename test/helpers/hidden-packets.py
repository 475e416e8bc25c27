#!/usr/bin/env python3
"""SYNs that hide what they are: extension headers, IP options, cuts into fragments, fragments within fragments.

   hidden-packets.py INTERFACE NEXT_HOP SOURCE DESTINATION PORT OPEN_PORT COUNT SEED [KIND]

Sends COUNT connection attempts to PORT, each from a source port of its own and each different by SEED, and then plain ones to
OPEN_PORT until one is answered: whatever was answered before has been answered by then. Prints a line of JSON:
{"answered": [{"port": SOURCE_PORT, "how": TEXT}, ...], "sent": COUNT, "open": true}. KIND makes all of them of one kind: one of
the names of KINDS4 or KINDS6, or `routed:ADDRESS`: by a segment routing header on to that address. Frames are written to the wire as they are, so that nothing in between repairs them.
"""
import json
import random
import socket
import struct
import subprocess
import sys
import time

SO_RCVBUFFORCE = 33
FIRST_PORT = 20000


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Target:
    def __init__(self, interface, hop, source, destination):
        self.six = ":" in destination
        family = socket.AF_INET6 if self.six else socket.AF_INET
        self.source, self.destination = (socket.inet_pton(family, one) for one in (source, destination))
        self.type = 0x86DD if self.six else 0x0800
        self.wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(self.type))
        self.wire.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.wire.bind((interface, 0))
        self.mac = self.wire.getsockname()[4]
        self.ethernet = self.neighbour(interface, hop) + self.mac + struct.pack("!H", self.type)

    def neighbour(self, interface, hop):
        for _ in range(100):
            subprocess.run(["ping", "-c1", "-W1", hop], stdout=subprocess.DEVNULL)
            told = subprocess.run(["ip", "neigh", "show", hop, "dev", interface], capture_output=True, text=True)
            words = told.stdout.split()
            if "lladdr" in words:
                return bytes.fromhex(words[words.index("lladdr") + 1].replace(":", ""))
        sys.exit("no neighbour " + hop)

    def send(self, packet):
        self.wire.send(self.ethernet + packet)

    def syn(self, port, to, data=b"", options=b""):
        head = struct.pack("!HHIIBBHHH", port, to, port * 7919, 0, (20 + len(options)) // 4 << 4, 2, 64240, 0, 0) + options
        tail = struct.pack("!II", len(head) + len(data), 6) if self.six else struct.pack("!HH", 6, len(head) + len(data))
        told = checksum(self.source + self.destination + tail + head + data)
        return head[:16] + struct.pack("!H", told) + head[18:] + data

    def ipv4(self, payload, protocol=6, ident=0, at=0, more=0, options=b"", ttl=64):
        length = 20 + len(options)
        head = struct.pack("!BBHHHBBH", 0x40 | length // 4, 0, length + len(payload), ident, more << 13 | at, ttl, protocol, 0)
        head += self.source + self.destination + options
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload

    def ipv6(self, following, payload):
        return struct.pack("!IHBB", 6 << 28, len(payload), following, 64) + self.source + self.destination + payload


def cut(dice, length, pieces):
    """Where to cut so many bytes: multiples of eight, the first and the last included."""
    inner = sorted(dice.sample(range(8, length, 8), min(pieces - 1, max(0, (length - 1) // 8))))
    return [0, *inner, length]


def order(dice, pieces):
    """The fragments as they go out: in order mostly, else reversed, shuffled, with one twice."""
    way = dice.choice(["in order", "in order", "reversed", "shuffled", "one twice"])
    if way == "reversed":
        pieces = pieces[::-1]
    elif way == "shuffled":
        dice.shuffle(pieces)
    elif way == "one twice":
        pieces = pieces + [dice.choice(pieces)]
    return way, pieces


# --- IPv6 ---------------------------------------------------------------------------------------------------------------

def padding(n):
    """Padding options; the kernel takes no more than seven bytes of them in a row, so options to be skipped are between."""
    made = b""
    while n > 0:
        one = min(n, 6)
        one = n if n < 8 else one
        if one == 1:
            made += b"\0"
        else:
            made += bytes([0x1E if len(made) % 4 == 0 and one > 2 else 1, one - 2]) + b"\0" * (one - 2)
        n -= one
    return made


def extension(dice, first):
    """One extension header without its next header: its number, and its bytes behind the first."""
    kind = dice.choice(["options"] * 12 + ["routing"] * 3 + ["atomic"] + (["hop by hop"] * 4 if first else []) + ["odd"])
    if kind == "atomic":
        return 44, struct.pack("!BHI", 0, 0, dice.getrandbits(32)), kind
    units = dice.choice([0, 0, 0, 1, 2, 5])
    if kind == "routing":
        number, left = dice.choice([(0, 0), (4, 0), (253, 0), (253, 0), (2, 0), (4, 1), (0, 1)])
        return 43, bytes([units, number, left]) + b"\0" * (4 + 8 * units), f"routing {number}/{left}"
    if kind == "odd":
        number = dice.choice([51, 135, 139, 140, 59, 253])
        return number, bytes([units]) + b"\0" * (6 + 8 * units), f"number {number}"
    return (0 if kind == "hop by hop" else 60), bytes([units]) + padding(6 + 8 * units), kind


def chain(dice, longest):
    return [extension(dice, at == 0) for at in range(dice.randrange(longest))]


def linked(headers, last, payload):
    """The number of the first header, and all of them in front of a payload."""
    following = last
    for number, rest, _ in reversed(headers):
        payload = bytes([following]) + rest + payload
        following = number
    return following, payload


def plain6(target, dice, payload):
    headers = chain(dice, 9)
    yield target.ipv6(*linked(headers, 6, payload))
    return [name for _, _, name in headers]


def fragments6(target, dice, payload, wrap=0, lying=False, lose=False):
    """A chain in front of the fragment header, one behind it, and cuts anywhere in what follows."""
    before = [one for one in chain(dice, 2) if one[0] != 44]
    behind = chain(dice, 6) if dice.random() < 0.5 else options_only(dice)
    number, body = linked(behind, 6, payload)
    ends = cut(dice, len(body), dice.choice([2, 2, 2, 3, 4, 8]))
    # Often just behind the first header: it then announces one that no rule can see.
    if len(behind) > 0 and dice.random() < 0.6:
        ends = [0, 8 * (1 + behind[0][1][0]) if behind[0][0] != 44 else 8, len(body)]
    ident = dice.getrandbits(32)
    pieces = []
    for at, end in zip(ends, ends[1:]):
        told = dice.choice([17, 58, 6, 60]) if lying and at > 0 else number
        more = 1 if end < len(body) else 0
        piece = struct.pack("!BBHI", told, 0, at | more, ident) + body[at:end]
        following = 44
        for _ in range(wrap):
            piece = struct.pack("!BBHI", following, 0, 0, dice.getrandbits(32)) + piece
        pieces.append(target.ipv6(*linked(before, following, piece)))
    if lose:
        pieces.pop(dice.randrange(len(pieces)))
    way, pieces = order(dice, pieces)
    yield from pieces
    return [*(name for _, _, name in before), f"cut at {ends}", way, *(name for _, _, name in behind)]


def misread6(target, dice, payload):
    """Headers in front of the fragment header, and behind it what rules take for the last one, and Linux for another."""
    before = [(dice.choice([60, 43]), b"\0" * 7, "header") for _ in range(dice.choice([1, 1, 2, 3]))]
    before = [(number, bytes([0, 253, 0]) + rest[3:] if number == 43 else rest, name) for number, rest, name in before]
    told, units, ident = dice.choice([6, 17, 58, 50, 51, 44, 132, 140, 253]), dice.choice([0, 0, 1]), dice.getrandbits(32)
    body = bytes([6, units]) + b"\0" * (6 + 8 * units) + payload
    end = dice.choice([8, 16, 24])
    for at, to in ((0, end), (end, len(body))):
        piece = struct.pack("!BBHI", told, 0, at | (to < len(body)), ident) + body[at:to]
        yield target.ipv6(*linked(before, 44, piece))
    return [f"{len(before)} headers, then {told}"]


def routed6(final):
    final = socket.inet_pton(socket.AF_INET6, final)

    def made(target, dice, payload):
        told = checksum(target.source + final + struct.pack("!II", len(payload), 6) + payload[:16] + b"\0\0" + payload[18:])
        payload = payload[:16] + struct.pack("!H", told) + payload[18:]
        # Type 4: two segments, the last first, and one is left (RFC 8754).
        header = struct.pack("!BBBBBBH", 6, 4, 4, 1, 1, 0, 0) + final + target.destination
        yield target.ipv6(43, header + payload)
        return ["to another address"]

    return made


def options_only(dice):
    return [(60, bytes([0]) + padding(6), "options") for _ in range(dice.randrange(1, 4))]


def overlapping6(target, dice, payload):
    """Two first fragments: a harmless one that a rule may look at, and the one that counts."""
    ident, harmless = dice.getrandbits(32), bytearray(payload)
    harmless[2:4] = struct.pack("!H", 9)
    both = [struct.pack("!BBHI", 6, 0, 1, ident) + bytes(one[:24]) for one in (harmless, payload)]
    dice.shuffle(both)
    for piece in both:
        yield target.ipv6(44, piece)
    yield target.ipv6(44, struct.pack("!BBHI", 6, 0, 24, ident) + payload[24:])
    return ["two first fragments"]


def tunnelled6(target, dice, payload):
    number, inner = dice.choice([(41, target.ipv6(6, payload)), (41, target.ipv6(*linked(options_only(dice), 6, payload))),
                                 (47, struct.pack("!HH", 0, 0x86DD) + target.ipv6(6, payload))])
    yield target.ipv6(*linked(chain(dice, 3), number, inner))
    return [f"within {number}"]


KINDS6 = {
    "plain": plain6,
    "fragments": fragments6,
    "lying": lambda *all: fragments6(*all, lying=True),
    "nested": lambda *all: fragments6(*all, wrap=1),
    "nested twice": lambda *all: fragments6(*all, wrap=2),
    "misread": misread6,
    "incomplete": lambda *all: fragments6(*all, lose=True),
    "overlapping": overlapping6,
    "tunnelled": tunnelled6,
}


# --- IPv4 ---------------------------------------------------------------------------------------------------------------

def options4(dice):
    some = [b"", b"", b"\1\1\1\1", b"\x94\4\0\0", b"\x07\x07\x04\0\0\0\0\0", b"\x44\x08\x05\0\0\0\0\0",
            b"\x83\x07\x08\x0a\x4d\1\1\0", b"\x89\x07\x08\x0a\x4d\1\1\0", b"\x82\x0b" + b"\0" * 10]
    return dice.choice(some)


def plain4(target, dice, payload):
    options = options4(dice)
    yield target.ipv4(payload, ident=dice.getrandbits(16), options=options)
    return [f"options {options.hex()}"]


def fragments4(target, dice, payload, lose=False):
    ident, options = dice.getrandbits(16), options4(dice)
    ends = cut(dice, len(payload), dice.choice([2, 2, 3, 4]))
    if dice.random() < 0.5:
        ends = [0, dice.choice([8, 16]), len(payload)]
    pieces = [
        target.ipv4(payload[at:end], 6, ident, at // 8, 1 if end < len(payload) else 0, options if at == 0 else b"")
        for at, end in zip(ends, ends[1:])
    ]
    if lose:
        pieces.pop(dice.randrange(len(pieces)))
    way, pieces = order(dice, pieces)
    yield from pieces
    return [f"cut at {ends}", way, f"options {options.hex()}"]


def overlapping4(target, dice, payload):
    ident, harmless = dice.getrandbits(16), bytearray(payload)
    harmless[2:4] = struct.pack("!H", 9)
    both = [target.ipv4(bytes(one[:24]), 6, ident, 0, 1) for one in (harmless, payload)]
    dice.shuffle(both)
    yield from both
    yield target.ipv4(payload[24:], 6, ident, 3, 0)
    return ["two first fragments"]


def tunnelled4(target, dice, payload):
    number, inner = dice.choice([(4, target.ipv4(payload)), (47, struct.pack("!HH", 0, 0x0800) + target.ipv4(payload))])
    yield target.ipv4(inner, number)
    return [f"within {number}"]


KINDS4 = {
    "plain": plain4,
    "fragments": fragments4,
    "incomplete": lambda *all: fragments4(*all, lose=True),
    "overlapping": overlapping4,
    "tunnelled": tunnelled4,
}
WEIGHTS = {"plain": 3, "fragments": 6, "nested": 3, "misread": 3}


def attempt(target, dice, kinds, port, to):
    """Sends one attempt; gives what it is, in words."""
    names = list(kinds)
    kind = dice.choices(names, [WEIGHTS.get(name, 1) for name in names])[0]
    data = dice.choice([b"", b"", b"x" * 8, b"x" * 64])
    payload = target.syn(port, to, data or (b"x" * 8 if kind == "overlapping" else b""), dice.choice([b"", b"\2\4\5\xb4"]))
    packets = kinds[kind](target, dice, payload)
    while True:
        try:
            target.send(next(packets))
        except StopIteration as end:
            return f"{kind}: {', '.join(end.value)}"


def heard(target, packet, ports):
    """The source port of ours that a SYN-ACK answers, and the port that it comes from."""
    if packet[:6] != target.mac or struct.unpack("!H", packet[12:14])[0] != target.type:
        return None
    at = 54 if target.six else 14 + (packet[14] & 15) * 4
    if packet[20 if target.six else 23] != 6 or len(packet) < at + 20 or packet[at + 13] & 0x12 != 0x12:
        return None
    origin, port = struct.unpack("!HH", packet[at:at + 4])
    return (port, origin) if origin in ports else None


def main():
    interface, hop, source, destination, *numbers = sys.argv[1:9]
    port, open_port, count = map(int, numbers[:3])
    dice = random.Random(numbers[3])
    target = Target(interface, hop, source, destination)
    kinds = KINDS6 if target.six else KINDS4
    if len(sys.argv) > 9:
        name, _, final = sys.argv[9].partition(":")
        kinds = {name: routed6(final) if name == "routed" else kinds[name]}
    told = {}
    for one in range(count):
        told[FIRST_PORT + one] = attempt(target, dice, kinds, FIRST_PORT + one, port)
        if one % 50 == 49:
            time.sleep(0.002)
    answered, barrier, is_open = set(), FIRST_PORT + count, False
    deadline, next_syn = time.monotonic() + 60, 0.0
    target.wire.settimeout(0.2)
    while not is_open and time.monotonic() < deadline:
        if time.monotonic() > next_syn:
            plain = target.syn(barrier, open_port)
            target.send(target.ipv6(6, plain) if target.six else target.ipv4(plain))
            next_syn = time.monotonic() + 0.5
        try:
            found = heard(target, target.wire.recv(65536), (port, open_port))
        except socket.timeout:
            continue
        if found == (barrier, open_port):
            is_open = True
        elif found is not None and found[0] in told:
            answered.add(found[0])
    list_ = [{"port": one, "how": told[one]} for one in sorted(answered)]
    print(json.dumps({"answered": list_, "sent": count, "open": is_open}))


main()
