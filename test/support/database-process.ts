import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';

/** Lets plain Node run our TypeScript sources, whose imports end in `.js`. */
const hooks = `
  import { registerHooks } from 'node:module';
  registerHooks({
    resolve(specifier, context, next) {
      try { return next(specifier, context); }
      catch (error) { if (!specifier.endsWith('.js')) throw error; return next(specifier.slice(0, -3) + '.ts', context); }
    },
  });`;

export interface OtherProcess {
  child: ChildProcess;
  pid: number;
  /** Resolves with the first line that matches, also one said before; fails if the process ends without saying it. */
  says(pattern: RegExp): Promise<RegExpMatchArray>;
  /** `kill -9`, and then it is gone. */
  kill(): Promise<void>;
}

/** Runs code that imports `#store` in a process of its own, one that can be killed. */
export function runProcess(code: string, args: string[] = []): OtherProcess {
  const child = spawn(
    process.execPath,
    ['--conditions=source', '--experimental-transform-types', '--no-warnings', '--import', `data:text/javascript,${encodeURIComponent(hooks)}`, '--input-type=module-typescript', '-e', code, '--', ...args],
    { cwd: join(__dirname, '..', '..'), stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let said = '';
  let complained = '';
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
  child.stdout!.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr!.on('data', (chunk: Buffer) => (complained += chunk.toString()));
  return {
    child,
    pid: child.pid!,
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = said.match(pattern);
          if (found) resolve(found);
        };
        child.stdout!.on('data', look);
        void gone.then(() => reject(new Error(`Ended without saying ${pattern}: ${said} ${complained}`)));
        look();
      }),
    kill: async () => {
      child.kill('SIGKILL');
      await gone;
    },
  };
}
