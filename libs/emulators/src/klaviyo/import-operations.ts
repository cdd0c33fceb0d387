import { invalid, notFound, Refusal } from './errors.js';
import { jobId } from './ids.js';
import { importErrorJson, ImportJob } from './import-job.js';
import { listJson } from './list-json.js';
import { findList } from './list-operations.js';
import type { List } from './list.js';
import { type Call, document, type Operation } from './operation.js';
import { hasIdentifier, noIdentifierDetail, type ProfileChange, readProfile } from './profile-change.js';
import { listFields, pageLinks, readQuery, selfLink, sparse } from './query.js';
import { pageOf, sortedSequence } from './sequence.js';
import { document as readDocument, type Fields, Inspection, isObject } from './shape.js';
import { instant } from './time.js';

const pointer = '/data/attributes/profiles/data';
const maxProfileBytes = 100_000;
const jobFields = ['completed_at', 'completed_count', 'created_at', 'expires_at', 'failed_count', 'id', 'started_at', 'status', 'total_count'] as const;
/** How long a finished job can be read is not published; a week is an assumption. */
const lifetime = 7 * 86_400 * 1_000_000;

export const bulkImportProfiles: Operation = (call) => {
  const { account, body, exchange, limit, settings } = call;
  const inspection = new Inspection();
  const data = readDocument(inspection, body, 'profile-bulk-import-job');
  const attributes = data && inspection.object(data['attributes'], '/data/attributes');
  const wrapped = attributes && inspection.object(attributes['profiles'], '/data/attributes/profiles');
  const profiles = (wrapped && inspection.array(wrapped['data'], pointer)) ?? [];
  if (limit.maxItems !== undefined && profiles.length > limit.maxItems) {
    throw new Refusal([invalid(pointer, `A request may have ${limit.maxItems} profiles, this one has ${profiles.length}.`)]);
  }
  const entries: { change: ProfileChange; payload: unknown }[] = [];
  for (const [index, payload] of profiles.entries()) {
    const at = `${pointer}/${index}`;
    const change = readProfile(inspection, payload, at, 'profile');
    if (!change) continue;
    if (!hasIdentifier(change)) inspection.add(`${at}/attributes`, noIdentifierDetail);
    const text = JSON.stringify(payload);
    if (text.length > maxProfileBytes / 4 && Buffer.byteLength(text) > maxProfileBytes) inspection.add(at, 'A profile may not exceed 100 KB.');
    entries.push({ change, payload });
  }
  if (profiles.length === 0 && inspection.problems.length === 0) inspection.add(pointer, 'This list may not be empty.');
  inspection.refuse();

  const lists = relatedLists(call, data);
  const job = new ImportJob(jobId(account.id, account.nextSerial()), account.tick(), entries, lists);
  account.jobs.set(job.id, job);
  const { imports } = settings.delays;
  account.later(imports / 2, () => job.start(account.tick()));
  account.later(imports, () => job.apply(account));
  return document(202, { data: jobJson(job, exchange.origin), links: { self: selfLink(exchange) } }, entries.length);
};

function relatedLists({ account }: Call, data: Fields | undefined): List[] {
  const relationships = isObject(data?.['relationships']) ? data['relationships'] : {};
  const lists = isObject(relationships['lists']) && Array.isArray(relationships['lists']['data']) ? (relationships['lists']['data'] as unknown[]) : [];
  return lists.map((list) => findList(account, isObject(list) ? String(list['id']) : ''));
}

function jobJson(job: ImportJob, origin: string, fields?: readonly string[], withLists = false): Fields {
  const self = `${origin}/api/profile-bulk-import-jobs/${encodeURIComponent(job.id)}/`;
  const link = (name: string) => ({ self: `${self}relationships/${name}/`, related: `${self}${name}/` });
  const at = (micros: number | undefined) => (micros === undefined ? null : instant(micros));
  return {
    type: 'profile-bulk-import-job',
    id: job.id,
    attributes: sparse({
      status: job.status,
      created_at: instant(job.created),
      total_count: job.total,
      completed_count: job.completed,
      failed_count: job.failed,
      completed_at: at(job.finished),
      expires_at: instant(job.created + lifetime),
      started_at: at(job.started),
    }, fields),
    relationships: {
      lists: { ...(withLists ? { data: job.lists.map(({ id }) => ({ type: 'list', id })) } : {}), links: link('lists') },
      profiles: { links: link('profiles') },
      'import-errors': { links: { related: `${self}import-errors/` } },
    },
    links: { self },
  };
}

function findJob({ account, parameters }: Call, name: string): ImportJob {
  const job = account.jobs.get(parameters[name] ?? '');
  if (!job) throw new Refusal([notFound(`A profile-bulk-import-job with id ${parameters[name]} does not exist.`)]);
  return job;
}

export const getImportJob: Operation = (call) => {
  const query = readQuery(call.exchange, { include: ['lists'], fields: { 'profile-bulk-import-job': jobFields, list: listFields } }, call.limit);
  const job = findJob(call, 'job_id');
  const { origin } = call.exchange;
  const withLists = query.include.has('lists');
  return document(200, {
    data: jobJson(job, origin, query.fields['profile-bulk-import-job'], withLists),
    ...(withLists ? { included: job.lists.map((list) => listJson(list, origin, query.fields['list'])) } : {}),
    links: { self: selfLink(call.exchange) },
  }, 1);
};

export const getImportJobs: Operation = ({ account, exchange, limit }) => {
  const query = readQuery(exchange, { filter: { status: ['any', 'equals'] }, sort: ['created_at'], page: 'sized', fields: { 'profile-bulk-import-job': jobFields } }, limit);
  const jobs = [...account.jobs.values()].filter((job) => query.conditions.every(({ values }) => values.includes(job.status)));
  const page = pageOf(sortedSequence(jobs, (job) => job.created), { size: query.size, cursor: query.cursor, descending: query.descending, idOf: (job) => job.id });
  return document(200, { data: page.items.map((job) => jobJson(job, exchange.origin, query.fields['profile-bulk-import-job'])), links: pageLinks(exchange, page) }, page.items.length);
};

export const getImportErrors: Operation = (call) => {
  const query = readQuery(call.exchange, { page: 'sized', fields: { 'import-error': ['code', 'detail', 'id', 'original_payload', 'source', 'source.pointer', 'title'] } }, call.limit);
  const { errors } = findJob(call, 'id');
  const page = pageOf({ length: errors.length, key: (index) => index, item: (index) => errors[index]! }, { size: query.size, cursor: query.cursor, idOf: (error) => error.id });
  return document(200, { data: page.items.map(importErrorJson), links: pageLinks(call.exchange, page) }, page.items.length);
};
