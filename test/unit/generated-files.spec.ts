import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { generatedFiles } from '../support/generated-files.js';

// `npm run generate` runs this file with UPDATE_GENERATED=1 and so writes what it otherwise compares.
describe('generated files', () => {
  it.each(Object.entries(generatedFiles))('%s is in step with the code', (path, generate) => {
    const content = generate();
    if (process.env['UPDATE_GENERATED']) writeFileSync(path, content);
    expect(existsSync(path) ? readFileSync(path, 'utf8') : 'missing').toBe(content);
  });
});
