# What a process in the sandbox of a listener can do: TARGET4 TARGET6 NAME=PID... Prints a line for each attempt: its name, and "yes", or why
# not. Perl, for Debian's base has it; a child of the listener, so that user, capabilities, system calls, mounts and sockets are the listener's.
use strict;
use warnings;
use Fcntl;
use Socket qw(:DEFAULT IPPROTO_ICMP inet_pton pack_sockaddr_in6);

my ($four, $six, @processes) = @ARGV;
my $port = 8080;
my $is_x86 = `uname -m` =~ /x86_64/;
$| = 1;

sub report {
    my ($what, $success) = @_;
    my $why = "$!";
    print "$what: ", ($success ? 'yes' : $why), "\n";
}

sub slurp {
    my ($path) = @_;
    open(my $file, '<', $path) or return;
    return <$file>;
}

# A socket of this kind, and whether it reaches somebody.
my %address = (
    AF_INET() => sub { sockaddr_in($port, inet_aton($_[0])) },
    AF_INET6() => sub { pack_sockaddr_in6($port, inet_pton(AF_INET6, $_[0])) },
);
for my $case (
    ['tcp4', AF_INET, SOCK_STREAM, 0, $four], ['tcp6', AF_INET6, SOCK_STREAM, 0, $six],
    ['tcp-loopback', AF_INET, SOCK_STREAM, 0, '127.0.0.1'], ['udp4', AF_INET, SOCK_DGRAM, 0, $four],
    ['udp6', AF_INET6, SOCK_DGRAM, 0, $six], ['raw4', AF_INET, SOCK_RAW, 255, $four], ['raw6', AF_INET6, SOCK_RAW, 58, $six],
    ['ping', AF_INET, SOCK_DGRAM, IPPROTO_ICMP, $four],
) {
    my ($what, $family, $type, $protocol, $to) = @$case;
    my $socket;
    if (!socket($socket, $family, $type, $protocol)) { report($what, 0); next }
    my $there = $address{$family}->($to);
    report($what, $type == SOCK_STREAM ? connect($socket, $there) : send($socket, 'knockctl' x 8, 0, $there));
}
# AF_PACKET, AF_VSOCK, AF_ALG, AF_BLUETOOTH.
for my $case (['packet', 17, SOCK_RAW], ['vsock', 40, SOCK_STREAM], ['alg', 38, 5], ['bluetooth', 31, SOCK_RAW]) {
    my ($what, $family, $type) = @$case;
    my $socket;
    report("$what socket", socket($socket, $family, $type, $family == 17 ? 0x0300 : 0));
}
# A datagram from an address that is not this host's, by the packet socket that the listener has for its capture.
my %captures = map { (split)[8] => 1 } slurp('/proc/net/packet');
for my $fd (map { m{(\d+)$} } glob '/proc/self/fd/*') {
    next unless (readlink("/proc/self/fd/$fd") // '') =~ /^socket:\[(\d+)\]$/ && $captures{$1};
    my $udp = pack('nnnn', $port, $port, 8, 0);
    my $head = pack('CCnnnCCna4a4', 0x45, 0, 20 + length $udp, 1, 0, 64, 17, 0, inet_aton('10.77.3.77'), inet_aton($four));
    my $sum = unpack('%32n*', $head);
    $sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16;
    substr($head, 10, 2) = pack('n', ~$sum & 0xffff);
    my ($index) = slurp('/sys/class/net/eth0/ifindex');
    open(my $socket, '+<&=', $fd) or die;
    report('frame by the capture', send($socket, $head . $udp, 0, pack('SnlSCCa8', 17, 0x0800, $index, 0, 0, 6, "\xff" x 6)));
}

for my $path (qw(
    /etc/taken /etc/knockctl/knockctl.conf /usr/lib/knockctl/taken /usr/lib/knockctl/dist/app/bin/listener.js /var/lib/knockctl/taken
    /var/log/taken /run/taken /run/knockctl/taken /run/lock/taken /dev/shm/taken /dev/mqueue/taken /root/taken /home/taken
    /proc/sys/kernel/hostname /sys/kernel/mm/ksm/run /tmp/taken /var/tmp/taken
)) {
    report("write $path", sysopen(my $file, $path, O_WRONLY | O_CREAT));
}
for my $path (qw(
    /etc/knockctl/knockctl.conf /etc/knockctl/knockd.conf /etc/knockctl/knockd.trusted /etc/shadow /etc/ssh/ssh_host_ed25519_key
    /run/knockctl/supervisor /var/lib/knockctl/events.jsonl /root/.profile /proc/kcore /dev/mem
)) {
    report("read $path", sysopen(my $file, $path, O_RDONLY));
}
report("list $_", opendir(my $folder, $_)) for qw(/etc/knockctl /run/knockctl /var/lib/knockctl /root);

for (@processes) {
    my ($name, $pid) = split /=/;
    report("see $name", -e "/proc/$pid");
    report("signal $name", kill(0, $pid));
    # ptrace(2): PTRACE_SEIZE.
    report("trace $name", syscall($is_x86 ? 101 : 117, 0x4206, $pid + 0, 0, 0) == 0);
    report("memory of $name", sysopen(my $memory, "/proc/$pid/mem", O_RDONLY));
}

# To become somebody else, or to have other namespaces: CLONE_NEWUSER, CLONE_NEWNET.
$> = 0;
report('root', $> == 0);
my $unshare = $is_x86 ? 272 : 97;
report('user namespace', syscall($unshare, 0x10000000) == 0);
report('network namespace', syscall($unshare, 0x40000000) == 0);
# Sockets of other services.
for my $path (qw(/run/knockctl/control.sock /run/systemd/private /run/dbus/system_bus_socket)) {
    socket(my $socket, AF_UNIX, SOCK_STREAM, 0) or die;
    report("connect $path", connect($socket, sockaddr_un($path)));
}
print "done\n";
