import { IsIn, IsInt, IsObject, IsOptional, IsString, Max, Min, MinLength } from 'class-validator';
import { PluginRollout } from '../rollout/plugin-rollout.js';

/** One entry of a tenant's `plugins`. They are asked in the order in which they stand. */
export class PluginSettings {
  /** A built-in plugin by its name, an npm package, or a file whose path is relative to this one. */
  @IsString()
  @MinLength(1)
  use: string;

  /** What the plugin itself wants to be told; checked by its own rules. */
  @IsOptional()
  @IsObject()
  settings?: Record<string, unknown>;

  /** When it fails: `skip` goes on without it, `hold` parks the delivery until somebody replays it. */
  @IsIn(['skip', 'hold'])
  onError: 'skip' | 'hold' = 'skip';

  /** How long a hook may take for one input. Milliseconds. */
  @IsInt()
  @Min(1)
  @Max(10_000)
  timeoutMs: number = 50;

  /** How much memory it may need. Megabytes. */
  @IsInt()
  @Min(16)
  @Max(4_096)
  memoryMb: number = 64;

  /** Who it takes part for; without it everybody. */
  @IsOptional()
  @IsObject()
  rollout?: PluginRollout;
}
