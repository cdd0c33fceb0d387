import { type Answer, json } from '../http/exchange.js';
import { bodyOf, type Call, identifiersOf, mapOf, now, type Operation } from './call.js';
import { searchPasses } from './pass-search.js';
import { bareString, empty, problem, Rejected } from './problem.js';
import type { Pass } from './tenant.js';

const listPasses: Operation = {
  id: 'list_passes',
  scope: 'Pass.Read',
  run: ({ tenant, exchange }) => {
    const { passes, total } = searchPasses(tenant, exchange.query);
    return { ...json(200, passes, { 'x-pagination-total': String(total) }), items: passes.length };
  },
};

/** Open, as the vendor's browser SDK calls it: 200 with the pass's id as text, or 204. */
const findPass: Operation = {
  id: 'find_pass',
  run: ({ tenant, exchange }) => {
    const { passType, ...given } = Object.fromEntries(exchange.query);
    const [pass] = tenant.passesWith(identifiersOf(given)).filter((one) => passType === undefined || one.passType === passType);
    return pass ? bareString(pass.id, exchange.headers.accept) : empty(204);
  },
};

const createPass: Operation = {
  id: 'create_pass',
  scope: 'Pass.Write',
  run: (call) => {
    const body = bodyOf(call);
    const passType = call.exchange.query.get('passType');
    if (!passType) throw new Rejected(problem(400, 'One or more validation errors occurred.', null, { passType: ['The passType field is required.'] }));
    const at = now(call);
    const pass = call.tenant.createPass({ passType, identifiers: identifiersOf(body['identifiers']), metadata: mapOf(body['metadata']), additionalData: mapOf(body['additionalData']) }, at);
    call.announce({ kind: 'Pass:Created', at, ...about(pass) });
    return bareString(pass.id, call.exchange.headers.accept);
  },
};

const updatePass: Operation = {
  id: 'update_pass',
  scope: 'Pass.Write',
  run: (call) => {
    const pass = call.tenant.passes.get(call.parameters['passId'] ?? '');
    return update(call, pass ? [pass] : [], bodyOf(call), call.exchange.query.get('passType'));
  },
};

const updatePassByIdentifiers: Operation = {
  id: 'update_pass_by_identifiers',
  scope: 'Pass.Write',
  run: (call) => {
    const body = bodyOf(call);
    const passType = call.exchange.query.get('passType');
    const passes = call.tenant.passesWith(identifiersOf(body['identifiers'])).filter((pass) => passType === null || pass.passType === passType);
    return update(call, passes, body, null);
  },
};

/** "Update passes from Klaviyo campaigns": the one documented Klaviyo listener. */
const pushUpdate: Operation = {
  id: 'push_update',
  scope: 'KlaviyoListener.Write',
  run: (call) => {
    const body = bodyOf(call);
    if (!('identifiers' in body)) throw new Rejected(problem(400, 'One or more validation errors occurred.', null, { identifiers: ['The identifiers field is required.'] }));
    const passType = typeof body['passType'] === 'string' ? body['passType'] : null;
    // All given identifiers must match, exactly as written.
    return update(call, call.tenant.passesWith(identifiersOf(body['identifiers'])), body, passType);
  },
};


/** Not documented by the vendor beyond its existence: path, body and scope are an invention of this emulator. */
const notifyPass: Operation = {
  id: 'notify_pass',
  scope: 'Pass.Write',
  run: (call) => {
    const pass = call.tenant.passes.get(call.parameters['passId'] ?? '');
    if (!pass) return empty(404);
    const body = bodyOf(call);
    const content = typeof body['content'] === 'string' ? body['content'] : null;
    const localized = Object.keys(mapOf(body['localizedContent'])).length > 0 ? (body['localizedContent'] as Record<string, string>) : null;
    if (content === null && localized === null) {
      throw new Rejected(problem(400, 'One or more validation errors occurred.', null, { content: ['content may only be null when localizedContent is given.'] }));
    }
    call.tenant.notifications.push({ passId: pass.id, content, localizedContent: localized, at: now(call) });
    return empty(200);
  },
};

/** A stand-in for the wallet file itself; it opens in no wallet. */
const downloadPass: Operation = {
  id: 'download_pass',
  run: ({ tenant, exchange, parameters }) => {
    const pass = tenant.passes.get(parameters['passId'] ?? '');
    if (!pass) return empty(404);
    if (exchange.query.get('device') === 'google') return { status: 200, headers: { 'content-type': 'text/plain' }, body: `emulated.${Buffer.from(pass.id).toString('base64url')}.jwt` };
    return { status: 200, headers: { 'content-type': 'application/vnd.apple.pkpass' }, body: `emulated pass ${pass.id}` };
  },
};

function update(call: Call, passes: readonly Pass[], body: Record<string, unknown>, passType: string | null): Answer {
  if (passes.length === 0) return empty(404);
  const at = now(call);
  for (const pass of passes) {
    if (passType) pass.passType = passType;
    Object.assign(pass.additionalData, mapOf(body['additionalData']));
    Object.assign(pass.metadata, mapOf(body['metadata']));
    call.tenant.touch(pass, at);
    call.announce({ kind: 'Pass:Updated', at, ...about(pass) });
  }
  return { ...empty(200), items: passes.length };
}

const about = (pass: Pass) => ({
  passId: pass.id,
  passType: pass.passType,
  identifiers: pass.identifiers,
  metadata: pass.metadata as Record<string, string | number | boolean>,
  additionalData: pass.additionalData,
});

export const passOperations = { listPasses, findPass, createPass, updatePass, updatePassByIdentifiers, pushUpdate, notifyPass, downloadPass };
