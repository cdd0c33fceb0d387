import { Migration } from '@mikro-orm/migrations';

/**
 * Every statement looks rows up by an index, so rough statistics are enough, and none are needed of what is only ever read. With the server's
 * defaults analyzing a hundred thousand persons kept a processor busy for a second, most of it reading their documents, and webhooks waited beside it.
 */
export class CoarseStatistics extends Migration {
  override name = '2026-11-coarse-statistics';

  override up(): void {
    this.addSql(`do $$ declare one record; begin
      for one in select attrelid::regclass as "table", quote_ident(attname) as "column", case when atttypid = 'jsonb'::regtype or attname in ('body', 'words') then 0 else 10 end as target
        from pg_attribute where attnum > 0 and not attisdropped and attrelid in (
          'connector.delivery'::regclass, 'connector.person'::regclass, 'connector.person_identifier'::regclass, 'connector.command'::regclass, 'connector.outbox'::regclass, 'connector.ledger'::regclass)
      loop
        execute format('alter table %s alter column %s set statistics %s', one."table", one."column", one.target);
      end loop;
    end $$`);
  }
}
