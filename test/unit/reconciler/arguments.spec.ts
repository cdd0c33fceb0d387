import { readArguments } from '../../../apps/reconciler/src/arguments.js';

describe('whoever asks how the reconciler is called', () => {
  it('is told, and no run begins', () => expect(readArguments(['--once', '--help'], 0)).toBeUndefined());
});
