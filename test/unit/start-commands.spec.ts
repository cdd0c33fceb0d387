import { readdirSync, readFileSync } from 'node:fs';

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
/** Source maps only make stack traces readable, which nobody has beside an image. */
const optionsOf = (command: string) => (command.match(/--[\w=-]+/g) ?? []).filter((option) => !['--silent', '--once', '--enable-source-maps'].includes(option));
const documents = ['README.md', ...readdirSync('docs').filter((file) => file.endsWith('.md')).map((file) => `docs/${file}`)];
const commands = documents.flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/\bnode,? [-\w=, ]*dist\/apps\/(connector|reconciler)\/src\/main\.js/g)].map(([command, app]) => ({ file, command, app: app! })));

describe('an image', () => {
  it.each(commands)('is started by $file ($app) with the options that npm starts it with', ({ command, app }) => {
    expect(optionsOf(command)).toEqual(optionsOf(scripts[app === 'connector' ? 'start' : 'reconcile']!));
  });

  it('of both processes is described', () => {
    expect(new Set(commands.map(({ app }) => app))).toEqual(new Set(['connector', 'reconciler']));
  });
});
