import { IsOptional, IsString, MinLength } from 'class-validator';

export class RolloutSettings {
  /** An npm package or a file whose default export is an OpenFeature provider, or a function that gives one. It decides instead of `rollout` of the plugins and the rollout file. */
  @IsOptional()
  @IsString()
  @MinLength(1)
  provider?: string;
}
