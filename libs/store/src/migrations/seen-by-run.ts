import { Migration } from '@mikro-orm/migrations';

/**
 * Each run sees into a table of its own. What it has seen is forgotten with the table: deleting millions of rows kept the database busy for
 * as long as a twentieth of the run, and webhooks waited beside it. Runs that are under way keep what they have seen.
 */
export class SeenByRun extends Migration {
  override name = '2026-11-seen-by-run';

  override up(): void {
    this.addSql(`alter table connector.run_seen rename to run_seen_before`);
    this.addSql(`alter table connector.run_seen_before rename constraint run_seen_pkey to run_seen_before_pkey`);
    this.addSql(`create table connector.run_seen (
      run_id uuid not null, what text not null, key text collate "C" not null, profile text null, primary key (run_id, what, key)) partition by list (run_id)`);
    this.addSql(`do $$ declare run uuid; begin
      for run in select id from connector.run where status = 'running' loop
        execute format('create table connector.%I partition of connector.run_seen for values in (%L)', 'run_seen_' || replace(run::text, '-', ''), run);
      end loop;
    end $$`);
    this.addSql(`insert into connector.run_seen (run_id, what, key, profile)
      select run_id, what, key, profile from connector.run_seen_before where run_id in (select id from connector.run where status = 'running')`);
    this.addSql(`drop table connector.run_seen_before`);
  }
}
