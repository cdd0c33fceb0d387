import { FlagNotFoundError, OpenFeatureEventEmitter, ProviderEvents, StandardResolutionReasons, TypeMismatchError, type EvaluationContext, type Provider, type ResolutionDetails } from '@openfeature/server-sdk';
import type { Definition } from './definition.js';

/** OpenFeature over what connector.yaml and the rollout file say. */
export class FileProvider implements Provider {
  readonly metadata = { name: 'rollout file' };
  readonly runsOn = 'server';
  readonly events = new OpenFeatureEventEmitter();

  constructor(private readonly definitionOf: (flagKey: string) => Definition | undefined) {}

  changed(flagsChanged: string[]): void {
    this.events.emit(ProviderEvents.ConfigurationChanged, { flagsChanged });
  }

  async resolveStringEvaluation(flagKey: string, _otherwise: string, context: EvaluationContext): Promise<ResolutionDetails<string>> {
    const definition = this.definitionOf(flagKey);
    if (!definition) throw new FlagNotFoundError(`there is no flag ${flagKey}`);
    const value = definition.stage(context);
    return { value, variant: value, reason: definition.everybody ? StandardResolutionReasons.STATIC : StandardResolutionReasons.TARGETING_MATCH };
  }

  resolveBooleanEvaluation = noStage;
  resolveNumberEvaluation = noStage;
  resolveObjectEvaluation = noStage;
}

async function noStage(): Promise<never> {
  throw new TypeMismatchError('a stage is a text');
}
