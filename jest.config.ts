import type { Config } from 'jest';

// CommonJS transform on purpose: Jest 30 loads the ESM-only packages (NestJS, MikroORM, pg-boss) through require(esm),
// which needs --experimental-vm-modules; an ESM transform ends in ERR_REQUIRE_CYCLE as soon as a CommonJS package imports Nest.
const transform: Config['transform'] = {
  '^.+\\.ts$': [
    '@swc/jest',
    {
      swcrc: false,
      sourceMaps: 'inline',
      jsc: {
        target: 'es2023',
        parser: { syntax: 'typescript', decorators: true },
        transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
        keepClassNames: true,
      },
      module: { type: 'commonjs' },
    },
  ],
};

const project = (name: string, folder: string) => ({
  displayName: name,
  rootDir: import.meta.dirname,
  roots: [`<rootDir>/test/${folder}`],
  testMatch: ['**/*.spec.ts'],
  testEnvironment: 'node',
  // This exact key: a wrong one makes "#core" resolve to a stale dist/ without a word.
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'node-addons'] },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform,
});

export default {
  projects: [
    project('unit', 'unit'),
    { ...project('ports', 'ports'), globalSetup: '<rootDir>/test/support/database-server.ts', globalTeardown: '<rootDir>/test/support/database-server-stop.ts' },
    project('contract', 'contract'),
    { ...project('e2e', 'e2e'), globalSetup: '<rootDir>/test/support/database-server.ts', globalTeardown: '<rootDir>/test/support/database-server-stop.ts' },
  ],
  // Many tests wait for processes and leases rather than compute; Jest's own default would leave a core idle.
  maxWorkers: '100%',
  testTimeout: 60_000,
  // A test that fails half-way may leave a server open; a run that never ends would hide the failure.
  forceExit: true,
} satisfies Config;
