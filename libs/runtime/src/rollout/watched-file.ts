import { readFile, stat } from 'node:fs/promises';

/** Undefined: there is no such file, or it cannot be read. */
export type Content = { text: string; changedAt: number } | undefined;

export async function contentOf(path: string): Promise<Content> {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(path, 'utf8'), stat(path)]);
    return { text, changedAt: Math.round(mtimeMs) };
  } catch {
    return undefined;
  }
}

/**
 * Looks at a file again and again and tells when it holds something else. Looking at the content works everywhere; the system's own
 * notices do not: a ConfigMap changes by a link two folders above the file being turned to another folder.
 */
export class WatchedFile {
  private seen: string | undefined;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    private readonly path: string,
    private known: string | undefined,
    private readonly everyMs: number,
    private readonly changed: (content: Content) => void,
  ) {
    this.seen = known;
    this.plan();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  private plan(): void {
    this.timer = setTimeout(() => void this.look().finally(() => this.closed || this.plan()), this.everyMs).unref();
  }

  /** What two looks in a row have found counts: a file that is being written may be read half, and half a YAML file is often valid. */
  private async look(): Promise<void> {
    const content = await contentOf(this.path);
    const isSettled = content?.text === this.seen;
    this.seen = content?.text;
    if (this.closed || !isSettled || this.seen === this.known) return;
    this.known = this.seen;
    this.changed(content);
  }
}
