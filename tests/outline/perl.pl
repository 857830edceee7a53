#!/usr/bin/perl
package Shop::Order;
use constant LIMIT => 10;

=pod

sub fake {}

=cut

sub new {
    my ($class, %args) = @_;
    my $n = $#{$args{list}};
    my $text = <<"END";
sub heredoc {
END
    $text =~ s{sub x}{y}g;
    return bless {}, $class; # sub c
}
sub _private { return q(sub z {) }
1;
__END__
