import { IsString } from 'class-validator';
import { definePlugin, type Plugin } from '#core';
import { askHook } from '#isolate';
import { aPerson } from './samples.js';

class Rules {
  @IsString()
  list: string;
}

const input = { person: aPerson(), lists: [] };
const sample = (routeLists: Plugin<Rules>['routeLists'] & object) => definePlugin<Rules>({ name: 'sample', api: 1, settings: Rules, routeLists });

describe('askHook asks as the connector does:', () => {
  it('settings are an object of the plugin\'s class', async () => {
    const plugin = sample((_, settings) => [{ consent: settings instanceof Rules ? 'yes' : 'no', list: settings.list }]);
    expect(await askHook(plugin, 'routeLists', input, { list: 'A' })).toEqual([{ consent: 'yes', list: 'A' }]);
  });

  it('settings with problems are listed by path', async () => {
    await expect(askHook(sample(() => []), 'routeLists', input, { list: 5, lst: 'A' })).rejects.toThrow(/settings\.list: .*string[^]*settings\.lst: there is no such setting|settings\.lst[^]*settings\.list/);
  });

  it('the input is frozen, and the caller\'s own stays as it is', async () => {
    const changing = sample(({ lists }) => {
      lists.push({ consent: 'a' });
      return lists;
    });
    await expect(askHook(changing, 'routeLists', input, { list: 'A' })).rejects.toThrow(TypeError);
    expect(Object.isFrozen(input)).toBe(false);
  });

  it('an answer that is no plain data is refused', async () => {
    await expect(askHook(sample((() => [() => 1]) as never), 'routeLists', input, { list: 'A' })).rejects.toThrow('routeLists returned a function');
  });

  it('a hook the plugin does not have is an error of the test', async () => {
    await expect(askHook(sample(() => []), 'passLink', { person: aPerson(), link: { page: 'pass', url: 'https://a.example' } })).rejects.toThrow('The plugin sample has no hook passLink.');
  });
});
