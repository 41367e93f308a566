# commands.pl OUTPUT - runs others by system, backquotes and pipes; ends with
# status 7.
use strict;
use warnings;
my $job = 's=0; i=0; while [ $i -lt 30000 ]; do s=$(((s * 31 + i + $0) % 1000003)); i=$((i + 1)); done; ';
my @lines;
for my $i (1 .. ($ENV{HWCKPT_STRESS} ? 60 : 8)) {
  open(my $pipe, '-|', 'sh', '-c', $job . 'echo $s', $i) or die;
  my $status = system('sh', '-c', $job . 'exit $((s % 256))', $i + 100) >> 8;
  my $said = `sh -c '$job echo \$s; sleep 0.01' $i`;
  my $read = <$pipe>;
  close($pipe) or die;
  push @lines, "$i $status $said$read";
}
open(my $output, '>', $ARGV[0]) or die;
print $output @lines;
close($output) or die;
exit 7;
