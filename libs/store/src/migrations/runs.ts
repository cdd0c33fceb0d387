import { Migration } from '@mikro-orm/migrations';

/** Runs of reconciliation and what they have seen; and how deliveries and events are found that belong to a person or a day. */
export class RunTables extends Migration {
  override name = '2026-11-runs';

  override up(): void {
    this.addSql(`create table connector.run (
      id uuid not null, tenant text not null, options jsonb not null, status text not null, started_at timestamptz(3) not null, ended_at timestamptz(3) null,
      resumed int not null, checkpoint jsonb not null, report jsonb null, code text null, lease text null, leased_until timestamptz(6) null,
      cancel_asked boolean not null, primary key (id))`);
    this.addSql(`create unique index run_running on connector.run (tenant) where status = 'running'`);
    this.addSql(`create index run_started on connector.run (tenant, started_at)`);
    // The run comes first: what one run sees lies together, and is forgotten together.
    this.addSql(`create table connector.run_seen (run_id uuid not null, what text not null, key text not null, primary key (run_id, what, key))`);

    this.addSql(`alter table connector.delivery add column person_id text null`);
    this.addSql(`create index delivery_person on connector.delivery (tenant, person_id, id) where person_id is not null`);
    // Nothing in it changes when a command ends. An index that named how it ended would cost every acceptance new entries in all indexes of the table.
    this.addSql(`create index command_event on connector.command (tenant, (command->>'metric'), ((command->'at')::bigint)) where lane = 'track'`);
  }
}
