# seal-runc.pl RUNC PROGRAM...: runs PROGRAM with one more argument, the path of a runc that lies in a sealed memory file,
# open as descriptor 9. Otherwise runc 1.1 copies itself into one at each start of a container, and a start fails where
# the kernel does not grant the seals in time (EBUSY). Where it cannot be sealed, the path is RUNC itself.
use strict;
use warnings;
use POSIX qw(dup2 uname);

my ($runc, @program) = @ARGV;
# memfd_create, by machine
my $number = { x86_64 => 319, aarch64 => 279 }->{(uname)[4]};
my $path = $runc;
if (defined $number) {
	eval {
		# MFD_CLOEXEC and MFD_ALLOW_SEALING
		my ($name, $flags) = ('runc', 3);
		my $fd = syscall $number, $name, $flags;
		$fd >= 0 && dup2($fd, 9) or die "memfd_create: $!";
		open my $from, '<:raw', $runc or die "$runc: $!";
		open my $to, '+<&=', 9 or die $!;
		while (my $read = sysread $from, my $piece, 1 << 20) {
			syswrite($to, $piece) == $read or die "write: $!";
		}
		for my $try (1 .. 50) {
			# F_ADD_SEALS, all four of them; EBUSY
			last if fcntl $to, 1033, 15;
			$! == 16 && $try < 50 or die "F_ADD_SEALS: $!";
			select undef, undef, undef, 0.1;
		}
		# F_SETFD: not closed by exec
		fcntl $to, 2, 0 or die "F_SETFD: $!";
		$path = '/proc/1/fd/9';
		exec @program, $path;
	};
	warn "runc is not sealed: $@";
}
exec @program, $runc;
