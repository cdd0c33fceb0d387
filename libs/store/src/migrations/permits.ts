import { Migration } from '@mikro-orm/migrations';

/**
 * Permits are a sliding log, and taking them is a function so that it costs one round trip. Its statements each see what
 * was committed before them (the function is volatile), so counting after the lock is counting what the last taker left.
 *
 * A permit counts from `taken_at`, when it may be used, until one window after `ends_at`. The vendor received the call in between, so whatever
 * window the vendor looks at, it never holds more calls than the limit. Some milliseconds on top make up for rounding.
 */
export class PermitTables extends Migration {
  override name = '2026-11-permits';

  override up(): void {
    this.addSql(`create table connector.permit (
      id bigserial primary key, account text not null, operation text not null, taken_at timestamptz(6) not null,
      ends_at timestamptz(6) not null, settled boolean not null, probe boolean not null)`);
    this.addSql(`create index permit_window on connector.permit (account, operation, ends_at)`);
    this.addSql(`create index permit_probe on connector.permit (account) where probe and not settled`);
    this.addSql(`alter table connector.permit set (
      autovacuum_vacuum_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.1, autovacuum_vacuum_threshold = 1000)`);
    this.addSql(`create table connector.pause (
      account text not null, operation text not null, until timestamptz(6) not null, failures int not null, probed boolean not null, primary key (account, operation))`);
    this.addSql(takePermits);
    this.addSql(settlePermits);
    this.addSql(giveBackPermits);
  }
}

// Losing the last moments of the log in a crash of the server is harmless (it starts slower than that), waiting for the
// disk on every call is not: hence synchronous_commit.
const takePermits = `
create function connector.take_permits(
  of_account text, of_operation text, want int, burst int, steady int, spacing_ms int, ahead_ms int,
  out permits text[], out wait_ms int, out failures_in_a_row int
) language plpgsql as $$
declare
  in_second constant interval := interval '1005 milliseconds';
  in_minute constant interval := interval '60005 milliseconds';
  given_up_after constant interval := interval '60 seconds';
  moment timestamptz;
  horizon timestamptz;
  from_at timestamptz;
  paused_until timestamptz;
  probing boolean := false;
  granted int;
  of_second int;
  of_minute int;
  of_second_now int;
  of_minute_now int;
  last_taken timestamptz;
  free_at timestamptz;
begin
  perform set_config('synchronous_commit', 'off', true);
  perform pg_advisory_xact_lock(3, hashtext(of_account || ' ' || of_operation));
  permits := '{}';
  wait_ms := 0;
  select max(s.until), coalesce(max(s.failures) filter (where s.operation = '*'), 0) into paused_until, failures_in_a_row
    from connector.pause s where s.account = of_account and s.operation in (of_operation, '*');
  if failures_in_a_row > 0 then
    -- Operations of one account are locked apart; the row makes them agree on who probes.
    select greatest(paused_until, s.until), s.failures into paused_until, failures_in_a_row
      from connector.pause s where s.account = of_account and s.operation = '*' for update;
    probing := failures_in_a_row > 0;
  end if;
  moment := clock_timestamp();
  if paused_until > moment then
    wait_ms := ceil(extract(epoch from paused_until - moment) * 1000);
    return;
  end if;
  if probing then
    if exists (select 1 from connector.permit p where p.account = of_account and p.probe and not p.settled and p.ends_at > moment) then
      wait_ms := 250;
      return;
    end if;
    want := least(want, 1);
  end if;

  -- What will have left the windows until then makes room already now.
  horizon := moment + case when probing then 0 else ahead_ms end * interval '1 millisecond';
  select count(*) filter (where p.ends_at > horizon - in_second), count(*) filter (where p.ends_at > horizon - in_minute), max(p.taken_at),
      count(*) filter (where p.ends_at > moment - in_second), count(*)
    into of_second, of_minute, last_taken, of_second_now, of_minute_now
    from connector.permit p
    where p.account = of_account and p.operation = of_operation and p.ends_at > moment - in_minute;
  granted := least(want, burst - of_second, steady - of_minute);
  free_at := last_taken + spacing_ms * interval '1 millisecond';
  if free_at > horizon then
    granted := 0;
  end if;

  if granted > 0 then
    -- A permit may be used when those whose places it takes have left.
    from_at := greatest(moment, free_at);
    if of_second_now + granted > burst then
      select greatest(from_at, p.ends_at + in_second) into from_at
        from connector.permit p
        where p.account = of_account and p.operation = of_operation and p.ends_at > moment - in_second
        order by p.ends_at offset of_second_now + granted - burst - 1 limit 1;
    end if;
    if of_minute_now + granted > steady then
      select greatest(from_at, p.ends_at + in_minute) into from_at
        from connector.permit p
        where p.account = of_account and p.operation = of_operation and p.ends_at > moment - in_minute
        order by p.ends_at offset of_minute_now + granted - steady - 1 limit 1;
    end if;
    wait_ms := ceil(extract(epoch from from_at - moment) * 1000);
    with taken as (
      insert into connector.permit (account, operation, taken_at, ends_at, settled, probe)
      select of_account, of_operation, from_at, from_at + given_up_after, false, probing from generate_series(1, granted)
      returning id
    )
    select array_agg(id::text) into permits from taken;
    if probing then
      update connector.pause s set probed = true where s.account = of_account and s.operation = '*';
    end if;
    if random() < 0.02 then
      delete from connector.permit p
        where p.account = of_account and p.operation = of_operation and p.ends_at < moment - 2 * in_minute;
    end if;
    return;
  end if;

  -- When the permit that has to leave the window first will have left it; one still out may be settled this very moment.
  if of_second >= burst then
    select greatest(free_at, least(p.ends_at, moment) + in_second) into free_at
      from connector.permit p
      where p.account = of_account and p.operation = of_operation and p.ends_at > horizon - in_second
      order by p.ends_at offset of_second - burst limit 1;
  end if;
  if of_minute >= steady then
    select greatest(free_at, least(p.ends_at, moment) + in_minute) into free_at
      from connector.permit p
      where p.account = of_account and p.operation = of_operation and p.ends_at > horizon - in_minute
      order by p.ends_at offset of_minute - steady limit 1;
  end if;
  wait_ms := greatest(1, ceil(extract(epoch from free_at - horizon) * 1000));
end $$`;

const settlePermits = `
create function connector.settle_permits(ids bigint[]) returns void language plpgsql as $$
begin
  perform set_config('synchronous_commit', 'off', true);
  update connector.permit p set settled = true, ends_at = clock_timestamp() where p.id = any(ids) and not p.settled;
end $$`;

const giveBackPermits = `
create function connector.give_back_permits(ids bigint[]) returns void language plpgsql as $$
begin
  perform set_config('synchronous_commit', 'off', true);
  delete from connector.permit p where p.id = any(ids) and not p.settled;
end $$`;
