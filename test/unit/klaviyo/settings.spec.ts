import { validateSync } from 'class-validator';
import { KlaviyoSettings } from '#klaviyo';
import { settingsFor } from './fakes.js';

describe('Klaviyo settings', () => {
  const wrong = (more: object) => validateSync(settingsFor('https://a.klaviyo.com', more)).map(({ property }) => property);

  it('need a key and nothing else', () => {
    expect(validateSync(new KlaviyoSettings()).map(({ property }) => property)).toEqual(['apiKey']);
    expect(new KlaviyoSettings()).toMatchObject({ baseUrl: 'https://a.klaviyo.com', quotaShare: 1, timeoutMs: 10_000, connectTimeoutMs: 3000 });
  });

  it('take an emulator on this machine as well', () => {
    expect(validateSync(settingsFor('http://127.0.0.1:4010'))).toEqual([]);
    expect(validateSync(settingsFor('http://klaviyo:8080'))).toEqual([]);
  });

  it.each([{ baseUrl: 'a.klaviyo.com' }, { apiKey: '' }, { quotaShare: 0 }, { quotaShare: 1.5 }, { listId: '' }, { timeoutMs: 0 }])('do not take %p', (more) => {
    expect(wrong(more)).toEqual(Object.keys(more));
  });
});
