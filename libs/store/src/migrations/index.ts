import { Background } from './background.js';
import { CoarseStatistics } from './coarse-statistics.js';
import { FirstProfiles } from './first-profiles.js';
import { FirstTables } from './first-tables.js';
import { PhaseBegan } from './phase-began.js';
import { PermitTables } from './permits.js';
import { RunTables } from './runs.js';
import { SeenByRun } from './seen-by-run.js';
import { WalkOrder } from './walk-order.js';

/** In the order they run. Only ever add to the end: what has run somewhere is never changed. */
export const migrations = [FirstTables, PermitTables, Background, RunTables, WalkOrder, FirstProfiles, PhaseBegan, SeenByRun, CoarseStatistics];
