# RulePack.pm: runs the examples of a rule pack against a live cluster
#
# Every example of a rule is a test: the error is provoked (or, where an
# example only states it, ingested), the diagnosis must be the rule, and if
# the rule names a patch template, the patch goes the whole way to healed and
# back.  What an example expects stands beside it in the pack; docs/rules.md
# lists the keys.  Used by test/t/05*_postgresql_pack_*.pl.
#
#   my $pack = RulePack->new('share/rules/postgresql.json');
#   $pack->run(sub { my ($rule) = @_; ... which rules ... });
#
# Settings may follow the file's name.  test/t/035_forged_errors.pl takes its
# examples apart with the methods below.

package RulePack;

use strict;
use warnings;
use utf8;

use Encode qw(encode);
use HomeostasisCluster;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

# Seconds until an error has been diagnosed, or a patch has moved on.
my $patience = 60;

# Keys an example may have; one that is not listed is a mistake.
my %example_keys = map { $_ => 1 } qw(
  setup superuser setup_fails as_role before before_fails other meanwhile
  blocked sql ended_by_server no_connection cleanup database
  message sqlstate error_type detail hint context statement level metadata
  finding unless_available since until refusal invalid proof retry check before_undo undo_error);

sub new
{
    my ($class, $file, %settings) = @_;
    my $json = slurp_file(checkout() . "/$file");
    my $self = bless {
        pack  => decode_json($json),
        class => {},
        count => 0
    }, $class;

    $self->{node} = new_cluster(
        'pack',
        'homeostasis.mode'                    => 'suggest',
        'homeostasis.healer_interval'         => '100ms',
        'homeostasis.max_healings_per_hour'   => '10000',
        'homeostasis.max_healings_per_object_per_hour' => '10000',
        # Vacuum would mend by itself what examples leave unfrozen, and a
        # slot is soon behind when little WAL is kept.
        'autovacuum'              => 'off',
        'max_wal_size'            => '32MB',
        'wal_level'               => 'replica',
        'max_replication_slots'   => '4',
        'max_prepared_transactions' => '0',
        'lc_messages'             => 'C',
        %settings);
    $self->home(q{
        create role example login;
        create role example_app login;
        grant create on schema public to example;
        update homeostasis.policies
          set observe_window = '100 milliseconds', settle_time = '0 seconds'});
    return $self;
}

# home(sql): as superuser in the home database
sub home
{
    my ($self, $sql) = @_;

    return $self->{node}->safe_psql('postgres', encode('UTF-8', $sql));
}

sub text
{
    my ($value) = @_;

    return ref $value ? join("\n", @$value) : $value;
}

sub literal
{
    my ($value) = @_;

    $value =~ s/'/''/g;
    return "'$value'";
}

# The SQL of a key, with :database filled in and no semicolon at its end.
sub sql
{
    my ($self, $example, $key) = @_;
    my $sql = text($example->{$key});

    return undef unless defined $sql;
    $sql =~ s/:database/$self->{database}/g;
    $sql =~ s/;?\s*\z//;
    return $sql;
}

# execute(key, role): a script that must succeed
sub execute
{
    my ($self, $example, $key, $role) = @_;
    my $sql = $self->sql($example, $key);

    return unless defined $sql && $sql ne '';
    my $may_fail = $example->{"${key}_fails"};
    my ($status, $out, $err) = $self->psql($sql, $role, $may_fail);
    $status == 0 || $may_fail
      or die "$key of the example fails: $err\n";
    return $out;
}

# psql(sql, role[, may_fail]): status, stdout, stderr
sub psql
{
    my ($self, $sql, $role, $may_fail) = @_;
    my ($out, $err) = ('', '');
    my $status = $self->{node}->psql(
        $self->{database}, encode('UTF-8', $sql),
        stdout        => \$out,
        stderr        => \$err,
        on_error_stop => !$may_fail,
        extra_params  => [ '-U', $role ]);

    return ($status, $out, $err);
}

sub session
{
    my ($self, $role) = @_;

    return $self->{node}->background_psql(
        $self->{database},
        on_error_stop => 0,
        extra_params  => [ '-U', $role ]);
}

# send_to(session, sql[, may_fail]): wait for its answer
sub send_to
{
    my ($session, $sql, $may_fail) = @_;

    return unless defined $sql;
    # A session that the server ends takes psql with it.
    eval { $session->query(encode('UTF-8', $sql)); 1 } or return $@;
    my $error = $session->{stderr};
    $session->{stderr} = '';
    die "a session of the example fails: $error\n"
      if $error =~ /ERROR/ && !$may_fail;
    return $error;
}

# A fresh database of role example; or the home database.
sub prepare
{
    my ($self, $example) = @_;

    $self->{count}++;
    $self->{begin} = $self->home('select clock_timestamp()');
    if (($example->{database} // '') eq 'home')
    {
        $self->{database} = 'postgres';
    }
    else
    {
        $self->{database} = "example_$self->{count}";
        $self->home("create database $self->{database} owner example");
    }
    $self->execute($example, 'superuser', 'postgres');
    $self->execute($example, 'setup', 'example');
    return;
}

sub is_home
{
    my ($self) = @_;

    return $self->{database} eq 'postgres';
}

# Who runs the statement: checkups are for operators.
sub role
{
    my ($self, $example) = @_;

    return $example->{as_role} // ($self->is_home ? 'postgres' : 'example');
}

# provoke(example): runs its SQL, in the order the sessions need; the sessions
# that stay open are kept in $self->{open}.
sub provoke
{
    my ($self, $example) = @_;
    my $role = $self->role($example);
    my ($main, $other);

    local $ENV{PGAPPNAME} = "example $self->{count}";
    if ($example->{no_connection})
    {
        my ($status) = $self->psql('select 1', $role);

        $status != 0 or die "the connection of the example does not fail\n";
        return;
    }
    $main = $self->session($role);
    send_to($main, $self->sql($example, 'before'), $example->{before_fails});
    {
        local $ENV{PGAPPNAME} = 'another session of an example';
        $other = $self->session($role)
          if grep { defined $example->{$_} } qw(other meanwhile blocked);
    }
    foreach my $key (qw(other meanwhile))
    {
        send_to($other, $self->sql($example, $key));
    }
    if (defined $example->{blocked})
    {
        $other->query_until(qr/blocked/,
            "\\echo blocked\n" . $self->sql($example, 'blocked') . ";\n");
        $self->wait_for_lock;
        # Its one search for a deadlock is over, so that ours finds one.
        wait_for_value($self->{node}, q{
            select bool_or(clock_timestamp() - waitstart > interval '300 ms') from pg_locks where not granted}, 't');
    }
    my $error = send_to($main, $self->sql($example, 'sql'), 1);
    # A checkup finds something without failing.
    $example->{ended_by_server} || $self->is_home || $error ne ''
      or die "the example does not fail\n";
    $self->{open} = [ $main, grep { defined } $other ];
    return;
}

sub wait_for_lock
{
    my ($self) = @_;

    wait_for_value($self->{node},
        'select count(*) > 0 from pg_locks where not granted', 't');
    return;
}

sub close_sessions
{
    my ($self) = @_;

    foreach my $session (@{ $self->{open} // [] })
    {
        eval { $session->quit };
    }
    $self->{open} = [];
    return;
}

# state(example): ingests the error that the example states, as a client
# reports it or, with "finding", as a checkup finds it in a session that is
# idle in its transaction.
sub state_error
{
    my ($self, $example) = @_;
    my %event = (
        language      => 'sql',
        error_type    => $example->{error_type} // 'unknown',
        error_message => text($example->{message}),
        level         => $example->{level} // 'error',
        application_name => "example $self->{count}",
        metadata      => $example->{metadata});

    $event{error_message} =~ s/:database/$self->{database}/g;
    foreach my $key (qw(sqlstate detail hint context statement))
    {
        $event{$key} = text($example->{$key}) if defined $example->{$key};
    }
    if ($example->{finding})
    {
        $event{level} = 'warning';
        $event{database} = $self->{database};
        if (defined $example->{other})
        {
            my $idle = $self->session('example');
            my $waiting = $self->session('example');

            $self->{open} = [ $waiting, $idle ];
            send_to($idle, $self->sql($example, 'other'));
            $waiting->query_until(qr/blocked/,
                "\\echo blocked\n" . $self->sql($example, 'blocked') . ";\n");
            $self->wait_for_lock;
            $event{metadata} = decode_json($self->home(qq{
                select jsonb_build_object('pid', pid, 'backend_start', backend_start)
                from pg_stat_activity
                where datname = '$self->{database}' and state = 'idle in transaction'}));
        }
    }
    else
    {
        $event{service} = 'examples';
    }
    delete $event{metadata} unless defined $event{metadata};
    my $function = $example->{finding} ? 'ingest_checkup' : 'ingest';
    my $events = literal(JSON::PP->new->encode([ \%event ]));

    $self->home("select homeostasis.$function($events)");
    return;
}

# The issue of the example's last error, and the rule that diagnosed it.
sub diagnosis
{
    my ($self, $example) = @_;
    # A client that is turned away has not said its name yet.
    my $which =
        $self->is_home || $example->{finding} ? "e.origin = 'checkup'"
      : $example->{no_connection} ? "e.level = 'fatal' and e.received_at > '$self->{begin}'"
      :   "e.application_name = 'example $self->{count}'";

    return qq{
        select a.issue_id, a.rule_id
        from homeostasis.errors e
        join homeostasis.issue_fingerprints f using (service_id, fingerprint)
        join homeostasis.analysis a using (service_id, issue_id)
        where $which
        order by e."timestamp" desc, a.created_at desc
        limit 1};
}

# explain(): what each rule made of the example's last error
sub explain_diagnosis
{
    my ($self) = @_;

    return $self->home(qq{
        select format('%s %s %s', e.sqlstate, e.message, e.detail)
        from homeostasis.errors e
        order by e.received_at desc limit 3});
}

# The definition of everything in the database.
sub definition
{
    my ($self) = @_;
    my ($out, $err) = run_command(
        [ 'pg_dump', '--schema-only', '--create', '--exclude-schema=homeostasis',
          '--host', $self->{node}->host, '--port', $self->{node}->port,
          '--username=postgres', $self->{database} ]);

    # The word differs from one dump to the next.
    $out =~ s/^\\(?:un)?restrict .*\n//mg;
    return $out;
}

# patch_status(issue): waits until its latest patch is in one of the states;
# returns state and reason.
sub patch_status
{
    my ($self, $issue, @states) = @_;
    my $states = join '|', @states, qw(refused invalid failed);
    my $row = wait_for_value($self->{node}, qq{
        select p.id, p.status, p.status_reason from homeostasis.patches p
        where p.issue_id = $issue order by p.id desc limit 1},
        qr/^\d+\|(?:$states)\|/, $patience);

    $row =~ /^(\d+)\|(\w+)\|(.*)/s;
    $self->{patch} = $1;
    return ($2, $3);
}

# retry(example): the error that the statement gives now, if any; undef where
# there is no statement that could fail
sub retry
{
    my ($self, $example) = @_;
    my $before = $self->sql($example, 'before');
    my $sql = $self->sql($example, 'retry') // $self->sql($example, 'sql');

    return undef if !defined $sql || $sql eq '' || $self->is_home;
    my ($status, $out, $err) =
      $self->psql((defined $before ? "$before;\n" : '') . $sql,
        $self->role($example));
    return $status == 0 ? '' : $err;
}

# heal(example, issue): plan, dry run, approval, deployment, healed
sub heal
{
    my ($self, $example, $issue) = @_;
    my ($status, $reason) = $self->patch_status($issue, 'validated');

    if (defined $example->{refusal})
    {
        is($status, 'refused', 'no patch is proposed');
        like($reason, qr/$example->{refusal}/, 'and the reason tells why');
        return;
    }
    if (defined $example->{invalid})
    {
        is($status, 'invalid', 'the dry run disproves the patch');
        like($reason, qr/$example->{invalid}/, 'and tells why');
        return;
    }
    is($status, 'validated', 'the patch is planned and validated')
      or return diag($reason);
    is($self->home(qq{
        select coalesce(v.strength, 'failed') from homeostasis.validations v
        where v.patch_id = $self->{patch} order by v.id desc limit 1}),
        $example->{proof} // 'reproduced', "its proof: $reason");

    my $patch = $self->{patch};
    my $before = $self->definition;
    $self->home("select homeostasis.approve($patch, 'an example')");
    ($status, $reason) = $self->patch_status($issue, 'healed', 'rolled_back');
    is($status, 'healed', 'the patch is deployed and the issue healed')
      or return diag($reason);
    is($self->home("select status from homeostasis.issues where id = $issue"),
        'healed', 'so says the issue');

    my $error = $self->retry($example);
    is($error, '', 'the statement succeeds') if defined $error;
    if (defined $example->{check})
    {
        is($self->execute($example, 'check', 'postgres'), 't',
            'the change is the expected one');
    }
    elsif ($before eq $self->definition)
    {
        fail('nothing has changed, and the example has no check');
    }
    $self->undo($example, $issue, $before);
    return;
}

# undo(example, issue, definition): back to where it was
sub undo
{
    my ($self, $example, $issue, $before) = @_;
    my $patch = $self->{patch};
    my $has_undo = $self->home(qq{
        select undo_sql is not null from homeostasis.patches where id = $patch});
    my $reversible = $self->home(qq{
        select t.reversible from homeostasis.patches p
        join homeostasis.patch_templates t on t.name = p.template
        where p.id = $patch});

    is($has_undo, $reversible eq 'yes' ? 't' : 'f',
        'there is an undo if the template says so');
    return unless $has_undo eq 't';

    $self->execute($example, 'before_undo', 'postgres');
    $self->home("select homeostasis.rollback($patch, 'an example')");
    my ($status, $reason) = $self->patch_status($issue, 'rolled_back');
    if (defined $example->{undo_error})
    {
        is($status, 'failed', 'the undo does not destroy anything');
        like($reason, qr/$example->{undo_error}/, 'and says why');
        return;
    }
    is($status, 'rolled_back', 'the patch is rolled back')
      or return diag($reason);
    is($self->definition, $before, 'everything is as it was before');
    my $error = $self->retry($example);
    isnt($error, '', 'the statement fails again') if defined $error;
    return;
}

# Whether this server can give the example's error.
sub is_possible
{
    my ($self, $example) = @_;
    my $available = $example->{unless_available};
    my $major = $self->{node}->pg_version->major;

    return 0 if $major < ($example->{since} // 0);
    return 0 if $major > ($example->{until} // $major);
    return !defined $available || !$self->home(qq{
        select count(*) from pg_available_extensions where name = '$available'});
}

# One example: provoked or stated, diagnosed, healed.
sub run_example
{
    my ($self, $rule, $example) = @_;

    $self->prepare($example);
    if (defined $example->{sql})
    {
        $self->provoke($example);
    }
    else
    {
        $self->state_error($example);
    }
    my ($node, $query) = ($self->{node}, $self->diagnosis($example));
    my $diagnosed =
      poll_until($node, $query, qr/\|\Q$rule->{id}\E$/, 'the diagnosis is right', 20);
    if (!$diagnosed)
    {
        diag($self->explain_diagnosis);
    }
    elsif (defined $rule->{template}
        && (defined $example->{sql} || $example->{finding}))
    {
        my ($issue) = split /\|/, $self->home($query);
        # Only what a checkup finds goes on while it is healed.
        $self->close_sessions unless $example->{finding};
        $self->heal($example, $issue);
    }
    return;
}

sub finish_example
{
    my ($self, $example) = @_;

    $self->close_sessions;
    $self->execute($example, 'cleanup', 'postgres');
    $self->home("drop database $self->{database} with (force)")
      unless $self->is_home;
    return;
}

# run(which): the examples of the rules for which which(rule) is true
sub run
{
    my ($self, $which) = @_;
    my $wanted = $ENV{RULE} // '.';

    foreach my $rule (grep { $which->($_) } @{ $self->{pack}{rules} })
    {
        next unless $rule->{id} =~ /$wanted/;
        subtest $rule->{id} => sub {
            my @examples = @{ $rule->{examples} // [] };

            ok(scalar @examples, 'the rule has examples');
            ok(scalar(grep { defined $_->{sql} || $_->{finding} } @examples),
                'and one that goes the whole way')
              if defined $rule->{template};
            foreach my $example (@examples)
            {
                my $number = ++$self->{number};
                my @unknown = grep { !$example_keys{$_} } keys %$example;

                is("@unknown", '', 'the keys of the example are known');
                next unless $self->is_possible($example);
                eval { $self->run_example($rule, $example); 1 }
                  or fail("example: $@");
                eval { $self->finish_example($example); 1 }
                  or fail("end of example: $@");
            }
        };
    }
    return;
}

1;
