import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';

// Loaded into a measured process with `--profile <folder>`: SIGUSR2 starts its CPU profile, another one writes it.
// (`--cpu-prof` would include the start, and writes nothing when a signal ends the process.)
const session = new Session();
let recording = false;

process.on('SIGUSR2', () => void toggle());

async function toggle(): Promise<void> {
  recording = !recording;
  if (recording) {
    session.connect();
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: 500 });
    return session.post('Profiler.start').then(() => undefined);
  }
  const { profile } = await session.post('Profiler.stop');
  writeFileSync(join(process.env['BENCH_PROFILE']!, `${process.pid}-${Date.now()}.cpuprofile`), JSON.stringify(profile));
  session.disconnect();
}
