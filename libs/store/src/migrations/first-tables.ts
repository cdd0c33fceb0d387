import { Migration } from '@mikro-orm/migrations';

/** The tables as `entities.ts` describes them; a test compares the two. */
export class FirstTables extends Migration {
  override name = '2026-11-first-tables';

  override up(): void {
    this.addSql(`create schema if not exists connector`);

    this.addSql(`create table connector.delivery (
      id uuid not null, tenant text not null, key text not null, received_at timestamptz(3) not null, event jsonb not null,
      body text not null, status text not null, code text null, notes jsonb not null, redeliveries int not null, primary key (id))`);
    this.addSql(`alter table connector.delivery add constraint delivery_key unique (tenant, key)`);
    this.addSql(`create index delivery_undecided on connector.delivery (tenant, id) where status = 'undecided'`);
    this.addSql(`create index delivery_parked on connector.delivery (tenant, id) where status = 'parked'`);

    this.addSql(`create table connector.person (
      tenant text not null, id text not null, state jsonb not null, identity jsonb not null, updated_at timestamptz(3) not null, token_at timestamptz(3) null,
      primary key (tenant, id))`);
    this.addSql(`create index person_token on connector.person (tenant, token_at) where token_at is not null`);
    this.addSql(`create table connector.person_identifier (
      tenant text not null, identifier text not null, person_id text not null, primary key (tenant, identifier, person_id))`);
    this.addSql(`create index person_identifier_person on connector.person_identifier (tenant, person_id)`);

    this.addSql(`create table connector.command (
      id uuid not null, tenant text not null, lane text not null, delivery_id uuid not null, person_id text not null,
      command jsonb not null, dedupe_key text null, outcome text null, attempts int not null, code text null, words text null,
      settled_at timestamptz(6) null, primary key (id))
      with (fillfactor = 50)`);
    // Half of each page stays free: how a command ends is then written beside it, and no index is touched.
    this.addSql(`alter table connector.command add constraint command_dedupe_key unique (tenant, dedupe_key)`);
    this.addSql(`create index command_person on connector.command (tenant, person_id, lane)`);
    this.addSql(`create index command_delivery on connector.command (delivery_id)`);

    this.addSql(`create table connector.outbox (
      command_id uuid not null, tenant text not null, lane text not null, person_id text not null, bytes int not null, state text not null, after_profile boolean not null,
      attempts int not null, due_at timestamptz(6) not null, leased boolean not null, alone boolean not null, receipt text null, position int null,
      primary key (command_id))
      with (fillfactor = 50)`);
    // The same for a lease: neither `leased` nor `due_at` is in an index.
    this.addSql(`create index outbox_due on connector.outbox (tenant, lane, attempts, command_id) where state = 'pending'`);
    // Without events, which are nearly all of it: nobody looks for those by person.
    this.addSql(`create index outbox_person on connector.outbox (tenant, person_id, lane) where lane <> 'track'`);
    this.addSql(`create index outbox_waiting on connector.outbox (tenant, person_id) where state = 'waiting'`);
    this.addSql(`create index outbox_import on connector.outbox (tenant, receipt) where state = 'importing'`);
    this.addSql(`create index outbox_refused on connector.outbox (tenant, command_id) where state = 'refused'`);

    this.addSql(`create table connector.ledger (
      id bigserial primary key, command_id uuid not null, at timestamptz(3) not null, outcome text not null, code text null, words text null)`);
    this.addSql(`create index ledger_command on connector.ledger (command_id)`);

    this.addSql(`create table connector.watermark (
      tenant text not null, name text not null, at timestamptz(3) not null, primary key (tenant, name))`);

    this.addSql(`create table connector.notification (command_id uuid not null, tenant text not null, pass_id text not null, at timestamptz(6) not null, primary key (command_id))`);
    this.addSql(`create index notification_pass on connector.notification (tenant, pass_id, at)`);

    // Rows of these tables change several times and die young. With the server's defaults statistics lag far behind and
    // the planner starts to scan what it should look up.
    for (const table of ['delivery', 'command', 'outbox', 'person']) {
      this.addSql(`alter table connector.${table} set (
        autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 500)`);
    }
  }
}
