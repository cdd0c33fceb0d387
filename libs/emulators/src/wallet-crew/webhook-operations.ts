import { json } from '../http/exchange.js';
import { bodyOf, type Call, type Operation } from './call.js';
import { empty, problem, Rejected } from './problem.js';
import type { Subscription } from './subscriptions.js';

/** Reads what a caller may set; `partial` for PATCH. */
function readSubscription(call: Call, partial: boolean): Partial<Omit<Subscription, 'id' | 'signatureSecret'>> {
  const body = bodyOf(call);
  const errors: Record<string, string[]> = {};
  const { endpoint, events, description, enabled } = body;
  if (endpoint === undefined ? !partial : typeof endpoint !== 'string' || !URL.canParse(endpoint)) errors['endpoint'] = ['The endpoint must be a URI.'];
  if (events === undefined ? !partial : !Array.isArray(events) || events.length === 0 || !events.every((name) => typeof name === 'string')) errors['events'] = ['At least one event is required.'];
  if (enabled !== undefined && typeof enabled !== 'boolean') errors['enabled'] = ['enabled must be a boolean.'];
  if (description !== undefined && description !== null && typeof description !== 'string') errors['description'] = ['description must be a string.'];
  for (const name of Object.keys(body)) {
    if (!['endpoint', 'events', 'description', 'enabled'].includes(name)) errors[name] = ['This field is not known.'];
  }
  if (Object.keys(errors).length > 0) throw new Rejected(problem(400, 'One or more validation errors occurred.', null, errors));
  return body as Partial<Subscription>;
}

const find = ({ tenant, parameters }: Call) => tenant.subscriptions.get(parameters['id'] ?? '');

const list: Operation = { id: 'list_webhooks', scope: 'Webhook.Read', run: ({ tenant }) => json(200, tenant.subscriptions.list()) };

const get: Operation = {
  id: 'get_webhook',
  scope: 'Webhook.Read',
  run: (call) => {
    const subscription = find(call);
    return subscription ? json(200, subscription) : empty(404);
  },
};

const create: Operation = {
  id: 'create_webhook',
  scope: 'Webhook.Write',
  run: (call) => {
    const { endpoint, ...fields } = readSubscription(call, false);
    return json(200, call.tenant.subscriptions.add({ endpoint: endpoint!, ...fields }));
  },
};

const update: Operation = {
  id: 'update_webhook',
  scope: 'Webhook.Write',
  run: (call) => {
    const subscription = find(call);
    if (!subscription) return empty(404);
    return json(200, Object.assign(subscription, readSubscription(call, true)));
  },
};

const remove: Operation = {
  id: 'delete_webhook',
  scope: 'Webhook.Write',
  run: ({ tenant, parameters }) => empty(tenant.subscriptions.remove(parameters['id'] ?? '') ? 204 : 404),
};

export const webhookOperations = { list, get, create, update, remove };
