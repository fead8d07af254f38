#!/usr/bin/env -S PERL_BADLANG=0 /usr/bin/perl -C0
# Made by doitstack: has a warm server run the command, or runs the command itself.
# Perl's start is a fraction of Python's, and perl-base is in every Debian. No modules: they
# would cost more than all the rest.

my ($real, $directory, $name, $stamp) = (@REAL@, @DIRECTORY@, @NAME@, @STAMP@);
my ($SENDMSG, $MEMFD, $SIGNALFD, $SIGPROCMASK, $FCNTL, $CLOSE) = (@SYSCALLS@);
my ($O_PATH, $CLOEXEC, $NONBLOCK, $NOSIGNAL) = (010000000, 02000000, 04000, 0x4000);
my $PATIENCE = 0.25;    # seconds until the server must have said that it is ready
my $BUSY = 40;          # how often a server that is waiting for a processor is given them again

sub run_real {
    delete $ENV{PERL_BADLANG};
    exec { $real } $real, @ARGV;
    print STDERR "$real: $!\n";
    exit 127;
}

sub slurp {
    open(my $file, '<', $_[0]) or return undef;
    local $/;
    return scalar readline $file;
}

sub identity {
    return join ' ', (stat $_[0])[0, 1];
}

sub descriptors {
    # The caller's are those that an exec would keep; perl marks its own.
    opendir(my $all, '/proc/self/fd') or return;
    return sort { $a <=> $b }
        grep { /^\d+$/ && !(syscall($FCNTL, $_ + 0, 1, 0) & 1) } readdir $all;
}

sub connected {
    # A path of a socket has at most 107 bytes, so it goes through the open directory.
    sysopen(my $place, $directory, $O_PATH) or return;
    socket(my $socket, 1, 1 | $CLOEXEC | $NONBLOCK, 0) or return;
    connect($socket, pack('S a108', 1, '/proc/self/fd/' . fileno($place) . "/$name.sock"))
        or return;
    my (undef, $uid) = unpack 'lll', getsockopt($socket, 1, 17) || return;
    return $uid == $> ? $socket : undef;
}

sub request {
    my @numbers = @_;
    my ($status, $limits, $environ) = map { slurp("/proc/self/$_") } qw(status limits environ);
    return unless defined $status && defined $limits && defined $environ;
    $environ =~ s/(?:^|(?<=\0))PERL_BADLANG=0\0//;
    my $place = join ' ', map { readlink "/proc/self/$_" }
        qw(root ns/cgroup ns/ipc ns/mnt ns/net ns/pid ns/user ns/uts);
    my @parts = (getpriority(0, 0), "@numbers", $status, $limits, $place,
        join('', map {"$_\0"} @ARGV), $environ);
    my $label = 'request';
    my $number = syscall($MEMFD, $label, 1);
    return if $number < 0;
    open(my $memory, '+<&=', $number) or return;
    my $text = join('', "$stamp ", join(' ', map {length} @parts), "\n", @parts);
    local $SIG{XFSZ} = 'IGNORE';    # `ulimit -f` counts here, too
    return (syswrite($memory, $text) // 0) == length $text ? $memory : undef;
}

sub give {
    my ($socket, @numbers) = @_;
    my $data = '?';
    my $rights = pack 'l*', @numbers;
    my $control = pack('Q l l', 16 + length $rights, 1, 1) . $rights;
    $control .= "\0" x (-length($control) % 8);
    my $vector = pack 'P Q', $data, 1;
    my $message = pack 'Q L x4 P Q P Q l x4', 0, 0, $vector, 1, $control, length $control, 0;
    return syscall($SENDMSG, fileno($socket), $message, $NOSIGNAL) == 1;
}

sub readable {
    # Of the handles, those that can be read; none after so many seconds.
    my ($seconds, @handles) = @_;
    my $bits = '';
    vec($bits, fileno $_, 1) = 1 for @handles;
    my $count = select($bits, undef, undef, $seconds);
    return $count > 0 ? grep { vec($bits, fileno $_, 1) } @handles : ();
}

sub is_busy {
    # Many calls at once leave little of a processor to the server: it will come to us.
    my ($pid) = unpack 'l', getsockopt($_[0], 1, 17);
    return (slurp("/proc/$pid/stat") // '') =~ /.*\) [RD]/s;
}

sub heard {
    my ($socket, $wanted) = @_;
    my ($turns, $word) = (0, '');
    until (readable($PATIENCE, $socket)) {
        return unless $turns++ < $BUSY && is_busy($socket);
    }
    return sysread($socket, $word, 1) && $word eq $wanted;
}

sub end_as {
    my ($signal) = @_;
    my ($none, $old) = (pack('Q', 0), pack('Q', 0));
    $SIG{(qw(ZERO HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM))
        [$signal] // 'TERM'} = 'DEFAULT' unless $signal == 9;
    kill $signal, $$;
    syscall($SIGPROCMASK, 2, $none, $old, 8);
    exit 128 + $signal;
}

my @numbers = descriptors();
my $is_talk = !@ARGV && -t STDIN;    # somebody will stay for a while
my $script = identity($0);
my @usurped = grep { identity("/proc/self/fd/$_") eq $script } 0 .. 2;
if (@usurped || (grep { $_ <= 2 } @numbers) < 3) {
    # The caller has closed a standard descriptor, and perl may have its script in that place.
    syscall($CLOSE, $_) for @usurped;
    run_real();
}
run_real() if $is_talk || @numbers > 200;
# In a directory that is gone some modules cannot even be imported.
run_real() if (readlink '/proc/self/cwd' // '') =~ / \(deleted\)\z/;
my $socket = connected() or run_real();
# Descriptors that wait in the queue of a stuck server would keep pipes open, so it speaks first.
heard($socket, '+') or run_real();
my $memory = request(@numbers) or run_real();
sysopen(my $cwd, '.', $O_PATH) or run_real();
give($socket, fileno($memory), fileno($cwd), @numbers) or run_real();
heard($socket, '!') or run_real();

# From here on signals are read, not handled, so none can come between a look and a wait.
my @caught = (1 .. 3, 6, 10, 12 .. 15, 20, 24, 26 .. 30);
my ($ignored) = slurp('/proc/self/status') =~ /^SigIgn:\t(\w+)/m;
my $wanted = 0;
$wanted |= 1 << ($_ - 1) for @caught;
$wanted &= ~hex $ignored;
my ($mask, $old) = (pack('Q', $wanted), pack('Q', 0));
syscall($SIGPROCMASK, 0, $mask, $old, 8);
my $number = syscall($SIGNALFD, -1, $mask, 8, $CLOEXEC);
my $signals;
if ($number < 0 || !open($signals, '<&=', $number)) {
    syscall($SIGPROCMASK, 2, $old, $mask, 8);
    run_real();
}

# Once this is sent, the command runs there or not at all.
send($socket, 'G', $NOSIGNAL);
while (1) {
    my @ready = readable(undef, $signals, $socket);
    if (grep { $_ == $socket } @ready) {
        my $count = sysread($socket, my $data, 4);
        next if !defined $count && ($! == 4 || $! == 11);    # EINTR, EAGAIN
        end_as(9) if !$count || $count < 4;
        my $status = unpack 'L', $data;
        end_as($status & 127) if $status & 127;
        exit $status >> 8;
    }
    if (grep { $_ == $signals } @ready) {
        sysread($signals, my $data, 128) or next;
        my $signal = unpack 'L', $data;
        if ($signal == 20) {    # TSTP: stop there, then here; go on in the same order
            send($socket, chr 19, $NOSIGNAL);
            kill 'STOP', $$;
            $signal = 18;
        }
        send($socket, chr $signal, $NOSIGNAL);
    }
}
