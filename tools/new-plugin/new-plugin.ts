import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';

/*
 * npm run new:plugin -- <name> [folder] [--connector <version, address or tarball>]
 *
 * Makes a package for a plugin, outside of this one. It depends on the connector as it stands here, packed into its folder, unless told
 * otherwise.
 */

const root = resolve(import.meta.dirname, '../..');
const { positionals, values } = parseArgs({ allowPositionals: true, options: { connector: { type: 'string' } } });
const [name, given] = positionals;
if (!name || !/^(@[a-z\d-]+\/)?[a-z\d][a-z\d-]*$/.test(name)) stop('npm run new:plugin -- <name> [folder]; a name is made of small letters, digits and dashes, with or without a scope: store-lists, @acme/store-lists');

const pluginName = basename(name);
const folder = given ? resolve(given) : resolve(root, '..', pluginName);
if (existsSync(folder) && readdirSync(folder).length > 0) stop(`${folder} is not empty`);

mkdirSync(folder, { recursive: true });
cpSync(join(import.meta.dirname, 'template'), folder, { recursive: true });
const { version, dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string; dependencies: Record<string, string>; devDependencies: Record<string, string> };
const words: Record<string, string> = {
  PACKAGE_NAME: name,
  PLUGIN_NAME: pluginName,
  CONNECTOR_VERSION: version,
  CONNECTOR_SPEC: values.connector ?? `file:${pack()}`,
  CLASS_VALIDATOR_VERSION: dependencies['class-validator']!,
  TYPES_NODE_VERSION: devDependencies['@types/node']!,
  TYPESCRIPT_VERSION: devDependencies['typescript']!,
};
for (const file of ['package.json', 'README.md', 'src/index.ts', 'src/index.test.ts']) {
  const path = join(folder, file);
  writeFileSync(path, readFileSync(path, 'utf8').replaceAll(/\b[A-Z]+(_[A-Z]+)+\b/g, (word) => words[word] ?? word));
}
writeFileSync(join(folder, '.gitignore'), 'node_modules/\ndist/\n');
process.stdout.write(`${relative(process.cwd(), folder)} is there. Next:\n  cd ${relative(process.cwd(), folder)} && npm install && npm test\n`);

function pack(): string {
  const packed = spawnSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: root, encoding: 'utf8', shell: process.platform === 'win32' });
  const tarball = packed.stdout.trim().split('\n').at(-1);
  if (packed.status !== 0 || !tarball) stop(`the connector could not be packed\n${packed.stdout}${packed.stderr}`);
  return tarball;
}

function stop(words: string): never {
  process.stderr.write(`${words}\n`);
  process.exit(1);
}
