import { ConnectorError, type Log, type Meter } from '#core';
import { FileProvider } from './file-provider.js';
import type { Flags } from './flags.js';
import { readRolloutFile } from './rollout-file.js';
import type { Source, SourceState } from './source.js';
import { contentOf, WatchedFile, type Content } from './watched-file.js';

export interface FileOptions {
  path: string;
  /** True: somebody named the file, so that its absence is a mistake. */
  isAsked: boolean;
  lookEveryMs: number;
}

/** The configuration, and over it the rollout file as it is now. */
export class FileSource implements Source {
  readonly isOwn = true;
  readonly provider: FileProvider;
  private readonly watched: WatchedFile;
  private problem: string | undefined;
  private warning: string | undefined;
  private exists: boolean;
  private changedAt: number | undefined;

  /** A file with a problem stops the start: nobody waits for this process yet, and its last good state is not known. */
  static async open(flags: Flags, options: FileOptions, log: Log, meter: Meter): Promise<FileSource> {
    const content = await contentOf(options.path);
    const problems = !content && options.isAsked ? ['there is no such file, or it cannot be read'] : [];
    const file = readRolloutFile(content?.text ?? '', flags.names(), problems);
    problems.push(...file.unknown);
    if (problems.length > 0) throw new ConnectorError('SETTINGS_INVALID', problems.map((problem) => `\n  ROLLOUT_FILE (${options.path}): ${problem}`).join(''));
    flags.overlay(file.rollouts);
    return new FileSource(flags, options, content, log, meter);
  }

  private constructor(
    private readonly flags: Flags,
    private readonly options: FileOptions,
    content: Content,
    private readonly log: Log,
    private readonly meter: Meter,
  ) {
    this.provider = new FileProvider((key) => flags.byFlagKey(key)?.definition);
    this.exists = content !== undefined;
    this.changedAt = content?.changedAt;
    this.watched = new WatchedFile(options.path, content?.text, options.lookEveryMs, (changed) => this.take(changed));
  }

  state(): SourceState {
    return {
      source: 'configuration',
      file: this.options.path,
      exists: this.exists,
      ...(this.changedAt === undefined ? {} : { changedAt: new Date(this.changedAt).toISOString() }),
      ...(this.problem === undefined ? {} : { problem: this.problem }),
      ...(this.warning === undefined ? {} : { warning: this.warning }),
    };
  }

  close(): void {
    this.watched.close();
  }

  private take(content: Content): void {
    this.exists = content !== undefined;
    // A plugin that was rolled back must not come back because a file got lost.
    if (!content) return this.refuse(['it is gone or cannot be read; to take back all it said, empty it']);
    const problems: string[] = [];
    const file = readRolloutFile(content.text, this.flags.names(), problems);
    if (problems.length > 0) return this.refuse(problems);
    const changed = this.flags.overlay(file.rollouts);
    this.changedAt = content.changedAt;
    this.problem = undefined;
    this.warning = file.unknown.length > 0 ? file.unknown.join('; ') : undefined;
    this.meter.count('connector_rollout_changes_total', { outcome: 'taken' });
    if (this.warning) this.log.warn('the rollout file names what is not here', { warning: this.warning });
    for (const { flag, before } of changed) this.log.info('rollout changed', { tenant: flag.tenant, plugin: flag.plugin, before, now: flag.definition.words });
    this.provider.changed(changed.map(({ flag }) => flag.key));
  }

  private refuse(problems: string[]): void {
    this.problem = problems.join('; ');
    this.meter.count('connector_rollout_changes_total', { outcome: 'refused' });
    this.log.error('the rollout file cannot be used; what it said before stays in force', { code: 'ROLLOUT_FILE_UNUSABLE', problem: this.problem });
  }
}
